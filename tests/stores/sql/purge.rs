//! Dropping what has run out.

use std::time::Duration;

use countersign::{Claimed, Store};
use countersign_sqlx::PostgresStore;
use sqlx::{PgPool, SqlitePool};

use super::{DAY, Folder, LEASE, Schema, key, look, promptly, token, until};

const SHORT: Duration = Duration::from_millis(1);

/// Keys that have run out.
async fn fill(store: &impl Store, keys: std::ops::Range<u32>) {
    for number in keys {
        assert_eq!(store.claim(key(number), token(), SHORT).await.unwrap(), Claimed::Fresh);
    }
    tokio::time::sleep(10 * SHORT).await;
}

/// A claim and a mark that have not.
async fn hold(store: &impl Store) {
    let mine = token();
    for number in [1000, 1001] {
        assert_eq!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
    }
    let _ = store.complete(key(1001), mine, DAY).await.unwrap();
}

async fn rows(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM countersign").fetch_one(pool).await.unwrap()
}

async fn sqlite_rows(pool: &SqlitePool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM countersign").fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn only_what_has_run_out_goes_and_no_more_than_asked() {
    let (_schema, store, pool) = Schema::migrated().await;
    fill(&store, 0..25).await;
    hold(&store).await;
    for dropped in [10, 10, 5, 0] {
        assert_eq!(store.purge(10).await.unwrap(), dropped);
    }
    assert_eq!((store.purge(0).await.unwrap(), rows(&pool).await), (0, 2));
    assert_eq!(look(&store, key(1001)).await, Claimed::Done);

    let (_folder, store, pool) = Folder::migrated().await;
    fill(&store, 0..25).await;
    hold(&store).await;
    for dropped in [10, 10, 5, 0] {
        assert_eq!(store.purge(10).await.unwrap(), dropped);
    }
    assert_eq!((store.purge(0).await.unwrap(), sqlite_rows(&pool).await), (0, 2));
    assert_eq!(look(&store, key(1001)).await, Claimed::Done);
}

#[tokio::test]
async fn a_locked_key_is_left_for_the_next_time() {
    let (_schema, store, pool) = Schema::migrated().await;
    fill(&store, 0..3).await;
    let mut other = pool.begin().await.unwrap();
    let lock = "SELECT FROM countersign ORDER BY expires_at LIMIT 1 FOR UPDATE";
    sqlx::query(lock).fetch_one(&mut *other).await.unwrap();
    assert_eq!(promptly(store.purge(10)).await.unwrap(), 2);
    other.rollback().await.unwrap();
    assert_eq!(store.purge(10).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_purge_at_once() {
    let (_schema, store, pool) = Schema::migrated().await;
    let fill = "INSERT INTO countersign SELECT gen_random_uuid(), gen_random_uuid(), true, \
                clock_timestamp() - interval '1 s' FROM generate_series(1, 2000)";
    sqlx::query(fill).execute(&pool).await.unwrap();
    let purge = |store: PostgresStore| async move {
        let mut dropped = 0;
        for _ in 0..40 {
            dropped += store.purge(50).await.unwrap();
        }
        dropped
    };
    let (a, b) = tokio::join!(tokio::spawn(purge(store.clone())), tokio::spawn(purge(store)));
    assert_eq!((a.unwrap() + b.unwrap(), rows(&pool).await), (2000, 0));
}

async fn until_empty(rows: impl AsyncFn() -> i64) -> bool {
    for _ in 0..2_000 {
        if rows().await == 0 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn a_task_purges_until_its_handle_is_dropped() {
    let (_schema, store, pool) = Schema::migrated().await;
    let task = store.purge_every(Duration::from_millis(100));
    for _ in 0..2 {
        fill(&store, 0..3).await;
        assert!(until_empty(async || rows(&pool).await).await);
    }
    drop(task);
    fill(&store, 0..3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(rows(&pool).await, 3);
}

#[tokio::test]
async fn a_detached_task_ends_with_its_store() {
    let (_folder, store, pool) = Folder::migrated().await;
    store.purge_every(Duration::from_millis(100)).detach();
    for _ in 0..2 {
        fill(&store, 0..3).await;
        assert!(until_empty(async || sqlite_rows(&pool).await).await);
    }
    let running = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = running();
    drop(store);
    until(async || running() < before).await;
}
