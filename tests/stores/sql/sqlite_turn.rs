//! SQLite: handlers take turns with the store, and with each other.

use std::time::{Duration, Instant};

use countersign::{Claimed, Delivery, Store};
use countersign_sqlx::{CompleteIn, SqliteStore};
use countersign_tests::quickly;
use sqlx::{Connection, SqlitePool};

use super::receiver::Bench;
use super::{DAY, Folder, LEASE, failure, key, look, promptly, token};

#[tokio::test]
async fn a_handlers_transaction_takes_its_turn() {
    let (_folder, store, pool) = Folder::migrated().await;
    sqlx::query("CREATE TABLE effects (event TEXT)").execute(&pool).await.unwrap();
    let (at, begin) = (&pool, &store);
    let handler = |delivery: Delivery| async move {
        // Rolled back, by hand and by itself.
        let mut tx = begin.begin(at).await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.rollback().await.unwrap();
        let mut tx = promptly(begin.begin(at)).await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        drop(tx);
        let mut tx = promptly(begin.begin(at)).await.unwrap();
        let mut inner = tx.begin().await.unwrap();
        sqlx::query("INSERT INTO effects VALUES ('1')").execute(&mut *inner).await.unwrap();
        inner.commit().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        200
    };
    assert_eq!(Bench::new(store.clone()).send("1", handler).await, Ok(200));
    let effects: i64 =
        sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(&pool).await.unwrap();
    assert_eq!(effects, 1);
}

/// In the order in which they came, whoever they are: nobody sleeps while it is their turn.
#[tokio::test]
async fn turns_are_served_in_order() {
    while !are_served_in_order().await {}
}

/// It is false if the machine stood still for so long that those who wait may have given up.
async fn are_served_in_order() -> bool {
    let (_folder, store, pool) = Folder::migrated().await;
    let started = Instant::now();
    let first = store.begin(&pool).await.unwrap();
    let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..8 {
        let (store, pool, say) = (store.clone(), pool.clone(), say.clone());
        tokio::spawn(async move {
            match number {
                4 => assert_eq!(look(&store, key(1)).await, Claimed::Fresh),
                _ => drop(store.begin(&pool).await.unwrap()),
            }
            say.send(number).unwrap();
        });
        // Until it waits.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop((first, say));
    if started.elapsed() > Duration::from_secs(1) {
        return false;
    }
    let mut order = Vec::new();
    while let Some(number) = promptly(said.recv()).await {
        order.push(number);
    }
    // The claim is answered by another thread, so it may be heard of a little later.
    assert!(order.iter().filter(|number| **number != 4).eq(&[0, 1, 2, 3, 5, 6, 7]), "{order:?}");
    assert!(order.iter().position(|number| *number == 4) >= Some(4), "{order:?}");
    true
}

/// A turn that somebody keeps for ever costs the others time, and nothing else.
#[tokio::test]
async fn a_turn_that_is_kept_does_not_stop_the_store() {
    while !is_not_stopped().await {}
}

/// It is false if the machine stood still for as long as a turn is waited for.
async fn is_not_stopped() -> bool {
    let (_folder, store, pool) = Folder::migrated().await;
    let (_other, _, elsewhere) = Folder::migrated().await;
    // The turn without the write lock.
    let kept = store.begin(&elsewhere).await.unwrap();
    const LONG: Duration = Duration::from_secs(10);
    let claim = async |number| {
        let claim = store.claim(key(number), token(), LEASE);
        quickly(LONG, claim).await
    };
    let started = Instant::now();
    let waits = tokio::time::timeout(Duration::from_millis(300), claim(0)).await;
    if started.elapsed() > Duration::from_secs(1) {
        return false;
    }
    assert!(waits.is_err(), "the store does not take turns");
    assert_eq!(claim(1).await.unwrap(), Claimed::Fresh);
    drop(quickly(LONG, store.begin(&pool)).await.unwrap());
    drop(kept);
    // With it, as without turns.
    let kept = store.begin(&pool).await.unwrap();
    let (_, text) = failure(claim(2).await);
    assert!(text.contains("busy_timeout"), "{text}");
    drop(kept);
    assert_eq!(promptly(look(&store, key(2))).await, Claimed::Fresh);
    true
}

#[tokio::test]
async fn a_turn_that_nobody_waits_for_any_more_is_the_next_ones() {
    let (_folder, store, pool) = Folder::migrated().await;
    let held = store.begin(&pool).await.unwrap();
    for _ in 0..5 {
        let begin = store.begin(&pool);
        assert!(tokio::time::timeout(Duration::from_millis(5), begin).await.is_err());
    }
    drop(held);
    // Dropped at all kinds of moments.
    for number in 0..100 {
        let time = Duration::from_micros(number * 20);
        let _ = tokio::time::timeout(time, store.begin(&pool)).await;
    }
    for number in 0..3 {
        promptly(store.begin(&pool)).await.unwrap().commit().await.unwrap();
        assert_eq!(promptly(look(&store, key(number))).await, Claimed::Fresh);
    }
}

/// `cargo test --release -p countersign-tests --test stores -- --ignored --nocapture turns_beside`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement of latencies, which proves nothing on a busy machine: run it by name"]
async fn turns_beside_none() {
    let (_folder, store, pool) = Folder::migrated().await;
    sqlx::query("CREATE TABLE effects (event TEXT)").execute(&pool).await.unwrap();
    for round in 0..6 {
        let turns = round % 2 == 1;
        let mut tasks = tokio::task::JoinSet::new();
        let started = Instant::now();
        for _ in 0..12 {
            tasks.spawn(write_100_times(store.clone(), pool.clone(), turns));
        }
        let mut times = tasks.join_all().await.concat();
        times.sort_unstable();
        let of_100 = |part: usize| times[times.len() * part / 100];
        println!(
            "{}: median {:?}, p99 {:?}, maximum {:?}, all in {:?}",
            if turns { "with turns" } else { "without" },
            of_100(50),
            of_100(99),
            times.last().unwrap(),
            started.elapsed(),
        );
    }
}

/// Claims, writes as a handler does, and completes; gives how long each write took.
async fn write_100_times(store: SqliteStore, pool: SqlitePool, turns: bool) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..100 {
        let mine = token();
        let new = countersign::EventKey::from_bytes(*mine.as_bytes());
        assert_eq!(store.claim(new, mine, LEASE).await.unwrap(), Claimed::Fresh);
        let insert = sqlx::query("INSERT INTO effects VALUES ('it happened')");
        let started = Instant::now();
        if turns {
            let mut tx = store.begin(&pool).await.unwrap();
            insert.execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        } else {
            let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
            insert.execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        times.push(started.elapsed());
        let _ = store.complete(new, mine, DAY).await.unwrap();
    }
    times
}
