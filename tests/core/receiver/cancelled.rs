//! A delivery whose future is dropped, at every step of its way.

use std::pin::pin;
use std::task::{Context, Waker};

use countersign::{Answer, Outcome, Reason, RejectionKind, Runtime, Store};

use super::commanded::{Act, Commanded};
use super::{ACCEPTED, Bench, CANCELLED, LEASE, TOKIO};

fn bench() -> (Bench<Commanded>, Commanded) {
    let store = Commanded::new();
    (Bench::with(store.clone(), |receiver| receiver.runtime(TOKIO)), store)
}

/// Handles until there is something to wait for, and goes away.
pub(super) async fn cancel<S: Store>(bench: &Bench<S>, number: u32, waits: bool) {
    let delivery = bench.proven(number).await;
    let mut work = pin!(bench.receiver.clone().handle(delivery, |_| async move {
        if waits {
            std::future::pending::<()>().await;
        }
        Answer::new(200, ())
    }));
    assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[tokio::test]
async fn a_cancelled_handler_releases_its_claim() {
    let (bench, store) = bench();
    cancel(&bench, 1, true).await;
    assert_eq!(bench.seen(), [CANCELLED]);
    bench.until("released", || store.inner.is_empty()).await;
    assert_eq!(store.calls(), ["claim", "release"]);
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [ACCEPTED]);
}

#[tokio::test]
async fn without_a_runtime_the_claim_stays_until_its_lease_ends() {
    let (bench, clock) = Bench::new();
    cancel(&bench, 1, true).await;
    assert_eq!(bench.seen(), [CANCELLED]);
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::InFlight);
    bench.seen();
    clock.advance(LEASE);
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [ACCEPTED]);
}

#[tokio::test]
async fn a_runtime_of_ones_own_stays() {
    const LAZY: Runtime = Runtime::new(|_| {}, |time| Box::pin(tokio::time::sleep(time)));
    let store = Commanded::new();
    let mut bench = Bench::with(store.clone(), |receiver| receiver.runtime(LAZY));
    bench.receiver = bench.receiver.runtime_or(TOKIO);
    cancel(&bench, 1, true).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.calls(), ["claim"]);

    let mut bench = Bench::with(store.clone(), |receiver| receiver);
    bench.receiver = bench.receiver.runtime_or(TOKIO).runtime_or(LAZY);
    cancel(&bench, 2, true).await;
    bench.until("released", || store.was_called("release")).await;
}

#[tokio::test]
async fn a_delivery_dropped_while_claiming_releases_what_may_have_been_claimed() {
    for act in [Act::Hang, Act::WorkAndHang] {
        let (bench, store) = bench();
        store.order(|orders| orders.claim = act);
        cancel(&bench, 1, false).await;
        assert_eq!(bench.seen(), [CANCELLED], "{act:?}");
        bench.until("released", || store.was_called("release")).await;
        bench.until("gone", || store.inner.is_empty()).await;
        store.order(|orders| orders.claim = Act::Work);
        assert_eq!(bench.send(1, 200).await, Ok(1));
    }
}

#[tokio::test]
async fn a_delivery_dropped_while_completing_is_completed_all_the_same() {
    for act in [Act::Hang, Act::WorkAndHang] {
        let (bench, store) = bench();
        store.order(|orders| orders.complete = act);
        cancel(&bench, 1, false).await;
        store.order(|orders| orders.complete = Act::Work);
        // Told once while it hung, and once more in the background; never released.
        bench.until("reported", || bench.has_seen()).await;
        let seen = [(Outcome::Accepted, None, Some(Reason::RecordedLate))];
        assert_eq!(bench.seen(), seen, "{act:?}");
        assert_eq!(store.calls(), ["claim", "complete", "complete"]);
        let rejection = bench.send(1, 200).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::Duplicate);
    }
}

#[tokio::test]
async fn a_delivery_dropped_while_releasing_is_released_all_the_same() {
    let (bench, store) = bench();
    store.order(|orders| orders.release = Act::Hang);
    let delivery = bench.proven(1).await;
    {
        let handler = |_| async { Answer::new(500, ()) };
        let mut work = pin!(bench.receiver.clone().handle(delivery, handler));
        assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        store.order(|orders| orders.release = Act::Work);
    }
    assert_eq!(bench.seen(), [CANCELLED]);
    bench.until("released", || store.inner.is_empty()).await;
    assert_eq!(bench.send(1, 200).await, Ok(1));
}

#[tokio::test]
async fn a_delivery_that_was_never_begun_holds_nothing() {
    let (bench, store) = bench();
    let delivery = bench.proven(1).await;
    let handler = |_| async { Answer::new(200, ()) };
    drop(bench.receiver.clone().handle(delivery, handler));
    tokio::task::yield_now().await;
    assert_eq!(store.calls(), [""; 0]);
    assert_eq!(bench.send(1, 200).await, Ok(1));
}
