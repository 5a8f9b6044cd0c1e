//! Forgetting handled events, beside transactions of handlers.

use std::time::Duration;

use countersign::testing::StoreSuite;
use countersign::{Claimed, Delivery, EventState, Forgotten, ParkedNote, Runtime, Settled, Store};
use countersign_sqlx::{CompleteIn, PostgresStore};
use sqlx::AssertSqlSafe;

use super::receiver::Bench;
use super::{DAY, Folder, LEASE, Schema, failure, is_in_flight, key, look, promptly, token};

const EFFECTS: &str = "CREATE TABLE effects (event TEXT NOT NULL)";
const EFFECT: &str = "INSERT INTO effects (event) VALUES ('it happened')";

/// The mark that a handler's transaction has set is no mark until it commits: the claim holds.
macro_rules! open_transactions {
    ($name:ident, $guard:ident, $begin:literal, $one_writer:literal) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (_guard, store, pool) = &$guard::migrated().await;
            sqlx::raw_sql(AssertSqlSafe(EFFECTS)).execute(pool).await.unwrap();
            let bench = Bench::new(store.clone());
            for round in 1..=2_i64 {
                let handler = |delivery: Delivery| async move {
                    let key = delivery.key();
                    let mut tx = pool.begin_with($begin).await.unwrap();
                    sqlx::query(EFFECT).execute(&mut *tx).await.unwrap();
                    delivery.complete_in(&mut tx).await.unwrap();
                    if !$one_writer {
                        let forgotten = promptly(store.forget(key)).await.unwrap();
                        assert!(matches!(forgotten, Forgotten::InFlight { .. }), "{forgotten:?}");
                    }
                    let state = promptly(store.state(key)).await.unwrap();
                    assert!(matches!(state, EventState::InFlight { .. }), "{state:?}");
                    tx.commit().await.unwrap();
                    200
                };
                assert_eq!(bench.send("1", handler).await, Ok(200));
                let key = bench.proven("1").await.key();
                assert_eq!(look(store, key).await, Claimed::Done);
                assert_eq!(store.forget(key).await.unwrap(), Forgotten::Forgotten);
                let count = "SELECT count(*) FROM effects";
                let count: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
                assert_eq!(count, round);
            }
        }
    };
}

open_transactions!(postgres_forgets_no_open_transaction, Schema, "BEGIN", false);
// The handler is its one writer, and whoever forgets would wait for it.
open_transactions!(sqlite_forgets_no_open_transaction, Folder, "BEGIN IMMEDIATE", true);

/// A program of an older version forgets an event without its record, and the event is handled then.
macro_rules! records {
    ($name:ident, $guard:ident) => {
        #[tokio::test]
        async fn $name() {
            let (_guard, store, pool) = $guard::migrated().await;
            let (event, owner, next) = (key(1), token(), token());
            assert_eq!(store.claim(event, owner, LEASE).await.unwrap(), Claimed::Fresh);
            let note = ParkedNote::new("shop", "no such customer");
            assert_eq!(store.park(event, owner, DAY, &note).await.unwrap(), Settled::Settled);
            assert_eq!(store.parked(10).await.unwrap().len(), 1);
            sqlx::raw_sql("DELETE FROM countersign").execute(&pool).await.unwrap();
            for is_handled in [false, true] {
                if is_handled {
                    assert_eq!(store.claim(event, next, LEASE).await.unwrap(), Claimed::Fresh);
                    assert_eq!(store.complete(event, next, DAY).await.unwrap(), Settled::Settled);
                }
                let parked = store.parked_event(event).await.unwrap();
                assert_eq!(parked, None, "handled: {is_handled}");
                assert_eq!(store.parked(10).await.unwrap(), [], "handled: {is_handled}");
            }
        }
    };
}

records!(a_record_in_postgres_is_of_one_handling, Schema);
records!(a_record_in_sqlite_is_of_one_handling, Folder);

/// A handler whose transaction is open when its claim is forgotten cannot complete any more.
#[tokio::test]
async fn a_late_transaction_of_a_forgotten_claim_is_lost() {
    let (_schema, store, pool) = &Schema::migrated().await;
    let bench = Bench::new(store.clone());
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.forget(delivery.key()).await.unwrap(), Forgotten::Forgotten);
        let mut tx = pool.begin().await.unwrap();
        let again = delivery.complete_in(&mut tx).await.unwrap_err();
        assert!(matches!(again, countersign::CompleteError::Lost), "{again}");
        500
    };
    bench.send("1", handler).await.unwrap();
    assert_eq!(bench.is_let_in("1").await, Ok(200));
}

#[tokio::test]
async fn a_locked_row_is_not_waited_for() {
    let (_schema, store, pool) = Schema::migrated().await;
    let (short, handled) = (key(1), key(2));
    let mine = token();
    let lease = Duration::from_millis(1);
    assert_eq!(store.claim(short, token(), lease).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(handled, mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.complete(handled, mine, DAY).await.unwrap(), Settled::Settled);
    tokio::time::sleep(10 * lease).await;
    let mut tx = pool.begin().await.unwrap();
    let lock = "SELECT FROM countersign FOR UPDATE";
    sqlx::query(lock).fetch_all(&mut *tx).await.unwrap();
    // Its lease is over, and a transaction may still complete it.
    let forgotten = promptly(store.forget(short)).await.unwrap();
    assert!(matches!(forgotten, Forgotten::InFlight { .. }), "{forgotten:?}");
    let (_, text) = failure(promptly(store.forget(handled)).await);
    assert!(text.contains("still open"), "{text}");
    tx.rollback().await.unwrap();
    assert_eq!(store.forget(short).await.unwrap(), Forgotten::NotHandled);
    assert_eq!(store.forget(handled).await.unwrap(), Forgotten::Forgotten);
    assert!(matches!(look(&store, handled).await, Claimed::Fresh));
    assert!(is_in_flight(look(&store, handled).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgetting_races_at_every_isolation_level() {
    for level in ["read committed", "repeatable read", "serializable"] {
        for prepared in [false, true] {
            let (schema, _, _) = Schema::migrated().await;
            let pool = schema.pool_with(8, |options| {
                let level = ("default_transaction_isolation", level);
                options.options([level, ("search_path", schema.name.as_str())])
            });
            let builder = PostgresStore::builder(pool).prepared_statements(prepared);
            let suite = StoreSuite::new(builder.build().unwrap(), Runtime::tokio());
            suite.forgotten_token_never_claims().await;
            suite.forgets_race_handlers(4).await;
        }
    }
}
