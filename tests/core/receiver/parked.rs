//! Parking, with a store that fails, hangs or loses its answer at each step, and with a transaction.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use countersign::providers::hostwares;
use countersign::{
    Answer, Delivery, Endpoint, MemoryStore, Outcome, Parking, Reason, Rejection, RejectionKind,
    Store, StoreErrorKind,
};

use super::commanded::{Act, Commanded};
use super::in_transaction::complete;
use super::{ACCEPTED, Bench, CANCELLED, TOKIO};
use crate::support::build;

type Seen = (Outcome, Option<u16>, Option<Reason>);

const FAILED: Seen = (Outcome::Failed, Some(500), Some(Reason::HandlerStatus));
const PARKED: Seen = (Outcome::Parked, Some(200), Some(Reason::Rejected(RejectionKind::Parked)));

fn parks_after(failures: u32) -> Endpoint {
    build(&hostwares::provider(), |endpoint| {
        endpoint.park(Parking::after(failures)).store_timeout(Duration::from_millis(20))
    })
}

fn bench(failures: u32) -> (Bench<Commanded>, Commanded) {
    let store = Commanded::new();
    let endpoint = parks_after(failures);
    (Bench::at(endpoint, store.clone(), |receiver| receiver.runtime(TOKIO)), store)
}

#[tokio::test]
async fn an_answer_that_is_lost_parks_all_the_same() {
    for act in [Act::LoseTheAnswer, Act::WorkAndHang] {
        let (bench, store) = bench(1);
        store.order(|orders| orders.park = act);
        // Nobody knows that it is parked, so the sender is asked to send it again.
        assert_eq!(bench.send(1, 500).await, Ok(1));
        assert_eq!(bench.seen(), [FAILED], "{act:?}");
        assert_eq!(store.parked(10).await.unwrap().len(), 1, "{act:?}");
        let duplicate = bench.send(1, 200).await.unwrap_err();
        assert_eq!(duplicate.kind(), RejectionKind::Duplicate, "{act:?}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_park_releases() {
    let unavailable = Act::Fail(StoreErrorKind::Unavailable);
    for act in [unavailable, Act::Fail(StoreErrorKind::Unsupported), Act::Hang, Act::Panic] {
        let (bench, store) = bench(2);
        assert_eq!(bench.send(1, 500).await, Ok(1));
        store.order(|orders| orders.park = act);
        assert_eq!(bench.send(1, 500).await, Ok(1));
        assert_eq!(bench.seen(), [FAILED, FAILED], "{act:?}");
        store.order(|orders| orders.park = Act::Work);
        let parked = bench.send(1, 500).await.unwrap_err();
        assert_eq!((parked.kind(), parked.status()), (RejectionKind::Parked, 200), "{act:?}");
        assert!(parked.is_proven());
        assert_eq!(bench.seen(), [PARKED], "{act:?}");
    }
}

/// The claim is released, so that the next delivery is accepted.
#[tokio::test]
async fn what_cannot_be_counted_comes_again() {
    for (act, kind) in [
        (Act::Fail(StoreErrorKind::Unavailable), RejectionKind::StoreUnavailable),
        (Act::Fail(StoreErrorKind::Unsupported), RejectionKind::StoreUnavailable),
        (Act::Fail(StoreErrorKind::Full), RejectionKind::StoreFull),
        (Act::Hang, RejectionKind::StoreUnavailable),
        (Act::WorkAndHang, RejectionKind::StoreUnavailable),
        (Act::Panic, RejectionKind::StoreUnavailable),
    ] {
        let (bench, store) = bench(3);
        store.order(|orders| orders.attempt = act);
        let refused = bench.send(1, 200).await.unwrap_err();
        assert_eq!(refused.kind(), kind, "{act:?}");
        assert_eq!(bench.seen(), [(Outcome::Rejected, Some(503), Some(kind.into()))]);
        store.order(|orders| orders.attempt = Act::Work);
        assert_eq!(bench.send(1, 200).await, Ok(1), "{act:?}");
    }
}

/// A store that counts and does not say so has not seen a handler fail.
#[tokio::test]
async fn what_was_counted_unseen_is_no_attempt() {
    for act in [Act::LoseTheAnswer, Act::WorkAndHang] {
        let (bench, store) = bench(2);
        store.order(|orders| orders.attempt = act);
        for _ in 0..4 {
            let refused = bench.send(1, 200).await.unwrap_err();
            assert_eq!(refused.kind(), RejectionKind::StoreUnavailable, "{act:?}");
        }
        // The same where the sender goes away meanwhile.
        let delivery = bench.proven(1).await;
        let handled =
            bench.receiver.clone().handle(delivery, async |_: Delivery| Answer::new(200, ()));
        let _ = tokio::time::timeout(Duration::from_millis(5), handled).await;
        bench.until("the attempt is taken back", || store.count("uncount") == 5).await;
        store.order(|orders| orders.attempt = Act::Work);
        assert_eq!(bench.send(1, 500).await, Ok(1), "{act:?}");
        assert_eq!(bench.send(1, 500).await.unwrap_err().kind(), RejectionKind::Parked, "{act:?}");
        assert_eq!(store.parked(10).await.unwrap()[0].attempts, 2, "{act:?}");
    }
}

/// As a layer around routes answers that have no handler for the event.
#[tokio::test]
async fn what_no_handler_took_is_no_attempt() {
    let (bench, store) = bench(1);
    for _ in 0..3 {
        let delivery = bench.proven(1).await;
        delivery.require_taken();
        let nobody = async |_: Delivery| Answer::new(200, ());
        let refused = bench.receiver.clone().handle(delivery, nobody).await.err().unwrap();
        assert_eq!(refused.kind(), RejectionKind::NotTaken);
    }
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(store.parked(10).await.unwrap(), []);
}

/// Whoever completed the event has handled it, whatever it answers.
#[tokio::test]
async fn a_completed_event_is_not_parked() {
    let (bench, store) = bench(1);
    let delivery = bench.proven(1).await;
    let handler = |delivery: Delivery| async move {
        complete(&delivery).await.unwrap();
        Answer::new(500, ())
    };
    bench.receiver.clone().handle(delivery, handler).await.unwrap();
    assert_eq!(bench.seen(), [FAILED]);
    assert_eq!(store.parked(10).await.unwrap(), []);
    assert_eq!(bench.send(1, 200).await.unwrap_err().kind(), RejectionKind::Duplicate);
}

#[tokio::test]
async fn a_cancelled_handler_parks_nothing() {
    let (bench, store) = bench(1);
    let delivery = bench.proven(1).await;
    let handled =
        bench.receiver.clone().handle(delivery, |_: Delivery| std::future::pending::<Answer<()>>());
    assert!(tokio::time::timeout(Duration::from_millis(50), handled).await.is_err());
    bench.until("the claim is released", || store.was_called("release")).await;
    assert_eq!(store.parked(10).await.unwrap(), []);
    // It is known by then that the attempt before never ended.
    let parked = bench.send(1, 200).await.unwrap_err();
    assert_eq!(parked.kind(), RejectionKind::Parked);
}

/// Its delivery is dropped while the store is asked to park it, and the store parks it or cannot.
#[tokio::test]
async fn who_is_dropped_while_parking_is_parked_or_released() {
    let fails = Act::Fail(StoreErrorKind::Unavailable);
    for (overdue, act, then) in [
        (false, Act::WorkAndHang, Act::Work),
        (false, Act::Hang, Act::Work),
        (false, Act::Hang, fails),
        (true, Act::Hang, Act::Work),
        (true, Act::Hang, fails),
    ] {
        let (bench, store) = bench(1);
        if overdue {
            store.order(|orders| orders.park = fails);
            assert_eq!(bench.send(1, 500).await, Ok(1));
        }
        bench.seen();
        store.calls();
        store.order(|orders| orders.park = act);
        {
            let delivery = bench.proven(1).await;
            let handler = |_| async { Answer::new(500, ()) };
            let mut work = pin!(bench.receiver.clone().handle(delivery, handler));
            assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            store.order(|orders| orders.park = then);
        }
        let what = format!("overdue: {overdue}, {act:?}, {then:?}");
        bench.until("reported", || bench.has_seen()).await;
        let (seen, parked) = (bench.seen(), store.parked(10).await.unwrap().len());
        if matches!(then, Act::Work) {
            let reason = Some(Reason::Rejected(RejectionKind::Parked));
            assert_eq!((seen, parked), (vec![(Outcome::Parked, None, reason)], 1), "{what}");
            assert_eq!(store.calls(), ["claim", "attempt", "park", "park"], "{what}");
            let duplicate = bench.send(1, 200).await.unwrap_err();
            assert_eq!(duplicate.kind(), RejectionKind::Duplicate, "{what}");
        } else {
            assert_eq!((seen, parked), (vec![CANCELLED], 0), "{what}");
            bench.until("released", || store.was_called("release")).await;
            // An attempt that no handler began is taken back.
            assert_eq!(store.was_called("uncount"), overdue, "{what}");
        }
    }
}

/// A 2xx of a late attempt is a success like any other.
#[tokio::test]
async fn the_last_attempt_may_succeed() {
    let (bench, store) = bench(2);
    assert_eq!(bench.send(1, 500).await, Ok(1));
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [FAILED, ACCEPTED]);
    assert_eq!(store.parked(10).await.unwrap(), []);
}

/// It is kept for as long as the settings say, and at least as long as a handled one.
#[tokio::test]
async fn a_parked_event_is_kept() {
    let clock = crate::support::clock_at(crate::support::NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let day = Duration::from_secs(24 * 60 * 60);
    let endpoint = build(&hostwares::provider(), |endpoint| {
        endpoint.park(Parking::after(1).keep_for(20 * day))
    });
    let bench = Bench::at(endpoint, store.clone(), |receiver| receiver);
    let parked: Result<u32, Rejection> = bench.send(1, None).await;
    assert_eq!(parked.unwrap_err().kind(), RejectionKind::Parked);
    clock.advance(20 * day - Duration::from_secs(1));
    assert_eq!(store.parked(10).await.unwrap().len(), 1);
    assert_eq!(bench.send(1, 200).await.unwrap_err().kind(), RejectionKind::Duplicate);
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.parked(10).await.unwrap(), []);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let endpoint = || {
        let secret = countersign::Secret::new("a secret").unwrap();
        Endpoint::builder("hostwares", hostwares::provider()).secret(secret)
    };
    let refused = endpoint().park(Parking::after(0)).build().unwrap_err();
    assert!(refused.to_string().contains("`Parking::after` is zero"), "{refused}");
    for counts in [endpoint().count_attempts(), endpoint().park(Parking::after(5))] {
        let refused = counts.forget_when_handled(true).build().unwrap_err();
        assert!(refused.to_string().contains("forget_when_handled(false)"), "{refused}");
    }
    let refused = endpoint().answer(RejectionKind::Parked, 500).build().unwrap_err();
    assert!(refused.to_string().contains("stops retrying on a 2xx only"), "{refused}");
}
