//! What a database without room, or with the wrong settings, is answered with.

use countersign::{Claimed, Delivery, ErrorChain, Settled, Store, StoreErrorKind};
use countersign_sqlx::{CompleteError, CompleteIn, SqliteStore};
use sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::receiver::Bench;
use super::{DAY, Folder, LEASE, Schema, failure, key, look, token};

#[tokio::test]
async fn postgres_without_room_is_full() {
    let (_schema, store, pool) = Schema::migrated().await;
    let trigger = "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN RAISE disk_full USING MESSAGE = 'no space left'; END $$; \
        CREATE TRIGGER no_room BEFORE INSERT ON countersign EXECUTE FUNCTION no_room()";
    sqlx::raw_sql(trigger).execute(&pool).await.unwrap();
    let (kind, text) = failure(store.claim(key(1), token(), LEASE).await);
    assert_eq!(kind, StoreErrorKind::Full);
    assert!(text.contains("no space left"), "{text}");
}

#[tokio::test]
async fn sqlite_without_room_is_full_for_new_keys_only() {
    let folder = Folder::new();
    let pool = folder.pool(1);
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.unwrap();
    let mine = token();
    assert_eq!(store.claim(key(0), mine, LEASE).await.unwrap(), Claimed::Fresh);
    sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&pool).await.unwrap();
    let mut number = 1;
    while store.claim(key(number), mine, LEASE).await.is_ok() {
        number += 1;
        assert!(number < 2000);
    }
    let new = store.claim(key(number + 1), mine, LEASE);
    // Together with others, it fails alone.
    let (new, renewed, done) =
        tokio::join!(new, store.claim(key(0), mine, LEASE), store.complete(key(1), mine, DAY),);
    let (kind, text) = failure(new);
    assert_eq!(kind, StoreErrorKind::Full, "{text}");
    assert_eq!(renewed.unwrap(), Claimed::Fresh);
    assert_eq!(done.unwrap(), Settled::Settled);
    assert_eq!(store.release(key(2), mine).await.unwrap(), Settled::Settled);
}

#[tokio::test]
async fn settings_that_forget_are_refused() {
    let folder = Folder::new();
    let refused = async |store: SqliteStore, what: &str| {
        let (kind, text) = failure(store.migrate().await);
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains(what), "{text}");
        let (_, text) = failure(store.claim(key(1), token(), LEASE).await);
        assert!(text.contains(what), "{text}");
    };
    let rollback = folder.pool_with(1, |options| options.journal_mode(SqliteJournalMode::Delete));
    refused(SqliteStore::new(rollback.clone()), "journal_mode").await;
    rollback.close().await;
    let normal = folder.pool_with(1, |options| options.synchronous(SqliteSynchronous::Normal));
    refused(SqliteStore::new(normal), "synchronous").await;
    let memory = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:");
    refused(SqliteStore::new(memory.await.unwrap()), "in memory").await;
}

#[tokio::test]
async fn a_handlers_own_settings_are_looked_at() {
    let (folder, store, _) = Folder::migrated().await;
    let pool = folder.pool_with(1, |options| options.synchronous(SqliteSynchronous::Off));
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let error = delivery.complete_in(&mut tx).await.unwrap_err();
        assert!(ErrorChain::of(&error).to_string().contains("synchronous"), "{error}");
        500
    };
    let bench = Bench::new(store);
    assert_eq!(bench.send("1", handler).await, Ok(500));
    assert_eq!(bench.is_let_in("1").await, Ok(200));
}

#[tokio::test]
async fn a_transaction_that_only_read_at_first_is_told_what_to_do() {
    let (_folder, store, pool) = Folder::migrated().await;
    let bench = Bench::new(store.clone());
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        sqlx::query("SELECT count(*) FROM countersign").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(look(&store, key(9)).await, Claimed::Fresh);
        let error = delivery.complete_in(&mut tx).await.unwrap_err();
        assert!(matches!(error, CompleteError::Store(_)), "{error}");
        assert!(ErrorChain::of(&error).to_string().contains("BEGIN IMMEDIATE"), "{error}");
        500
    };
    assert_eq!(bench.send("1", handler).await, Ok(500));
    assert_eq!(bench.is_let_in("1").await, Ok(200));
}

#[tokio::test]
async fn a_write_lock_held_too_long_is_unavailable() {
    let (_folder, store, pool) = Folder::migrated().await;
    let tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let (kind, text) = failure(store.claim(key(1), token(), LEASE).await);
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(text.contains("busy_timeout"), "{text}");
    tx.rollback().await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
}
