//! PostgreSQL: a transaction that is run again because the answer to its COMMIT was lost.

use countersign::{Delivery, ErrorChain, RejectionKind};
use countersign_sqlx::{CompleteError, CompleteIn};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::watch;

use super::Schema;
use super::proxy::{Fate, Next, Proxy};
use super::receiver::Bench;

const ACCOUNT: &str = "CREATE TABLE account (balance int NOT NULL); INSERT INTO account VALUES (0)";
const PAY: &str = "UPDATE account SET balance = balance + 1";

async fn balance(pool: &PgPool) -> i32 {
    sqlx::query_scalar("SELECT balance FROM account").fetch_one(pool).await.unwrap()
}

/// The loop of the crate's docs.
async fn pay(pool: &PgPool, level: &str, delivery: &Delivery) -> Result<(), CompleteError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match try_to_pay(pool, level, delivery).await {
            Err(Failed::Database) if tries < 5 => {}
            Err(Failed::Complete(CompleteError::Store(_))) if tries < 5 => {}
            Err(Failed::Complete(CompleteError::AlreadyCompleted)) => return Ok(()),
            Err(Failed::Complete(error)) => return Err(error),
            Err(Failed::Database) => panic!("the database does not come back"),
            Ok(()) => return Ok(()),
        }
    }
}

enum Failed {
    Database,
    Complete(CompleteError),
}

impl From<sqlx::Error> for Failed {
    fn from(_: sqlx::Error) -> Self {
        Self::Database
    }
}

async fn try_to_pay(pool: &PgPool, level: &str, delivery: &Delivery) -> Result<(), Failed> {
    let begin = AssertSqlSafe(format!("BEGIN ISOLATION LEVEL {level}"));
    let mut tx = pool.begin_with(begin).await?;
    sqlx::query(PAY).execute(&mut *tx).await?;
    delivery.complete_in(&mut tx).await.map_err(Failed::Complete)?;
    tx.commit().await?;
    Ok(())
}

#[tokio::test]
async fn the_effect_happens_once_if_a_commits_answer_is_lost() {
    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        for fate in [Fate::Unanswered, Fate::Broken] {
            let (schema, store, direct) = Schema::migrated().await;
            sqlx::raw_sql(ACCOUNT).execute(&direct).await.unwrap();
            let next = Next::default();
            let proxy = Proxy::to(&schema.options(), next.decide()).await;
            let pool = schema.pool_with(2, |options| proxy.through(options));
            next.meets(b'Q', "COMMIT", fate);
            let bench = Bench::new(store);
            let handler = |delivery: Delivery| async move {
                pay(&pool, level, &delivery).await.unwrap();
                200
            };
            assert_eq!(bench.send("1", handler).await, Ok(200), "{level}");
            next.have_come().await;
            assert_eq!(balance(&direct).await, 1, "{level}");
            let rejection = bench.send("1", |_| async { 200 }).await.unwrap_err();
            assert_eq!(rejection.kind(), RejectionKind::Duplicate, "{level}");
        }
    }
}

/// The second transaction begins before the first one's COMMIT arrives, and waits for it.
#[tokio::test]
async fn a_commit_that_arrives_during_the_next_try_is_seen() {
    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let (schema, store, direct) = Schema::migrated().await;
        let next = Next::default();
        let proxy = Proxy::to(&schema.options(), next.decide()).await;
        let stalled = schema.pool_with(1, |options| proxy.through(options));
        let (arrives, held) = watch::channel(false);
        next.meets(b'Q', "COMMIT", Fate::Held(held));
        let handler = |delivery: Delivery| async move {
            let mut first = stalled.begin().await.unwrap();
            delivery.complete_in(&mut first).await.unwrap();
            let commit = tokio::spawn(first.commit());
            next.have_come().await;
            let begin = || AssertSqlSafe(format!("BEGIN ISOLATION LEVEL {level}"));
            let mut second = direct.begin_with(begin()).await.unwrap();
            let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
                .fetch_one(&mut *second)
                .await
                .unwrap();
            let watching = direct.clone();
            let let_it = tokio::spawn(async move {
                let waits = "SELECT count(*) FROM pg_locks WHERE pid = $1 AND NOT granted";
                for _ in 0..1_000 {
                    let waits = sqlx::query_scalar::<_, i64>(waits).bind(pid);
                    if waits.fetch_one(&watching).await.unwrap() > 0 {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                arrives.send(true).unwrap();
            });
            let error = delivery.complete_in(&mut second).await.unwrap_err();
            if level == "READ COMMITTED" {
                assert!(matches!(error, CompleteError::AlreadyCompleted), "{error}");
            } else {
                assert!(ErrorChain::of(&error).to_string().contains("run it again"), "{error}");
                second.rollback().await.unwrap();
                second = direct.begin_with(begin()).await.unwrap();
                let error = delivery.complete_in(&mut second).await.unwrap_err();
                assert!(matches!(error, CompleteError::AlreadyCompleted), "{error}");
            }
            second.rollback().await.unwrap();
            let_it.await.unwrap();
            commit.await.unwrap().unwrap();
            200
        };
        assert_eq!(Bench::new(store).send("1", handler).await, Ok(200), "{level}");
    }
}

/// Twice in one transaction is once, also around savepoints.
#[tokio::test]
async fn completed_in_this_transaction_is_not_completed_before() {
    use sqlx::Acquire as _;
    let (_schema, store, pool) = Schema::migrated().await;
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        let mut inner = tx.begin().await.unwrap();
        delivery.complete_in(&mut inner).await.unwrap();
        inner.rollback().await.unwrap();
        let mut inner = tx.begin().await.unwrap();
        delivery.complete_in(&mut inner).await.unwrap();
        inner.commit().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        // The same connection, perhaps.
        for _ in 0..8 {
            let mut tx = pool.begin().await.unwrap();
            let error = delivery.complete_in(&mut tx).await.unwrap_err();
            assert!(matches!(error, CompleteError::AlreadyCompleted), "{error}");
        }
        200
    };
    assert_eq!(Bench::new(store).send("1", handler).await, Ok(200));
}
