//! A store that takes its time to count an attempt.

use std::time::Duration;

use countersign::providers::hostwares;
use countersign::{ManualClock, MemoryStore, Parking, RejectionKind};

use super::commanded::{Act, Commanded};
use super::{Bench, LEASE, NOW, TOKIO, build, clock_at};

fn bench(clock: &ManualClock, takes: Duration, store: MemoryStore) -> Bench<Commanded> {
    let endpoint = build(&hostwares::provider(), |endpoint| {
        let parking = Parking::after(1).no_sooner_than(Duration::from_secs(10));
        endpoint.clock(clock.clone()).lease(LEASE).park(parking)
    });
    let store = Commanded::around(store, clock.clone());
    store.order(|orders| orders.attempt = Act::Take(takes));
    Bench::at(endpoint, store, |receiver| receiver.runtime(TOKIO))
}

/// The store's clock stands still, so it takes the claim for a live one. The endpoint knows better.
#[tokio::test]
async fn no_handler_begins_when_the_lease_ran_out_while_its_attempt_was_counted() {
    let (clock, store) = (clock_at(NOW), MemoryStore::new());
    let bench = bench(&clock, LEASE, store.clone());
    let refused = bench.send(1, 200).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::StoreUnavailable);
    assert!(store.is_empty(), "the claim is released");
}

/// The time before the first attempt is counted does not belong to the time since that attempt.
#[tokio::test]
async fn an_event_is_not_parked_too_soon_because_its_attempt_was_counted_slowly() {
    let clock = clock_at(NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let bench = bench(&clock, Duration::from_secs(10), store);
    assert_eq!(bench.send(1, 500).await, Ok(1));
    assert_eq!(bench.send(1, 500).await.unwrap_err().kind(), RejectionKind::Parked);
}
