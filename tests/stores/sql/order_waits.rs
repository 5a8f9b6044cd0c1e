//! `newest_in` on PostgreSQL: how long a watermark is kept, and transactions that wait for each other.

use std::time::Duration;

use countersign::{Delivery, ErrorChain};
use countersign_sqlx::{CompleteError, CompleteIn, NewestIn, Order, PostgresStore};
use sqlx::AssertSqlSafe;

use super::Schema;
use super::order::version;
use super::receiver::Bench;

const DELETED: &str = "SELECT count(*) FROM countersign_watermarks";

/// A purge drops it when its time is over, and then any version is the newest again.
#[tokio::test]
async fn a_watermark_is_kept_for_its_time() {
    let (schema, _, pool) = Schema::migrated().await;
    let store = PostgresStore::builder(pool.clone()).schema(&schema.name);
    let store = store.keep_watermarks(Duration::from_secs(90 * 86_400)).build().unwrap();
    let bench = Bench::new(store.clone());
    let ordered = |expected: Order| {
        let pool = &pool;
        move |delivery: Delivery| async move {
            let mut tx = pool.begin().await.unwrap();
            let order = delivery.newest_in(&mut tx, "a", version(&delivery)).await.unwrap();
            assert_eq!(order, expected);
            delivery.complete_in(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            200
        }
    };
    assert_eq!(bench.send("2 a", ordered(Order::Newest)).await, Ok(200));
    let days = "SELECT (extract(epoch FROM expires_at - now()) / 86400)::int \
                FROM countersign_watermarks";
    assert_eq!(sqlx::query_scalar::<_, i32>(days).fetch_one(&pool).await.unwrap(), 90);
    assert_eq!(store.purge(100).await.unwrap(), 0);
    assert_eq!(bench.send("1 a", ordered(Order::Superseded)).await, Ok(200));
    let expire = "UPDATE countersign_watermarks SET expires_at = now()";
    sqlx::raw_sql(expire).execute(&pool).await.unwrap();
    // It counts as long as it is there, and is kept anew.
    assert_eq!(bench.send("1 b", ordered(Order::Superseded)).await, Ok(200));
    assert_eq!(store.purge(100).await.unwrap(), 0);
    sqlx::raw_sql(expire).execute(&pool).await.unwrap();
    assert_eq!(store.purge(100).await.unwrap(), 1);
    assert_eq!(sqlx::query_scalar::<_, i64>(DELETED).fetch_one(&pool).await.unwrap(), 0);
    assert_eq!(bench.send("1 c", ordered(Order::Newest)).await, Ok(200));
}

/// The lease ends while another transaction on the entity is waited for.
#[tokio::test]
async fn a_lease_that_ends_during_the_wait_is_lost() {
    let (_schema, store, pool) = Schema::migrated().await;
    let bench = Bench::new(store);
    let go = tokio::sync::Notify::new();
    let first = bench.send("1 a", |delivery| {
        let (pool, go) = (&pool, &go);
        async move {
            let mut tx = pool.begin().await.unwrap();
            let order = delivery.newest_in(&mut tx, "a", 1).await.unwrap();
            assert_eq!(order, Order::Newest);
            go.notify_one();
            // The other one waits; its claim ends, and this one goes on.
            let me = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()");
            let me = me.fetch_one(&mut *tx).await.unwrap();
            let waiting = "SELECT count(*) FROM pg_locks \
                WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid))";
            let waits = || sqlx::query_scalar::<_, i64>(waiting).bind(me).fetch_one(pool);
            while waits().await.unwrap() == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let lose = "UPDATE countersign SET expires_at = now() WHERE key <> $1::uuid";
            let lose = lose.replace("$1", &format!("'{}'", delivery.key()));
            sqlx::raw_sql(AssertSqlSafe(lose)).execute(pool).await.unwrap();
            delivery.complete_in(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            200
        }
    });
    let second = bench.send("2 a", |delivery| {
        let (pool, go) = (&pool, &go);
        async move {
            go.notified().await;
            let mut tx = pool.begin().await.unwrap();
            let error = delivery.newest_in(&mut tx, "a", 2).await.unwrap_err();
            assert!(matches!(error, CompleteError::Lost), "{error}");
            500
        }
    });
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first, second), (Ok(200), Ok(500)));
}

/// Two transactions that ask in different order: one is ended, says why, and loses nothing.
#[tokio::test]
async fn a_deadlock_is_an_error_and_the_event_comes_again() {
    let (_schema, store, pool) = Schema::migrated().await;
    let bench = Bench::new(store);
    let both_have_one = tokio::sync::Barrier::new(2);
    let ask = |[one, other]: [&'static str; 2]| {
        let (pool, both_have_one) = (&pool, &both_have_one);
        move |delivery: Delivery| async move {
            let mut tx = pool.begin().await.unwrap();
            let _ = delivery.newest_in(&mut tx, one, version(&delivery)).await.unwrap();
            both_have_one.wait().await;
            if let Err(error) = delivery.newest_in(&mut tx, other, version(&delivery)).await {
                let text = ErrorChain::of(&error).to_string();
                assert!(text.contains("run it again from its beginning"), "{text}");
                return 503;
            }
            delivery.complete_in(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            200
        }
    };
    let one = bench.send("1 a", ask(["a", "b"]));
    let other = bench.send("2 a", ask(["b", "a"]));
    let (one, other) = tokio::join!(one, other);
    let mut statuses = [one.unwrap(), other.unwrap()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
    let again = match bench.is_let_in("1 a").await {
        Ok(200) => bench.is_let_in("2 a").await.is_err(),
        _ => bench.is_let_in("2 a").await == Ok(200),
    };
    assert!(again, "only the one that failed comes again");
}

/// With statements that stay prepared.
#[tokio::test]
async fn prepared_statements_compare_as_well() {
    let (schema, _, pool) = Schema::migrated().await;
    let store = PostgresStore::builder(pool.clone()).schema(&schema.name);
    let bench = Bench::new(store.prepared_statements(true).build().unwrap());
    for (event, expected) in
        [("2 a", Order::Newest), ("1 a", Order::Superseded), ("2 b", Order::Same)]
    {
        let handler = |delivery: Delivery| {
            let pool = &pool;
            async move {
                let mut tx = pool.begin().await.unwrap();
                let order = delivery.newest_in(&mut tx, "a", version(&delivery)).await.unwrap();
                assert_eq!(order, expected);
                delivery.complete_in(&mut tx).await.unwrap();
                tx.commit().await.unwrap();
                200
            }
        };
        assert_eq!(bench.send(event, handler).await, Ok(200));
    }
}
