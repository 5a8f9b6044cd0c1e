//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::{Claimed, Settled, Store};
use tokio::sync::Barrier;

use super::shared::Shared;
use super::{DAY, LEASE, key, token};

const CLAIMERS: usize = 64;
const KEYS: u32 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_one_owner_and_is_handled_once() {
    let shared = Shared::new();
    let connections = [shared.store().await, shared.store().await, shared.store().await];
    let start = Arc::new(Barrier::new(CLAIMERS));
    let owners: Arc<Vec<AtomicU32>> = Arc::new((0..KEYS).map(|_| AtomicU32::new(0)).collect());
    let claimers: Vec<_> = (0..CLAIMERS)
        .map(|claimer| {
            let (start, owners) = (Arc::clone(&start), Arc::clone(&owners));
            let store = connections[claimer % connections.len()].clone();
            tokio::spawn(async move {
                start.wait().await;
                for number in 0..KEYS {
                    let mine = token();
                    if store.claim(key(number), mine, LEASE).await.unwrap() != Claimed::Fresh {
                        continue;
                    }
                    let count = owners[number as usize].fetch_add(1, Ordering::SeqCst);
                    assert_eq!(count, 0, "{number} has two owners");
                    let settled = if claimer % 2 == 0 {
                        owners[number as usize].fetch_sub(1, Ordering::SeqCst);
                        store.release(key(number), mine).await
                    } else {
                        store.complete(key(number), mine, DAY).await
                    };
                    assert_eq!(settled.unwrap(), Settled::Settled);
                }
            })
        })
        .collect();
    for claimer in claimers {
        claimer.await.unwrap();
    }
    assert!(owners.iter().all(|owners| owners.load(Ordering::SeqCst) <= 1));
    assert!(owners.iter().any(|owners| owners.load(Ordering::SeqCst) == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_calls_do_not_mix_up_answers() {
    let shared = Shared::new();
    let store = shared.store().await;
    for number in 0..2_000 {
        let abandoned = store.claim(key(10_000 + number), token(), LEASE);
        tokio::select! {
            biased;
            _ = abandoned => {}
            () = tokio::task::yield_now() => {}
        }
        let mine = token();
        assert_eq!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        let other = store.claim(key(number), token(), LEASE).await.unwrap();
        assert!(matches!(other, Claimed::InFlight { .. }), "{other:?}");
        assert_eq!(store.release(key(number), mine).await.unwrap(), Settled::Settled);
    }
}
