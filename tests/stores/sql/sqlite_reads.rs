//! SQLite: whether a claim is completed is read, beside whoever writes.

use countersign::{Claimed, Delivery, RejectionKind, Settled, Store, StoreErrorKind};
use countersign_sqlx::{CompleteError, CompleteIn};
use sqlx::SqlitePool;

use super::receiver::Bench;
use super::{DAY, Folder, LEASE, failure, key, look, promptly, token};

#[tokio::test]
async fn a_check_waits_for_no_writer() {
    let (_folder, store, pool) = Folder::migrated().await;
    let (mine, other) = (token(), token());
    for number in [1, 2] {
        assert_eq!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
    }
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Settled);
    for _ in 0..3 {
        let mut lock = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        // What is not committed is not there.
        sqlx::query("UPDATE countersign SET done = NOT done").execute(&mut *lock).await.unwrap();
        assert!(promptly(store.is_completed(key(1), mine)).await.unwrap());
        assert!(!promptly(store.is_completed(key(2), mine)).await.unwrap());
        assert!(!promptly(store.is_completed(key(1), other)).await.unwrap());
        assert!(!promptly(store.is_completed(key(3), mine)).await.unwrap());
        lock.rollback().await.unwrap();
    }
    sqlx::query("UPDATE countersign SET expires_at = 1").execute(&pool).await.unwrap();
    assert!(!store.is_completed(key(1), mine).await.unwrap());
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_no_answer() {
    let (folder, store, pool) = Folder::migrated().await;
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Settled);
    sqlx::query("ALTER TABLE countersign RENAME TO elsewhere").execute(&pool).await.unwrap();
    let (kind, text) = failure(store.is_completed(key(1), mine).await);
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(text.contains("migrate()"), "{text}");
    sqlx::query("ALTER TABLE elsewhere RENAME TO countersign").execute(&pool).await.unwrap();
    assert!(store.is_completed(key(1), mine).await.unwrap());

    let on_pool = countersign_sqlx::SqliteStore::new(folder.pool(1));
    assert!(on_pool.is_completed(key(1), mine).await.unwrap());
    let on_closed = countersign_sqlx::SqliteStore::new(pool.clone());
    assert!(on_closed.is_completed(key(1), mine).await.unwrap());
    pool.close().await;
    let (kind, text) = failure(on_closed.is_completed(key(1), mine).await);
    assert_eq!(kind, StoreErrorKind::Unavailable, "{text}");
}

async fn give(pool: &SqlitePool, delivery: &Delivery) -> Result<(), CompleteError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("INSERT INTO effects VALUES ('it happened')").execute(&mut *tx).await.unwrap();
    delivery.complete_in(&mut tx).await?;
    tx.commit().await.unwrap();
    Ok(())
}

/// The answer of a commit may be lost, and then a handler runs its transaction again.
#[tokio::test]
async fn a_second_transaction_is_told_that_the_first_has_committed() {
    let (_folder, store, pool) = Folder::migrated().await;
    sqlx::query("CREATE TABLE effects (event TEXT)").execute(&pool).await.unwrap();
    let bench = Bench::new(store.clone());
    let at = &pool;
    let handler = |delivery: Delivery| async move {
        // What is rolled back has not happened.
        let mut tx = at.begin_with("BEGIN IMMEDIATE").await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.rollback().await.unwrap();
        give(at, &delivery).await.unwrap();
        for _ in 0..2 {
            let error = give(at, &delivery).await.unwrap_err();
            assert!(matches!(error, CompleteError::AlreadyCompleted), "{error}");
        }
        200
    };
    assert_eq!(bench.send("1", handler).await, Ok(200));
    let effects: i64 =
        sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(&pool).await.unwrap();
    assert_eq!(effects, 1);
    let rejection = bench.send("1", |_| async { 200 }).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Duplicate);
    assert_eq!(look(&store, key(7)).await, Claimed::Fresh);
}
