//! `complete_in` on the whole way: the mark and the effect commit together or not at all.

use countersign::{Claimed, Delivery, ErrorChain, MemoryStore, RejectionKind, Store};
use countersign_sqlx::{CompleteError, CompleteIn};
use sqlx::AssertSqlSafe;

use super::receiver::Bench;
use super::{Folder, LEASE, Schema, is_in_flight, look, token};

/// What a handler does besides: it counts.
const EFFECTS: &str = "CREATE TABLE effects (event TEXT NOT NULL)";
const EFFECT: &str = "INSERT INTO effects (event) VALUES ('it happened')";
const COUNT: &str = "SELECT count(*) FROM effects";

/// The same cases in both databases, whose connections are of different types.
macro_rules! cases {
    ($module:ident, $database:ident, $pool:ty, $begin:literal) => {
        mod $module {
            use super::*;

            type Db = $pool;

            async fn bench() -> ($database, Bench<impl Store + Clone>, impl Store, Db) {
                let (guard, store, pool) = $database::migrated().await;
                sqlx::raw_sql(AssertSqlSafe(EFFECTS)).execute(&pool).await.unwrap();
                (guard, Bench::new(store.clone()), store, pool)
            }

            async fn count(pool: &Db) -> i64 {
                sqlx::query_scalar(COUNT).fetch_one(pool).await.unwrap()
            }

            #[tokio::test]
            async fn a_commit_is_a_handled_event() {
                let (_guard, bench, _, pool) = &bench().await;
                let handler = |delivery: Delivery| async move {
                    let mut tx = pool.begin_with($begin).await.unwrap();
                    sqlx::query(EFFECT).execute(&mut *tx).await.unwrap();
                    delivery.complete_in(&mut tx).await.unwrap();
                    tx.commit().await.unwrap();
                    200
                };
                assert_eq!(bench.send("1", handler.clone()).await, Ok(200));
                for _ in 0..3 {
                    let rejection = bench.send("1", handler.clone()).await.unwrap_err();
                    assert_eq!(rejection.kind(), RejectionKind::Duplicate);
                }
                assert_eq!(bench.send("2", handler).await, Ok(200));
            }

            #[tokio::test]
            async fn the_mark_is_there_with_the_effect_and_not_before() {
                let (_guard, bench, store, pool) = &bench().await;
                let handler = |delivery: Delivery| async move {
                    let key = delivery.key();
                    let mut tx = pool.begin_with($begin).await.unwrap();
                    sqlx::query(EFFECT).execute(&mut *tx).await.unwrap();
                    // Any of these will do, and again is no harm.
                    delivery.complete_in(&mut *tx).await.unwrap();
                    (&delivery).complete_in(&mut tx).await.unwrap();
                    assert_eq!(count(pool).await, 0);
                    tx.commit().await.unwrap();
                    assert_eq!(look(store, key).await, Claimed::Done);
                    assert_eq!(count(pool).await, 1);
                    200
                };
                assert_eq!(bench.send("1", handler).await, Ok(200));
            }

            #[tokio::test]
            async fn a_forgotten_commit_is_no_handled_event() {
                let (_guard, bench, _, pool) = &bench().await;
                let handler = |delivery: Delivery| async move {
                    let mut tx = pool.begin_with($begin).await.unwrap();
                    sqlx::query(EFFECT).execute(&mut *tx).await.unwrap();
                    delivery.complete_in(&mut tx).await.unwrap();
                    200
                };
                let rejection = bench.send("1", handler).await.unwrap_err();
                assert_eq!(rejection.kind(), RejectionKind::NotCommitted);
                assert_eq!(bench.is_let_in("1").await, Ok(200));
                assert_eq!(count(pool).await, 0);
            }

            #[tokio::test]
            async fn an_error_that_is_answered_2xx_is_no_handled_event() {
                let (_guard, bench, _, pool) = &bench().await;
                let handler = |delivery: Delivery| async move {
                    let mut connection = pool.acquire().await.unwrap();
                    let _ = delivery.complete_in(&mut connection).await.unwrap_err();
                    200
                };
                let rejection = bench.send("1", handler).await.unwrap_err();
                assert_eq!(rejection.kind(), RejectionKind::NotCommitted);
                assert_eq!(bench.is_let_in("1").await, Ok(200));
            }

            #[tokio::test]
            async fn an_error_before_the_commit_undoes_both() {
                let (_guard, bench, _, pool) = &bench().await;
                let handler = |delivery: Delivery| async move {
                    let mut tx = pool.begin_with($begin).await.unwrap();
                    delivery.complete_in(&mut tx).await.unwrap();
                    sqlx::query(EFFECT).execute(&mut *tx).await.unwrap();
                    let failed = sqlx::query("INSERT INTO nowhere VALUES (1)");
                    match failed.execute(&mut *tx).await {
                        Ok(_) => 200,
                        Err(_) => 500,
                    }
                };
                assert_eq!(bench.send("1", handler).await, Ok(500));
                assert_eq!(bench.is_let_in("1").await, Ok(200));
                assert_eq!(count(pool).await, 0);
            }

            #[tokio::test]
            async fn a_lost_lease_is_said_and_changes_nothing() {
                let (_guard, bench, store, pool) = &bench().await;
                let handler = |delivery: Delivery| async move {
                    let expire = "UPDATE countersign SET expires_at = $1";
                    let expire = match stringify!($module) {
                        "postgres" => expire.replace("$1", "clock_timestamp()"),
                        _ => expire.replace("$1", "1"),
                    };
                    sqlx::raw_sql(AssertSqlSafe(expire)).execute(pool).await.unwrap();
                    let successor = token();
                    let claimed = store.claim(delivery.key(), successor, LEASE).await.unwrap();
                    assert_eq!(claimed, Claimed::Fresh);
                    let mut tx = pool.begin_with($begin).await.unwrap();
                    let error = delivery.complete_in(&mut tx).await.unwrap_err();
                    assert!(matches!(error, CompleteError::Lost), "{error}");
                    assert!(delivery.claim().is_lost());
                    // Even if it did commit.
                    tx.commit().await.unwrap();
                    assert!(is_in_flight(look(store, delivery.key()).await));
                    let claimed = store.claim(delivery.key(), successor, LEASE).await.unwrap();
                    assert_eq!(claimed, Claimed::Fresh, "the successor's claim is whole");
                    500
                };
                assert_eq!(bench.send("1", handler).await, Ok(500));
            }

            #[tokio::test]
            async fn without_a_transaction_nothing_is_marked() {
                let (_guard, bench, _, pool) = &bench().await;
                let handler = |delivery: Delivery| async move {
                    let mut connection = pool.acquire().await.unwrap();
                    let error = delivery.complete_in(&mut connection).await.unwrap_err();
                    assert!(matches!(error, CompleteError::Store(_)), "{error}");
                    assert!(
                        ErrorChain::of(&error).to_string().contains("not in a transaction"),
                        "{error}"
                    );
                    500
                };
                assert_eq!(bench.send("1", handler).await, Ok(500));
                assert_eq!(bench.is_let_in("1").await, Ok(200));
            }

            #[tokio::test]
            async fn a_savepoint_that_is_rolled_back_takes_the_mark_along() {
                let (_guard, bench, _, pool) = &bench().await;
                let handler = |delivery: Delivery| async move {
                    use sqlx::Acquire as _;
                    let mut tx = pool.begin_with($begin).await.unwrap();
                    let mut inner = tx.begin().await.unwrap();
                    delivery.complete_in(&mut inner).await.unwrap();
                    inner.rollback().await.unwrap();
                    tx.commit().await.unwrap();
                    200
                };
                let rejection = bench.send("1", handler).await.unwrap_err();
                assert_eq!(rejection.kind(), RejectionKind::NotCommitted);
                assert_eq!(bench.is_let_in("1").await, Ok(200));
            }

            #[tokio::test]
            async fn other_stores_and_no_claim_are_said() {
                let (_guard, bench, _, pool) = &bench().await;
                let mut tx = pool.begin_with($begin).await.unwrap();
                let unclaimed = bench.proven("1").await;
                let error = unclaimed.complete_in(&mut tx).await.unwrap_err();
                assert!(matches!(error, CompleteError::NoClaim), "{error}");
                let handler = |delivery: Delivery| async move {
                    let error = delivery.complete_in(&mut tx).await.unwrap_err();
                    assert!(matches!(error, CompleteError::OtherStore), "{error}");
                    500
                };
                assert_eq!(Bench::new(MemoryStore::new()).send("1", handler).await, Ok(500));
            }
        }
    };
}

cases!(postgres, Schema, sqlx::PgPool, "BEGIN");
cases!(sqlite, Folder, sqlx::SqlitePool, "BEGIN IMMEDIATE");

#[tokio::test]
async fn another_file_has_no_such_claim() {
    let (_folder, store, _) = Folder::migrated().await;
    let (_other, _, pool) = Folder::migrated().await;
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let error = delivery.complete_in(&mut tx).await.unwrap_err();
        assert!(matches!(error, CompleteError::Lost), "{error}");
        500
    };
    assert_eq!(Bench::new(store).send("1", handler).await, Ok(500));
}

#[tokio::test]
async fn another_database_has_no_such_table() {
    let (schema, store, _) = Schema::migrated().await;
    let pool = schema.pool_with(1, |options| options.database("postgres"));
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        let error = delivery.complete_in(&mut tx).await.unwrap_err();
        assert!(
            ErrorChain::of(&error)
                .to_string()
                .contains("is the transaction in the store's database"),
            "{error}"
        );
        500
    };
    assert_eq!(Bench::new(store).send("1", handler).await, Ok(500));
}

/// The store stays with the table that it found, whatever a handler's `search_path` is.
#[tokio::test]
async fn a_handlers_search_path_does_not_matter() {
    let (schema, store, _) = Schema::migrated().await;
    let (other, _, _) = Schema::migrated().await;
    let pool = schema.pool_with(1, |options| options.options([("search_path", &other.name)]));
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        200
    };
    let bench = Bench::new(store);
    assert_eq!(bench.send("1", handler).await, Ok(200));
    let rejection = bench.send("1", |_| async { 200 }).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Duplicate);
}
