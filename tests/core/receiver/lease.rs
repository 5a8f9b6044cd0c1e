//! A claim that is kept while its handler runs, and a handler that learns that it is not.

use std::time::Duration;

use countersign::providers::hostwares;
use countersign::{
    Answer, ClaimToken, Claimed, Delivery, Outcome, Reason, ReceiverBuilder, RejectionKind, Store,
    StoreErrorKind,
};
use tokio::sync::oneshot;

use super::commanded::{Act, Commanded};
use super::{ACCEPTED, Bench, TOKIO};
use crate::support::build;

const LEASE: Duration = Duration::from_millis(1_200);

fn bench(renew_for: Duration) -> (Bench<Commanded>, Commanded) {
    let store = Commanded::clocked();
    let endpoint = build(&hostwares::provider(), |endpoint| {
        endpoint.lease(LEASE).renew_for(renew_for).clock(store.clock.clone())
    });
    let settings = |receiver: ReceiverBuilder<_>| receiver.runtime(TOKIO);
    (Bench::at(endpoint, store.clone(), settings), store)
}

/// Starts a handler that gives out its delivery and goes on after a signal.
async fn start(bench: &Bench<Commanded>) -> (Delivery, oneshot::Sender<()>, Joined) {
    let delivery = bench.proven(1).await;
    let (send, received) = oneshot::channel();
    let (go_on, gate) = oneshot::channel();
    let receiver = bench.receiver.clone();
    let joined = tokio::spawn(async move {
        let handler = |delivery| async move {
            let _ = send.send(delivery);
            let _ = gate.await;
            Answer::new(200, ())
        };
        receiver.handle(delivery, handler).await.unwrap();
    });
    (received.await.unwrap(), go_on, joined)
}

type Joined = tokio::task::JoinHandle<()>;

#[tokio::test]
async fn a_handler_may_outlast_its_lease() {
    let (bench, store) = bench(Duration::from_secs(60));
    let (delivery, go_on, joined) = start(&bench).await;
    for _ in 0..4 {
        store.renewed(LEASE).await;
    }
    assert!(!delivery.claim().is_lost());
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::InFlight);
    bench.seen();
    go_on.send(()).unwrap();
    joined.await.unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
    let calls = store.calls();
    assert_eq!(calls.iter().filter(|call| **call == "complete").count(), 1);
    store.clock.advance(LEASE / 3);
    tokio::time::sleep(LEASE / 2).await;
    assert_eq!(store.calls(), [""; 0], "nothing is renewed after the end");
}

#[tokio::test]
async fn a_lease_is_not_renewed_for_ever() {
    let (bench, store) = bench(Duration::ZERO);
    let (delivery, go_on, joined) = start(&bench).await;
    assert!(!delivery.claim().is_lost());
    store.clock.advance(LEASE);
    assert!(delivery.claim().is_lost());
    assert_eq!(store.calls(), ["claim"]);
    // The event's next delivery is accepted, and the late handler cannot disturb it.
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [ACCEPTED]);
    go_on.send(()).unwrap();
    joined.await.unwrap();
    assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::ClaimLost))]);
}

#[tokio::test]
async fn a_handler_learns_that_somebody_else_has_its_claim() {
    let (bench, store) = bench(Duration::from_secs(60));
    let (delivery, go_on, joined) = start(&bench).await;
    // As after a pause of the whole process: the lease ran out, and another one claimed.
    let other = ClaimToken::random().unwrap();
    store.order(|orders| orders.claim = Act::Fail(StoreErrorKind::Unavailable));
    store.renewed(LEASE).await;
    store.clock.advance(LEASE);
    let claimed = store.inner.claim(delivery.key(), other, Duration::from_secs(60)).await;
    assert_eq!(claimed.unwrap(), Claimed::Fresh);
    assert!(delivery.claim().is_lost(), "the store could not be reached for a whole lease");
    go_on.send(()).unwrap();
    joined.await.unwrap();
    assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::ClaimLost))]);
}

#[tokio::test]
async fn a_renewal_that_finds_another_owner_says_so() {
    let (bench, store) = bench(Duration::from_secs(60));
    let (delivery, go_on, joined) = start(&bench).await;
    // The store forgot the claim, as a Redis without persistence does when it restarts.
    let own = store.inner.clone();
    let (key, other) = (delivery.key(), ClaimToken::random().unwrap());
    store.forget(key).await;
    assert_eq!(own.claim(key, other, Duration::from_secs(60)).await.unwrap(), Claimed::Fresh);
    store.renewed(LEASE).await;
    // A third of its lease has passed, by the clock of the test.
    bench.until("lost", || delivery.claim().is_lost()).await;
    go_on.send(()).unwrap();
    joined.await.unwrap();
}

#[tokio::test]
async fn a_store_that_was_away_for_less_than_a_lease_costs_nothing() {
    let (bench, store) = bench(Duration::from_secs(60));
    let (delivery, go_on, joined) = start(&bench).await;
    store.order(|orders| orders.claim = Act::Fail(StoreErrorKind::Unavailable));
    store.renewed(LEASE).await;
    store.order(|orders| orders.claim = Act::Work);
    for _ in 0..4 {
        store.renewed(LEASE).await;
    }
    assert!(!delivery.claim().is_lost());
    go_on.send(()).unwrap();
    joined.await.unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
}
