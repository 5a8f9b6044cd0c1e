//! The contract where databases make it hard, for both stores.

use std::time::{Duration, Instant};

use countersign::{Claimed, Settled, Store};

use super::{DAY, Folder, LEASE, Schema, is_in_flight, key, look, token};

/// Runs an async test of a store on both.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (_schema, store, _) = super::Schema::migrated().await;
                super::$name(store).await;
            })*
        }

        mod postgres_prepared {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (schema, _, pool) = super::Schema::migrated().await;
                let store = countersign_sqlx::PostgresStore::builder(pool).schema(&schema.name);
                super::$name(store.prepared_statements(true).build().unwrap()).await;
            })*
        }

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (_folder, store, _) = super::Folder::migrated().await;
                super::$name(store).await;
            })*
        }
    };
}

on_both!(
    a_claim_goes_its_way,
    an_expired_lease_is_lost_even_if_nobody_took_it,
    the_longest_durations_are_cut,
    of_64_claimers_of_500_keys_each_key_has_one_winner,
    calls_that_are_dropped_disturb_no_other,
);

async fn a_claim_goes_its_way(store: impl Store) {
    let (mine, other, stranger) = (token(), token(), token());
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    let Claimed::InFlight { retry_after } = look(&store, key(1)).await else { panic!() };
    assert!(retry_after <= LEASE && retry_after > LEASE - Duration::from_secs(60));
    assert_eq!(store.complete(key(1), stranger, DAY).await.unwrap(), Settled::Lost);
    assert_eq!(store.release(key(1), stranger).await.unwrap(), Settled::Lost);
    assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Settled);
    assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Lost);
    assert_eq!(store.claim(key(1), other, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Lost);
    assert_eq!(store.complete(key(1), other, DAY).await.unwrap(), Settled::Settled);
    assert_eq!(store.complete(key(1), other, DAY).await.unwrap(), Settled::Settled);
    assert_eq!(store.release(key(1), other).await.unwrap(), Settled::Lost);
    for claimant in [mine, other] {
        assert_eq!(store.claim(key(1), claimant, LEASE).await.unwrap(), Claimed::Done);
    }
}

async fn an_expired_lease_is_lost_even_if_nobody_took_it(store: impl Store) {
    let (mine, short) = (token(), Duration::from_millis(50));
    for number in [1, 2] {
        assert_eq!(store.claim(key(number), mine, short).await.unwrap(), Claimed::Fresh);
    }
    tokio::time::sleep(2 * short).await;
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Lost);
    assert_eq!(store.release(key(2), mine).await.unwrap(), Settled::Lost);
    for number in [1, 2] {
        assert_eq!(look(&store, key(number)).await, Claimed::Fresh);
    }
    // A retention ends as well.
    let retention = Duration::from_secs(2);
    for number in 3.. {
        let started = Instant::now();
        assert_eq!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.complete(key(number), mine, retention).await.unwrap(), Settled::Settled);
        let claimed = store.claim(key(number), mine, LEASE).await.unwrap();
        if started.elapsed() >= retention {
            continue; // The machine stood still for as long.
        }
        assert_eq!(claimed, Claimed::Done);
        tokio::time::sleep(retention + short).await;
        assert_eq!(look(&store, key(number)).await, Claimed::Fresh);
        return;
    }
}

async fn the_longest_durations_are_cut(store: impl Store) {
    let mine = token();
    assert_eq!(store.claim(key(1), mine, Duration::MAX).await.unwrap(), Claimed::Fresh);
    let Claimed::InFlight { retry_after } = look(&store, key(1)).await else { panic!() };
    assert!(retry_after > 99 * 365 * DAY && retry_after <= 100 * 365 * DAY, "{retry_after:?}");
    assert_eq!(store.complete(key(1), mine, Duration::MAX).await.unwrap(), Settled::Settled);
    assert_eq!(look(&store, key(1)).await, Claimed::Done);
    // And the shortest are over at once.
    assert_eq!(store.claim(key(2), mine, Duration::ZERO).await.unwrap(), Claimed::Fresh);
    assert_eq!(look(&store, key(2)).await, Claimed::Fresh);
}

async fn of_64_claimers_of_500_keys_each_key_has_one_winner(store: impl Store + Clone) {
    let mut claimers = tokio::task::JoinSet::new();
    for claimer in 0..64 {
        let store = store.clone();
        claimers.spawn(async move {
            let mut won = Vec::new();
            for step in 0..500 {
                // Eight claimers at a time meet at each key.
                let number = (step + claimer / 8 * 61) % 500;
                if store.claim(key(number), token(), LEASE).await.unwrap() == Claimed::Fresh {
                    won.push(number);
                }
            }
            won
        });
    }
    let mut won = claimers.join_all().await.concat();
    won.sort_unstable();
    assert!(won.into_iter().eq(0..500), "a key was won by nobody, or twice");
}

async fn calls_that_are_dropped_disturb_no_other(store: impl Store + Clone) {
    // Dropped at all kinds of moments.
    for number in 0..200 {
        let time = Duration::from_micros(u64::from(number) * 20);
        let _ = tokio::time::timeout(time, store.claim(key(number), token(), LEASE)).await;
    }
    let started = Instant::now();
    for number in 0..200 {
        let claimed = look(&store, key(number)).await;
        assert!(claimed == Claimed::Fresh || is_in_flight(claimed), "{claimed:?}");
        assert!(is_in_flight(look(&store, key(number)).await));
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
