//! A store that cannot answer: no event is lost, and the sender comes again.

use std::time::Duration;

use countersign::providers::hostwares;
use countersign::{HandlerTasks, Outcome, Reason, ReceiverBuilder, RejectionKind, StoreErrorKind};

use super::cancelled::cancel;
use super::commanded::{Act, Commanded};
use super::{ACCEPTED, Bench, TOKIO};
use crate::support::build;

fn bench() -> (Bench<Commanded>, Commanded) {
    let store = Commanded::new();
    (Bench::with(store.clone(), |receiver| receiver.runtime(TOKIO)), store)
}

#[tokio::test]
async fn a_store_that_cannot_claim_is_503() {
    let (bench, store) = bench();
    for (kind, refused, code) in [
        (StoreErrorKind::Unavailable, RejectionKind::StoreUnavailable, "store_unavailable"),
        (StoreErrorKind::Full, RejectionKind::StoreFull, "store_full"),
    ] {
        store.order(|orders| orders.claim = Act::Fail(kind));
        let rejection = bench.send(1, 200).await.unwrap_err();
        assert_eq!((rejection.kind(), rejection.status()), (refused, 503));
        assert_eq!(rejection.body(), format!(r#"{{"error":"{code}"}}"#));
        assert_eq!(rejection.retry_after_secs(), Some(5));
        assert!(rejection.is_proven());
        assert_eq!(bench.seen(), [(Outcome::Rejected, Some(503), Some(Reason::Rejected(refused)))]);
    }
    store.order(|orders| orders.claim = Act::Work);
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [ACCEPTED]);
}

/// It was not made, and a store that is full needs room to remember a release.
#[tokio::test]
async fn a_claim_that_a_full_store_refuses_is_not_released() {
    let (bench, store) = bench();
    let refuses = |kind| store.order(|orders| orders.claim = Act::FailLater(kind));
    // The calls of a delivery that waits for its answer, and of one that is dropped before that.
    let calls = async || {
        assert!(bench.send(1, 200).await.is_err());
        cancel(&bench, 2, false).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        store.calls()
    };
    refuses(StoreErrorKind::Full);
    assert_eq!(calls().await, ["claim", "claim"]);
    // As it is where nobody knows.
    refuses(StoreErrorKind::Unavailable);
    assert_eq!(calls().await, ["claim", "claim", "release", "release"]);
}

#[tokio::test]
async fn a_claim_whose_answer_got_lost_is_let_go() {
    let (bench, store) = bench();
    store.order(|orders| orders.claim = Act::LoseTheAnswer);
    assert!(bench.send(1, 200).await.is_err());
    bench.until("released", || store.was_called("release")).await;
    assert_eq!(store.calls(), ["claim", "release"]);
    assert!(store.inner.is_empty());
    assert_eq!(bench.seen().len(), 1);
    store.order(|orders| orders.claim = Act::Work);
    assert_eq!(bench.send(1, 200).await, Ok(1));
}

#[tokio::test]
async fn without_a_runtime_such_a_claim_stays_until_its_lease_ends() {
    let store = Commanded::new();
    let bench = Bench::with(store.clone(), |receiver| receiver);
    store.order(|orders| orders.claim = Act::LoseTheAnswer);
    assert!(bench.send(1, 200).await.is_err());
    store.order(|orders| orders.claim = Act::Work);
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::InFlight);
    assert_eq!(store.calls(), ["claim", "claim"]);
}

#[tokio::test]
async fn a_handled_event_that_cannot_be_recorded_is_recorded_later() {
    let (bench, store) = bench();
    store.order(|orders| orders.complete = Act::Fail(StoreErrorKind::Unavailable));
    // The handler did its work and its answer is given.
    assert_eq!(bench.send(1, 200).await, Ok(1));
    // Its effect must not be repeated meanwhile: the claim holds on.
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::InFlight);
    assert_eq!(
        bench.seen(),
        [(Outcome::InFlight, Some(503), Some(Reason::Rejected(RejectionKind::InFlight)))]
    );
    bench.until("tried again", || store.count("complete") >= 2).await;
    store.order(|orders| orders.complete = Act::Work);
    bench.until("reported", || bench.has_seen()).await;
    assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::RecordedLate))]);
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Duplicate);
}

#[tokio::test]
async fn a_handled_event_that_is_not_recorded_by_the_end_of_its_lease_is_reported_so() {
    let store = Commanded::clocked();
    let lease = Duration::from_millis(250);
    let endpoint =
        build(&hostwares::provider(), |endpoint| endpoint.lease(lease).clock(store.clock.clone()));
    let tasks = HandlerTasks::new();
    let settings = |receiver: ReceiverBuilder<_>| receiver.runtime(TOKIO).tasks(&tasks);
    let bench = Bench::at(endpoint, store.clone(), settings);
    store.order(|orders| orders.complete = Act::Fail(StoreErrorKind::Unavailable));
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert!(!bench.has_seen());
    assert_eq!(tasks.running(), 1, "a shutdown waits for it");
    bench.until("tried again", || store.count("complete") >= 2).await;
    store.clock.advance(2 * lease);
    tasks.finished().await;
    assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::NotRecorded))]);
}

#[tokio::test]
async fn without_a_runtime_it_is_reported_at_once() {
    let store = Commanded::new();
    let bench = Bench::with(store.clone(), |receiver| receiver);
    store.order(|orders| orders.complete = Act::Fail(StoreErrorKind::Unavailable));
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::NotRecorded))]);
    assert_eq!(store.calls(), ["claim", "complete"]);
}

/// A store that says nothing: the sender is answered in time, and nothing is held for long.
#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up() {
    let store = Commanded::new();
    let timeout = Duration::from_millis(50);
    let endpoint = build(&hostwares::provider(), |endpoint| endpoint.store_timeout(timeout));
    let bench = Bench::at(endpoint, store.clone(), |receiver| receiver.runtime(TOKIO));
    for act in [Act::Hang, Act::WorkAndHang] {
        store.order(|orders| orders.claim = act);
        let rejection = bench.send(1, 200).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::StoreUnavailable);
        assert_eq!((rejection.status(), rejection.retry_after_secs()), (503, Some(5)));
        // What was claimed without an answer is let go.
        bench.until("released", || store.inner.is_empty() && store.was_called("release")).await;
        store.calls();
    }
    bench.seen();
    store.order(|orders| orders.claim = Act::Work);

    // Failed: released later.
    store.order(|orders| orders.release = Act::Hang);
    assert_eq!(bench.send(1, 500).await, Ok(1));
    assert_eq!(bench.seen(), [(Outcome::Failed, Some(500), Some(Reason::HandlerStatus))]);
    store.order(|orders| orders.release = Act::Work);
    bench.until("released", || store.inner.is_empty()).await;

    // Handled: completed later.
    store.order(|orders| orders.complete = Act::Hang);
    assert_eq!(bench.send(1, 200).await, Ok(1));
    store.order(|orders| orders.complete = Act::Work);
    bench.until("reported", || bench.has_seen()).await;
    assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::RecordedLate))]);
}

#[tokio::test]
async fn a_claim_that_cannot_be_released_is_reported_once() {
    let (bench, store) = bench();
    store.order(|orders| orders.release = Act::Fail(StoreErrorKind::Unavailable));
    assert_eq!(bench.send(1, 500).await, Ok(1));
    assert_eq!(bench.seen(), [(Outcome::Failed, Some(500), Some(Reason::HandlerStatus))]);
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::InFlight);
}

#[tokio::test]
async fn nothing_is_settled_that_was_not_claimed() {
    let (bench, store) = bench();
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(store.calls(), ["claim", "complete"]);
    assert!(bench.send(1, 200).await.is_err());
    tokio::task::yield_now().await;
    assert_eq!(store.calls(), ["claim"]);
}
