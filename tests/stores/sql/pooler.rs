//! PostgreSQL behind a PgBouncer in transaction mode.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::testing::StoreSuite;
use countersign::{
    Claimed, Delivery, ErrorChain, RejectionKind, Runtime, Settled, Store, StoreError,
};
use countersign_sqlx::{CompleteIn, PostgresStore};
use sqlx::PgPool;

use super::pgbouncer::PgBouncer;
use super::receiver::Bench;
use super::{DAY, LEASE, Schema, is_in_flight, key, look, token};

/// Many clients, few connections to the server: every call may get another one.
async fn behind(prepared: bool, servers: u32) -> (PgBouncer, Schema, PostgresStore, PgPool) {
    let (schema, _, direct) = Schema::migrated().await;
    let bouncer = PgBouncer::start(&schema, servers).await;
    let store = PostgresStore::builder(bouncer.pool(12)).schema(&schema.name);
    (bouncer, schema, store.prepared_statements(prepared).build().unwrap(), direct)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_keeps_the_contract() {
    let (_bouncer, _schema, store, _) = behind(false, 3).await;
    let tokio =
        Runtime::new(|task| drop(tokio::spawn(task)), |time| Box::pin(tokio::time::sleep(time)));
    let suite = StoreSuite::new(store, tokio);
    suite.one_winner_each(16, 60).await;
    suite.take_over_after_the_lease().await;
    suite.late_settling_is_lost().await;
    suite.repeated_claim_is_the_same().await;
    suite.completed_is_done().await;
    suite.released_token_never_claims().await;
    suite.claims_race_their_releases(60).await;
}

#[tokio::test]
async fn the_default_completes_in_a_transaction() {
    let (bouncer, _schema, store, _) = behind(false, 3).await;
    let bench = Bench::new(store);
    let pool = bouncer.pool(2);
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        200
    };
    assert_eq!(bench.send("1", handler).await, Ok(200));
    let rejection = bench.send("1", |_| async { 200 }).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Duplicate);
}

/// PgBouncer before 1.21 gives the same name to different statements. No call answers, or does, what
/// another one was asked for: it fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepared_statements_that_are_mixed_up_fail() {
    let (bouncer, schema, store, direct) = behind(true, 2).await;
    let panics = Arc::new(AtomicUsize::new(0));
    let reader = schema.store(&direct);
    let (mut failed, mut other) = (0, 0);
    for round in 0..40 {
        // New clients, which prepare in another order.
        let again = PostgresStore::builder(bouncer.pool(8)).schema(&schema.name);
        let again = again.prepared_statements(true).build().unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (store, reader) = (if number % 2 == 0 { &store } else { &again }, reader.clone());
            let (store, key) = (store.clone(), key(round * 8 + number));
            calls.spawn(async move {
                let mine = token();
                let (mut failed, mut other) = (0, 0);
                let mut fails = |error: &countersign::StoreError| {
                    failed += 1;
                    other +=
                        u32::from(ErrorChain::of(error).to_string().contains("another statement"));
                };
                match number % 4 {
                    0 | 1 => match store.claim(key, mine, LEASE).await {
                        Ok(claimed) => {
                            assert_eq!(claimed, Claimed::Fresh);
                            assert!(is_in_flight(look(&reader, key).await));
                        }
                        Err(error) => {
                            fails(&error);
                            assert_eq!(look(&reader, key).await, Claimed::Fresh);
                        }
                    },
                    2 => {
                        assert_eq!(reader.claim(key, mine, LEASE).await.unwrap(), Claimed::Fresh);
                        let completed = store.complete(key, mine, DAY).await;
                        let seen = look(&reader, key).await;
                        match completed {
                            Ok(settled) => {
                                assert_eq!(settled, Settled::Settled);
                                assert_eq!(seen, Claimed::Done);
                            }
                            Err(error) => {
                                fails(&error);
                                assert!(is_in_flight(seen), "{seen:?}");
                            }
                        }
                    }
                    _ => {
                        assert_eq!(reader.claim(key, mine, LEASE).await.unwrap(), Claimed::Fresh);
                        let renewed = store.claim(key, mine, LEASE).await;
                        assert!(is_in_flight(look(&reader, key).await));
                        let released = store.release(key, mine).await;
                        let seen = look(&reader, key).await;
                        for error in [renewed.as_ref().err(), released.as_ref().err()] {
                            error.into_iter().for_each(&mut fails);
                        }
                        assert!(matches!(renewed, Ok(Claimed::Fresh) | Err(_)), "{renewed:?}");
                        match released {
                            Ok(settled) => {
                                assert_eq!(settled, Settled::Settled);
                                assert_eq!(seen, Claimed::Fresh);
                            }
                            Err(_) => assert!(is_in_flight(seen), "{seen:?}"),
                        }
                    }
                }
                (failed, other)
            });
        }
        while let Some(ended) = calls.join_next().await {
            match ended {
                Ok((some, others)) => {
                    failed += some;
                    other += others;
                }
                Err(error) => {
                    eprintln!("{error}");
                    panics.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }
    println!("{failed} calls failed, {other} of them met another statement");
    assert_eq!(panics.load(Ordering::SeqCst), 0);
}

/// As a pooler would: what the name of a store's statement means on the connection is another one.
async fn swap(pool: &PgPool, name: &str, types: &str, statement: &str) {
    let sql = format!("DEALLOCATE {name}; PREPARE {name} ({types}) AS {statement}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

/// Name, types and text of the statements that are prepared, by when they were.
async fn prepared(pool: &PgPool) -> Vec<(String, String, String)> {
    let sql = "SELECT name, array_to_string(parameter_types, ',') AS types, statement \
        FROM pg_prepared_statements ORDER BY prepare_time";
    let rows = sqlx::raw_sql(sql).fetch_all(pool).await.unwrap();
    let text = |row: &sqlx::postgres::PgRow, column| sqlx::Row::get::<String, usize>(row, column);
    rows.iter().map(|row| (text(row, 0), text(row, 1), text(row, 2))).collect()
}

/// The same values, and another table.
#[tokio::test]
async fn another_statement_with_the_same_values_does_nothing() {
    let (schema, _, _) = Schema::migrated().await;
    let pool = schema.pool(1);
    let store = |table: &str| {
        let store = PostgresStore::builder(pool.clone()).schema(&schema.name).table(table);
        store.prepared_statements(true).build().unwrap()
    };
    let (store, other) = (store("countersign"), store("other"));
    other.migrate().await.unwrap();
    let mine = token();
    for store in [&store, &other] {
        assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Settled);
        assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Lost);
        assert!(store.is_completed(key(1), mine).await.unwrap());
        assert_eq!(store.claim(key(2), mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.claim(key(4), mine, LEASE).await.unwrap(), Claimed::Fresh);
    }
    let statements = prepared(&pool).await;
    assert_eq!(statements.len(), 8);
    for (ours, theirs) in statements[..4].iter().zip(&statements[4..]) {
        swap(&pool, &ours.0, &ours.1, &theirs.2).await;
    }
    let said = [
        store.claim(key(3), mine, LEASE).await.map(drop),
        store.complete(key(2), mine, DAY).await.map(drop),
        store.release(key(4), mine).await.map(drop),
        store.is_completed(key(1), mine).await.map(drop),
    ];
    for said in said {
        let error = said.unwrap_err();
        assert!(ErrorChain::of(&error).to_string().contains("another statement"), "{error}");
    }
    assert_eq!(look(&other, key(3)).await, Claimed::Fresh);
    assert!(is_in_flight(look(&other, key(2)).await));
    assert!(is_in_flight(look(&other, key(4)).await));
}

/// Asks for 20 keys while the pool's only connection is in use, so that they go together.
async fn together<A: Send + 'static>(
    pool: &PgPool,
    ask: impl Fn(u32) -> tokio::task::JoinHandle<Result<A, StoreError>>,
) -> Vec<Result<A, StoreError>> {
    let held = pool.acquire().await.unwrap();
    let asked: Vec<_> = (0..20).map(ask).collect();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    drop(held);
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn another_statement_for_many_keys_does_nothing() {
    let (schema, _, direct) = Schema::migrated().await;
    let pool = schema.pool(1);
    let store = |table: &str| {
        let store = PostgresStore::builder(pool.clone()).schema(&schema.name).table(table);
        store.prepared_statements(true).build().unwrap()
    };
    let (store, other) = (store("countersign"), store("other"));
    other.migrate().await.unwrap();
    let mine = token();
    let claims = async |store: &PostgresStore, from: u32| {
        let claim = |number| {
            let (store, key) = (store.clone(), key(from + number));
            tokio::spawn(async move { store.claim(key, mine, LEASE).await })
        };
        together(&pool, claim).await
    };
    let completions = async |store: &PostgresStore, from: u32| {
        let complete = |number| {
            let (store, key) = (store.clone(), key(from + number));
            tokio::spawn(async move { store.complete(key, mine, DAY).await })
        };
        together(&pool, complete).await
    };
    let releases = async |store: &PostgresStore, from: u32| {
        let release = |number| {
            let (store, key) = (store.clone(), key(from + number));
            tokio::spawn(async move { store.release(key, mine).await })
        };
        together(&pool, release).await
    };
    let looks = async |store: &PostgresStore, from: u32| {
        let look = |number| {
            let (store, key) = (store.clone(), key(from + number));
            tokio::spawn(async move { store.is_completed(key, mine).await })
        };
        together(&pool, look).await
    };
    for store in [&store, &other] {
        for from in [0, 100, 200] {
            assert!(
                claims(store, from).await.into_iter().all(|one| one.unwrap() == Claimed::Fresh)
            );
        }
        let all = completions(store, 0).await.into_iter().map(Result::unwrap);
        assert!(all.eq([Settled::Settled; 20]));
        assert!(releases(store, 0).await.into_iter().map(Result::unwrap).eq([Settled::Lost; 20]));
        assert!(looks(store, 0).await.into_iter().all(Result::unwrap));
    }
    let many: Vec<_> = prepared(&pool).await.into_iter().collect();
    let of = |table: &str| -> Vec<(String, String, String)> {
        let table = format!(".\"{table}\"");
        let many = many.iter().filter(|(_, _, sql)| sql.contains("unnest") && sql.contains(&table));
        many.cloned().collect()
    };
    let (ours, theirs) = (of("countersign"), of("other"));
    assert_eq!((ours.len(), theirs.len()), (4, 4));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        swap(&pool, &ours.0, &ours.1, &theirs.2).await;
    }
    let says = |error: StoreError| {
        let text = ErrorChain::of(&error).to_string();
        assert!(text.contains("another statement"), "{text}");
    };
    let failed = |failed: Vec<Option<StoreError>>| {
        let failed: Vec<_> = failed.into_iter().flatten().collect();
        assert!(failed.len() > 10, "{}", failed.len());
        failed.into_iter().for_each(says);
    };
    failed(claims(&store, 300).await.into_iter().map(Result::err).collect());
    failed(completions(&store, 100).await.into_iter().map(Result::err).collect());
    failed(releases(&store, 200).await.into_iter().map(Result::err).collect());
    failed(looks(&store, 0).await.into_iter().map(Result::err).collect());
    // Nothing of it has happened to the other table.
    let sql = "SELECT (SELECT count(*) FROM other WHERE done), (SELECT count(*) FROM other)";
    let rows: (i64, i64) = sqlx::query_as(sql).fetch_one(&direct).await.unwrap();
    assert_eq!(rows, (20, 60));
}

/// Many clients, with keys in common, and few connections to the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_together_keeps_the_contract() {
    let (bouncer, schema, _, _) = behind(false, 2).await;
    let stores: Vec<_> = (0..4).map(|_| schema.store(&bouncer.pool(4))).collect();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..800 {
        let (store, number) = (stores[number % 4].clone(), number as u32 / 4);
        calls.spawn(async move {
            let mine = token();
            let claimed = store.claim(key(number), mine, LEASE).await.unwrap();
            match claimed {
                Claimed::Fresh if number % 2 == 0 => {
                    let settled = store.complete(key(number), mine, DAY).await.unwrap();
                    assert_eq!(settled, Settled::Settled);
                }
                Claimed::Fresh => {
                    let settled = store.release(key(number), mine).await.unwrap();
                    assert_eq!(settled, Settled::Settled);
                }
                claimed => assert!(claimed == Claimed::Done || is_in_flight(claimed)),
            }
            u32::from(claimed == Claimed::Fresh && number % 2 == 0)
        });
    }
    assert_eq!(calls.join_all().await.iter().sum::<u32>(), 100);
    for number in 0..200 {
        let claimed = look(&stores[0], key(number)).await;
        assert_eq!(claimed, if number % 2 == 0 { Claimed::Done } else { Claimed::Fresh });
    }
}

/// sqlx panics where a row has fewer columns than the statement had that it prepared.
#[tokio::test]
async fn another_statements_row_is_an_error() {
    let (schema, _, _) = Schema::migrated().await;
    for statement in [
        "SELECT FROM (VALUES (1)) AS one",
        "SELECT 1",
        "SELECT NULL::text, 1, 1::bigint",
        "SELECT WHERE false",
        "SELECT '\\x00ff'::bytea, 'text that is not a number', now()",
    ] {
        let pool = schema.pool(1);
        let store = PostgresStore::builder(pool.clone()).schema(&schema.name);
        let store = store.prepared_statements(true).build().unwrap();
        let _ = look(&store, key(1)).await;
        let statements = prepared(&pool).await;
        swap(&pool, &statements[0].0, &statements[0].1, statement).await;
        let error = store.claim(key(2), token(), LEASE).await.unwrap_err();
        assert!(
            ErrorChain::of(&error).to_string().contains("another statement"),
            "{statement}: {error}"
        );
    }
}
