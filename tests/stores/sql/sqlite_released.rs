//! SQLite: how it is remembered that a token was released.

use std::time::Duration;

use countersign::{Claimed, RELEASED_FOR, Settled, Store};

use super::{Folder, LEASE, is_in_flight, key, look, token};

const OVERTAKEN: Claimed = Claimed::InFlight { retry_after: Duration::ZERO };

/// Written together, the release comes first: the claim was perhaps asked for before it, and nobody
/// would settle it.
#[tokio::test]
async fn a_claim_in_one_commit_with_its_own_release_is_refused() {
    let (_folder, store, pool) = Folder::migrated().await;
    for claim_first in [true, false] {
        let (mine, mut tasks) = (token(), tokio::task::JoinSet::new());
        let lock = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        // One that is on its way already, for which the lock is waited for.
        let at_work = store.clone();
        tasks.spawn(async move {
            let _ = look(&at_work, key(2)).await;
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        for claims in [claim_first, !claim_first] {
            let store = store.clone();
            tasks.spawn(async move {
                match claims {
                    true => assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), OVERTAKEN),
                    false => {
                        assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Lost);
                    }
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        lock.rollback().await.unwrap();
        tasks.join_all().await;
    }
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
}

#[tokio::test]
async fn a_released_token_is_told_what_became_of_its_key() {
    let (_folder, store, pool) = Folder::migrated().await;
    let (mine, other) = (token(), token());
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), OVERTAKEN);
    // Another key is another matter.
    assert_eq!(store.claim(key(2), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(1), other, LEASE).await.unwrap(), Claimed::Fresh);
    assert!(is_in_flight(store.claim(key(1), mine, LEASE).await.unwrap()));
    assert_eq!(store.complete(key(1), other, LEASE).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Done);
    // What has run out, and was not purged, is not there any more.
    let expire = "UPDATE countersign SET expires_at = 1 WHERE length(key) = 16";
    sqlx::query(expire).execute(&pool).await.unwrap();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), OVERTAKEN);
}

#[tokio::test]
async fn a_release_is_remembered_for_its_time_and_purged() {
    let (_folder, store, pool) = Folder::migrated().await;
    let mine = token();
    for _ in 0..2 {
        assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Lost);
    }
    let left = "SELECT max(expires_at) - unixepoch('subsec') * 1000 FROM countersign";
    let left: f64 = sqlx::query_scalar(left).fetch_one(&pool).await.unwrap();
    let most = RELEASED_FOR.as_millis() as f64;
    assert!(left > most - 60_000.0 && left <= most, "{left}");
    assert_eq!(store.purge(10).await.unwrap(), 0);
    sqlx::query("UPDATE countersign SET expires_at = 1").execute(&pool).await.unwrap();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.purge(10).await.unwrap(), 1);
}
