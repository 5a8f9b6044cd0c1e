//! Providers whose different events can have equal bytes: a handled one is forgotten.

use std::pin::pin;
use std::task::{Context, Waker};

use countersign::{Answer, Outcome, Provider, Reason, RejectionKind, Signature, StoreErrorKind};

use super::commanded::{Act, Commanded};
use super::{ACCEPTED, Bench, TOKIO};
use crate::support::build;

/// Signs as Hostwares does.
fn bench() -> (Bench<Commanded>, Commanded) {
    let provider = Provider::builder("hostwares")
        .hmac_sha256(Signature::header("X-Hostwares-Signature").prefix("sha256="))
        .forget_when_handled()
        .build()
        .unwrap();
    assert!(provider.forgets_when_handled());
    let store = Commanded::new();
    let endpoint = build(&provider, |endpoint| endpoint);
    (Bench::at(endpoint, store.clone(), |receiver| receiver.runtime(TOKIO)), store)
}

#[tokio::test]
async fn equal_bytes_are_handled_again() {
    let (bench, store) = bench();
    for _ in 0..3 {
        assert_eq!(bench.send(1, 200).await, Ok(1));
        assert_eq!(bench.seen(), [ACCEPTED]);
        assert_eq!(store.calls(), ["claim", "release"]);
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_told_later() {
    let (bench, store) = bench();
    store.order(|orders| orders.release = Act::Fail(StoreErrorKind::Unavailable));
    assert_eq!(bench.send(1, 200).await, Ok(1), "the handler's answer is given");
    // Until the store has heard, the claim stands.
    assert_eq!(bench.send(1, 200).await.unwrap_err().kind(), RejectionKind::InFlight);
    store.order(|orders| orders.release = Act::Work);
    let late = (Outcome::Accepted, Some(200), Some(Reason::RecordedLate));
    let mut seen = Vec::new();
    for _ in 0..1_000 {
        seen.extend(bench.seen());
        if seen.contains(&late) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(seen.contains(&late), "{seen:?}");
    assert_eq!(bench.send(1, 200).await, Ok(1));
}

/// The handler was done and its sender hung up: the event is forgotten all the same, and not remembered.
#[tokio::test]
async fn one_that_is_dropped_while_it_is_forgotten_is_forgotten_all_the_same() {
    let (bench, store) = bench();
    store.order(|orders| orders.release = Act::Hang);
    let delivery = bench.proven(1).await;
    {
        let handler = |_| async { Answer::new(200, ()) };
        let mut work = pin!(bench.receiver.clone().handle(delivery, handler));
        assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        store.order(|orders| orders.release = Act::Work);
    }
    bench.until("reported", || bench.has_seen()).await;
    assert_eq!(bench.seen(), [(Outcome::Accepted, None, Some(Reason::RecordedLate))]);
    assert_eq!(store.calls(), ["claim", "release", "release"]);
    assert_eq!(bench.send(1, 200).await, Ok(1));
}

/// The mark is in the handler's own transaction, and stays there.
#[tokio::test]
async fn what_a_handler_completes_itself_is_remembered() {
    let (bench, _) = bench();
    let delivery = bench.proven(1).await;
    let handler = |delivery: countersign::Delivery| async move {
        super::in_transaction::complete(&delivery).await.unwrap();
        Answer::new(200, ())
    };
    bench.receiver.clone().handle(delivery, handler).await.unwrap();
    assert_eq!(bench.send(1, 200).await.unwrap_err().kind(), RejectionKind::Duplicate);
}

#[tokio::test]
async fn an_endpoint_may_remember_all_the_same() {
    let provider = countersign::catalogue::provider("dropbox").unwrap();
    assert!(build(&provider, |endpoint| endpoint).forgets_when_handled());
    let provider = Provider::builder("hostwares")
        .hmac_sha256(Signature::header("X-Hostwares-Signature").prefix("sha256="))
        .forget_when_handled()
        .build()
        .unwrap();
    let endpoint = build(&provider, |endpoint| endpoint.forget_when_handled(false));
    let bench = Bench::at(endpoint, Commanded::new(), |receiver| receiver.runtime(TOKIO));
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.send(1, 200).await.unwrap_err().kind(), RejectionKind::Duplicate);
}

#[test]
fn a_provider_forgets_nothing_unless_it_says_so() {
    assert!(!countersign::providers::hostwares::provider().forgets_when_handled());
}
