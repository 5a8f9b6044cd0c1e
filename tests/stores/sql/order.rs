//! `newest_in`: events of one entity that come in any order.

use countersign::{
    Delivery, ErrorChain, Forgotten, RejectionKind, Store, StoreError, StoreErrorKind,
};
use countersign_sqlx::{CompleteError, CompleteIn, NewestIn, Order};
use sqlx::{AssertSqlSafe, Row};

use super::receiver::Bench;
use super::{Folder, Schema};

/// What handlers write: the newest version, and each that took effect, in their order.
const TABLES: &str = "CREATE TABLE entity (version INTEGER NOT NULL); \
                      INSERT INTO entity (version) VALUES (0); \
                      CREATE TABLE effects (number INTEGER PRIMARY KEY, version INTEGER NOT NULL)";
const EFFECT: &str = "INSERT INTO effects (number, version) \
                      SELECT 1 + count(*), $1 FROM effects";

/// The body of an event: its version, and what tells it from others of that version.
pub(crate) fn version(delivery: &Delivery) -> i32 {
    let body = std::str::from_utf8(delivery.body()).unwrap();
    body.split(' ').next().unwrap().parse().unwrap()
}

/// What a handler's own statement fails with, among many: a conflict that PostgreSQL finds no sooner than at the
/// `COMMIT`, or a lock of SQLite's that others get before it each time.
fn failed(error: sqlx::Error) -> CompleteError {
    CompleteError::Store(StoreError::new(StoreErrorKind::Unavailable, error))
}

macro_rules! cases {
    ($module:ident, $database:ident, $pool:ty, $begin:literal, $isolation:expr) => {
        mod $module {
            use super::*;

            async fn bench() -> ($database, Bench<impl Store + Clone>, impl Store + Clone, $pool) {
                let (guard, store, pool) = $database::migrated().await;
                sqlx::raw_sql(AssertSqlSafe(TABLES)).execute(&pool).await.unwrap();
                (guard, Bench::new(store.clone()), store, pool)
            }

            /// Handles an event as the documentation says, and gives how it stood.
            async fn handle(pool: &$pool, delivery: &Delivery) -> Result<Order, CompleteError> {
                let version = version(delivery);
                let mut tx = pool.begin_with($begin).await.map_err(failed)?;
                sqlx::raw_sql($isolation).execute(&mut *tx).await.map_err(failed)?;
                let order = delivery.newest_in(&mut tx, "invoice 1", version).await?;
                if order == Order::Newest {
                    let update = sqlx::query("UPDATE entity SET version = $1").bind(version);
                    update.execute(&mut *tx).await.map_err(failed)?;
                    let effect = sqlx::query(EFFECT).bind(version);
                    effect.execute(&mut *tx).await.map_err(failed)?;
                }
                delivery.complete_in(&mut tx).await?;
                tx.commit().await.map_err(failed)?;
                Ok(order)
            }

            async fn effects(pool: &$pool) -> Vec<i32> {
                let rows = sqlx::query("SELECT version FROM effects ORDER BY number");
                let rows = rows.fetch_all(pool).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }

            async fn send(bench: &Bench<impl Store>, pool: &$pool, event: &str, expected: Order) {
                let handler = |delivery: Delivery| async move {
                    let order = handle(pool, &delivery).await.unwrap();
                    assert_eq!(order, expected, "{:?}", delivery.body());
                    200
                };
                assert_eq!(bench.send(event, handler).await, Ok(200), "{event}");
            }

            #[tokio::test]
            async fn a_late_event_is_superseded() {
                let (_guard, bench, _, pool) = bench().await;
                send(&bench, &pool, "1 a", Order::Newest).await;
                send(&bench, &pool, "3 a", Order::Newest).await;
                send(&bench, &pool, "2 a", Order::Superseded).await;
                send(&bench, &pool, "3 b", Order::Same).await;
                send(&bench, &pool, "4 a", Order::Newest).await;
                assert_eq!(effects(&pool).await, [1, 3, 4]);
                // It was handled all the same.
                assert!(bench.is_let_in("2 a").await.is_err());
            }

            #[tokio::test]
            async fn what_was_rolled_back_has_left_no_trace() {
                let (_guard, bench, _, pool) = bench().await;
                let handler = |delivery: Delivery| {
                    let pool = &pool;
                    async move {
                        let mut tx = pool.begin_with($begin).await.unwrap();
                        let order = delivery.newest_in(&mut tx, "invoice 1", 9_u64).await;
                        assert_eq!(order.unwrap(), Order::Newest);
                        tx.rollback().await.unwrap();
                        500
                    }
                };
                assert_eq!(bench.send("9 a", handler).await, Ok(500));
                send(&bench, &pool, "1 a", Order::Newest).await;
                send(&bench, &pool, "9 a", Order::Newest).await;
            }

            /// Without an order it would be handled by chance.
            #[tokio::test]
            async fn an_error_that_is_answered_2xx_is_no_handled_event() {
                let (_guard, bench, _, pool) = bench().await;
                let away = "ALTER TABLE countersign_watermarks RENAME TO elsewhere";
                sqlx::raw_sql(away).execute(&pool).await.unwrap();
                let handler = |delivery: Delivery| {
                    let pool = &pool;
                    async move {
                        let mut tx = pool.begin_with($begin).await.unwrap();
                        let order = delivery.newest_in(&mut tx, "invoice 1", 1).await;
                        assert!(matches!(order, Err(CompleteError::Store(_))), "{order:?}");
                        200
                    }
                };
                let rejection = bench.send("1 a", handler).await.unwrap_err();
                assert_eq!(rejection.kind(), RejectionKind::NotCommitted);
                let back = "ALTER TABLE elsewhere RENAME TO countersign_watermarks";
                sqlx::raw_sql(back).execute(&pool).await.unwrap();
                send(&bench, &pool, "1 a", Order::Newest).await;
                assert_eq!(effects(&pool).await, [1]);
            }

            /// The answer to a `COMMIT` was lost, and the handler runs it again.
            #[tokio::test]
            async fn a_second_transaction_is_told_that_the_first_has_committed() {
                let (_guard, bench, _, pool) = bench().await;
                let handler = |delivery: Delivery| {
                    let pool = &pool;
                    async move {
                        assert_eq!(handle(pool, &delivery).await.unwrap(), Order::Newest);
                        let error = handle(pool, &delivery).await.unwrap_err();
                        assert!(matches!(error, CompleteError::AlreadyCompleted), "{error}");
                        200
                    }
                };
                assert_eq!(bench.send("1 a", handler).await, Ok(200));
                assert_eq!(effects(&pool).await, [1]);
            }

            /// The watermark committed, and the mark did not.
            #[tokio::test]
            async fn an_event_is_not_superseded_by_itself() {
                let (_guard, bench, _, pool) = bench().await;
                let handler = |delivery: Delivery| {
                    let pool = &pool;
                    async move {
                        let mut tx = pool.begin_with($begin).await.unwrap();
                        let order = delivery.newest_in(&mut tx, "invoice 1", 5).await;
                        assert_eq!(order.unwrap(), Order::Newest);
                        tx.commit().await.unwrap();
                        500
                    }
                };
                assert_eq!(bench.send("5 a", handler).await, Ok(500));
                send(&bench, &pool, "5 a", Order::Newest).await;
            }

            #[tokio::test]
            async fn what_is_forgotten_is_compared_again() {
                let (_guard, bench, store, pool) = bench().await;
                send(&bench, &pool, "5 a", Order::Newest).await;
                let key = bench.proven("5 a").await.key();
                assert_eq!(store.forget(key).await.unwrap(), Forgotten::Forgotten);
                send(&bench, &pool, "5 a", Order::Newest).await;
                send(&bench, &pool, "6 a", Order::Newest).await;
                assert_eq!(store.forget(key).await.unwrap(), Forgotten::Forgotten);
                send(&bench, &pool, "5 a", Order::Superseded).await;
            }

            #[tokio::test]
            async fn one_transaction_asks_more_than_once() {
                let (_guard, bench, _, pool) = bench().await;
                let handler = |delivery: Delivery| {
                    let pool = &pool;
                    async move {
                        let mut tx = pool.begin_with($begin).await.unwrap();
                        let long = "x".repeat(10_000);
                        for (entity, version, expected) in [
                            ("a", 5, Order::Newest),
                            ("b", 1, Order::Newest),
                            ("a", 5, Order::Newest),
                            ("a", 4, Order::Superseded),
                            ("a", 6, Order::Newest),
                            ("", 1, Order::Newest),
                            (&long, 7, Order::Newest),
                            (&long[1..], 6, Order::Newest),
                            (&long, 6, Order::Superseded),
                        ] {
                            let order = delivery.newest_in(&mut tx, entity, version).await;
                            assert_eq!(order.unwrap(), expected, "{:.9} {version}", entity);
                        }
                        delivery.complete_in(&mut tx).await.unwrap();
                        // Also after that.
                        let order = delivery.newest_in(&mut tx, "c", 1).await.unwrap();
                        assert_eq!(order, Order::Newest);
                        tx.commit().await.unwrap();
                        200
                    }
                };
                assert_eq!(bench.send("1 a", handler).await, Ok(200));
            }

            #[tokio::test]
            async fn a_lost_claim_moves_nothing() {
                let (_guard, bench, _, pool) = bench().await;
                let handler = |delivery: Delivery| {
                    let pool = &pool;
                    async move {
                        let lose = "DELETE FROM countersign";
                        sqlx::raw_sql(lose).execute(pool).await.unwrap();
                        let mut tx = pool.begin_with($begin).await.unwrap();
                        let error = delivery.newest_in(&mut tx, "invoice 1", 9).await.unwrap_err();
                        assert!(matches!(error, CompleteError::Lost), "{error}");
                        assert!(delivery.claim().is_lost());
                        // Even if it did commit.
                        tx.commit().await.unwrap();
                        500
                    }
                };
                assert_eq!(bench.send("9 a", handler).await, Ok(500));
                send(&bench, &pool, "1 a", Order::Newest).await;
            }

            #[tokio::test]
            async fn without_a_transaction_nothing_is_compared() {
                let (_guard, bench, _, pool) = bench().await;
                let handler = |delivery: Delivery| {
                    let pool = &pool;
                    async move {
                        let mut connection = pool.acquire().await.unwrap();
                        let error = delivery.newest_in(&mut connection, "a", 1).await.unwrap_err();
                        let text = ErrorChain::of(&error).to_string();
                        assert!(text.contains("not in a transaction"), "{text}");
                        500
                    }
                };
                assert_eq!(bench.send("1 a", handler).await, Ok(500));
            }

            /// 200 versions in any order, several handlers at a time: none takes effect after a newer
            /// one. Those that meet a conflict answer 500 and come again.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn of_many_at_once_the_newest_is_the_last() {
                let (_guard, bench, _, pool) = bench().await;
                let bench = std::sync::Arc::new(bench);
                // 77 and 200 have no common divisor below 201, so each comes once.
                let versions = (0..200_u32).map(|step| step * 77 % 200 + 1);
                let tasks = (0..8).map(|task| {
                    let mine: Vec<u32> = versions.clone().skip(task).step_by(8).collect();
                    let (bench, pool) = (bench.clone(), pool.clone());
                    tokio::spawn(async move {
                        for version in mine {
                            let event = format!("{version} a");
                            let mut tries = 0;
                            loop {
                                let pool = pool.clone();
                                let handler = |delivery: Delivery| async move {
                                    match handle(&pool, &delivery).await {
                                        Ok(Order::Newest | Order::Superseded) => 200,
                                        Ok(Order::Same) => 418,
                                        Err(CompleteError::Store(_)) => 500,
                                        Err(error) => panic!("{error}"),
                                    }
                                };
                                match bench.send(&event, handler).await {
                                    Ok(200) => break,
                                    Ok(500) if tries < 200 => tries += 1,
                                    other => panic!("{event}: {other:?}"),
                                }
                            }
                        }
                    })
                });
                for task in tasks.collect::<Vec<_>>() {
                    task.await.unwrap();
                }
                let effects = effects(&pool).await;
                assert!(effects.is_sorted() && effects.last() == Some(&200), "{effects:?}");
                assert!(effects.len() > 1, "{effects:?}");
                let newest = sqlx::query("SELECT version FROM entity").fetch_one(&pool).await;
                assert_eq!(newest.unwrap().get::<i32, _>(0), 200);
            }

            #[tokio::test]
            async fn an_older_table_says_what_it_needs() {
                let (_guard, bench, _, pool) = bench().await;
                let older = "DROP TABLE countersign_watermarks";
                sqlx::raw_sql(older).execute(&pool).await.unwrap();
                let handler = |delivery: Delivery| {
                    let pool = &pool;
                    async move {
                        let error = handle(pool, &delivery).await.unwrap_err();
                        let text = ErrorChain::of(&error).to_string();
                        assert!(text.contains("`countersign store STORE migrate`"), "{text}");
                        500
                    }
                };
                assert_eq!(bench.send("1 a", handler).await, Ok(500));
            }
        }
    };
}

cases!(postgres, Schema, sqlx::PgPool, "BEGIN", "SET LOCAL lock_timeout = '10s'");
cases!(
    repeatable_read,
    Schema,
    sqlx::PgPool,
    "BEGIN ISOLATION LEVEL REPEATABLE READ",
    "SET LOCAL lock_timeout = '10s'"
);
cases!(
    serializable,
    Schema,
    sqlx::PgPool,
    "BEGIN ISOLATION LEVEL SERIALIZABLE",
    "SET LOCAL lock_timeout = '10s'"
);
cases!(sqlite, Folder, sqlx::SqlitePool, "BEGIN IMMEDIATE", "SELECT 1");
