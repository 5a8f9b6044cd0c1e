//! PostgreSQL: nobody waits for a transaction of the user's, and no call breaks the pool.

use std::time::Duration;

use countersign::{Claimed, Delivery, RejectionKind, Store, StoreErrorKind};
use countersign_sqlx::{CompleteError, CompleteIn, PostgresStore};
use sqlx::{AssertSqlSafe, PgPool};

use super::place::Log;
use super::receiver::Bench;
use super::{DAY, LEASE, Schema, failure, is_in_flight, key, look, promptly, token};

#[tokio::test]
async fn a_claim_does_not_wait_for_an_open_transaction() {
    let (schema, store, pool) = Schema::migrated().await;
    let prepared = PostgresStore::builder(pool.clone()).schema(&schema.name);
    let prepared = prepared.prepared_statements(true).build().unwrap();
    let bench = Bench::new(store.clone());
    let handler = |delivery: Delivery| async move {
        for store in [&store, &prepared] {
            let mut tx = pool.begin().await.unwrap();
            delivery.complete_in(&mut tx).await.unwrap();
            assert!(is_in_flight(promptly(look(store, delivery.key())).await));
            tx.rollback().await.unwrap();
            assert!(is_in_flight(promptly(look(store, delivery.key())).await));
        }
        let mut tx = pool.begin().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        // Nor if the lease has run out.
        let expire = "UPDATE countersign SET expires_at = clock_timestamp()";
        sqlx::query(expire).execute(&mut *tx).await.unwrap();
        assert!(is_in_flight(promptly(look(&store, delivery.key())).await));
        tx.rollback().await.unwrap();
        let mut tx = pool.begin().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(look(&store, delivery.key()).await, Claimed::Done);
        200
    };
    assert_eq!(bench.send("1", handler).await, Ok(200));
}

/// Not by the time at which the transaction began, which `now()` is.
#[tokio::test]
async fn a_lease_runs_out_during_a_transaction() {
    let (_schema, store, pool) = Schema::migrated().await;
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        sqlx::query("SELECT 1").execute(&mut *tx).await.unwrap();
        let soon = "UPDATE countersign SET expires_at = clock_timestamp() + interval '50 ms'";
        sqlx::query(soon).execute(&pool).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let error = delivery.complete_in(&mut tx).await.unwrap_err();
        assert!(matches!(error, CompleteError::Lost), "{error}");
        500
    };
    assert_eq!(Bench::new(store).send("1", handler).await, Ok(500));
}

/// Else each retry of a settlement would take one more connection of the pool.
#[tokio::test]
async fn a_settlement_does_not_wait_for_an_open_transaction() {
    let (_schema, store, pool) = Schema::migrated().await;
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    let mut tx = pool.begin().await.unwrap();
    let touch = "UPDATE countersign SET done = true";
    sqlx::query(touch).execute(&mut *tx).await.unwrap();
    for answer in [
        promptly(store.release(key(1), mine)).await.map(drop),
        promptly(store.complete(key(1), mine, DAY)).await.map(drop),
        // Nor does a renewal, and nobody else has the claim.
        promptly(store.claim(key(1), mine, LEASE)).await.map(drop),
    ] {
        let (kind, text) = failure(answer);
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("still open"), "{text}");
    }
    tx.rollback().await.unwrap();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.release(key(1), mine).await.unwrap(), countersign::Settled::Settled);
}

/// It is asked after the handler has answered, and must not wait for what the handler left open.
#[tokio::test]
async fn whether_it_is_completed_is_read_from_what_is_committed() {
    let (_schema, store, pool) = Schema::migrated().await;
    let (mine, other) = (token(), token());
    assert!(!store.is_completed(key(1), mine).await.unwrap());
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    for commits in [false, true] {
        let mut tx = pool.begin().await.unwrap();
        let touch = "UPDATE countersign SET done = true";
        sqlx::query(touch).execute(&mut *tx).await.unwrap();
        assert!(!promptly(store.is_completed(key(1), mine)).await.unwrap());
        if commits {
            tx.commit().await.unwrap()
        } else {
            tx.rollback().await.unwrap()
        }
        assert_eq!(store.is_completed(key(1), mine).await.unwrap(), commits);
        assert!(!store.is_completed(key(1), other).await.unwrap());
        assert!(!store.is_completed(key(2), mine).await.unwrap());
    }
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM countersign FOR UPDATE").fetch_one(&mut *tx).await.unwrap();
    assert!(promptly(store.is_completed(key(1), mine)).await.unwrap());
}

#[tokio::test]
async fn an_expired_key_that_is_locked_is_in_flight() {
    let (_schema, store, pool) = Schema::migrated().await;
    assert_eq!(store.claim(key(1), token(), Duration::ZERO).await.unwrap(), Claimed::Fresh);
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM countersign FOR UPDATE").fetch_one(&mut *tx).await.unwrap();
    assert!(is_in_flight(promptly(look(&store, key(1))).await));
    tx.rollback().await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
}

#[tokio::test]
async fn a_blocked_claim_that_is_dropped_leaves_the_pool_usable() {
    let (schema, _, pool) = Schema::migrated().await;
    for prepared in [false, true] {
        let store = PostgresStore::builder(schema.pool(1)).schema(&schema.name);
        let store = store.prepared_statements(prepared).build().unwrap();
        assert_eq!(look(&store, key(u32::from(prepared))).await, Claimed::Fresh);
        let mut tx = pool.begin().await.unwrap();
        let lock = "LOCK TABLE countersign IN ACCESS EXCLUSIVE MODE";
        sqlx::query(lock).execute(&mut *tx).await.unwrap();
        let claim = store.claim(key(7), token(), LEASE);
        assert!(tokio::time::timeout(Duration::from_millis(200), claim).await.is_err());
        tx.rollback().await.unwrap();
        for number in 10..15 {
            let key = key(number + 10 * u32::from(prepared));
            let mine = token();
            let claimed = promptly(store.claim(key, mine, LEASE)).await.unwrap();
            assert_eq!(claimed, Claimed::Fresh);
            let _ = promptly(store.complete(key, mine, DAY)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_database_never_sees_a_token() {
    let (_schema, store, pool) = Schema::migrated().await;
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    let owner: String =
        sqlx::query_scalar("SELECT owner::text FROM countersign").fetch_one(&pool).await.unwrap();
    let hex: String = mine.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_ne!(owner.replace('-', ""), hex);
    assert!(!format!("{store:?}").contains("postgres://"));
}

/// Renewed while a test waits for it, and not at its end when the machine has stood still for a while.
const MODERATE: Duration = Duration::from_secs(6);

/// Others change the row of an event, too: whoever releases a token that may have claimed it. A renewal
/// that meets them says nothing about who holds the claim, and the next one is made.
#[tokio::test]
async fn a_renewal_that_meets_a_lock_is_not_the_last_one() {
    let (_schema, store, pool) = Schema::migrated().await;
    let (log, _guard) = Log::capture();
    let bench = &Bench::with_lease(store, MODERATE);
    let handler = |delivery: Delivery| async move {
        let lock = format!("SELECT FROM countersign WHERE key = '{}' FOR UPDATE", delivery.key());
        let mut tx = pool.begin().await.unwrap();
        sqlx::query(AssertSqlSafe(lock)).fetch_one(&mut *tx).await.unwrap();
        let before = ends_at(&pool).await;
        while !log.take().contains(r#"step="renew""#) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tx.rollback().await.unwrap();
        while ends_at(&pool).await == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!delivery.claim().is_lost());
        let rejection = bench.send("1", |_| async { 200 }).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::InFlight);
        200
    };
    assert_eq!(bench.send("1", handler).await, Ok(200));
}

/// When the lease ends of the only event.
async fn ends_at(pool: &PgPool) -> String {
    let sql = "SELECT expires_at::text FROM countersign";
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

/// The store is not to blame for it.
#[tokio::test]
async fn a_renewal_that_meets_the_handlers_own_transaction_is_no_failure() {
    let (_schema, store, pool) = Schema::migrated().await;
    let (log, _guard) = Log::capture();
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        // A third of the lease has passed, after which it is renewed.
        tokio::time::sleep(MODERATE / 2).await;
        tx.commit().await.unwrap();
        200
    };
    assert_eq!(Bench::with_lease(store, MODERATE).send("1", handler).await, Ok(200));
    let said = log.take();
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}
