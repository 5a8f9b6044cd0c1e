//! The calls of one claim: in order, within bounds, and whatever the store does.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::providers::hostwares;
use countersign::{
    Answer, Claimed, CompleteError, Delivery, HandlerTasks, InTransaction, ManualClock, Outcome,
    Reason, ReceiverBuilder, RejectionKind, Runtime, Settled, Store, StoreErrorKind,
};

use super::commanded::{Act, Commanded, Ledger};
use super::{ACCEPTED, Bench, TOKIO};
use crate::support::{NOW, build, clock_at};

const LEASE: Duration = Duration::from_millis(900);

fn bench(
    settings: impl FnOnce(ReceiverBuilder<Commanded>) -> ReceiverBuilder<Commanded>,
) -> (Bench<Commanded>, Commanded) {
    let store = Commanded::clocked();
    let endpoint = build(&hostwares::provider(), |endpoint| {
        let endpoint = endpoint.lease(LEASE).clock(store.clock.clone());
        endpoint.store_timeout(Duration::from_millis(400))
    });
    (Bench::at(endpoint, store.clone(), settings), store)
}

/// F1: a renewal that is under way when the handler has ended does not claim after the release.
#[tokio::test]
async fn a_release_waits_for_a_renewal_that_is_under_way() {
    let (bench, store) = bench(|receiver| receiver.runtime(TOKIO));
    let delivery = bench.proven(1).await;
    let orders = store.clone();
    let handler = |_| async move {
        orders.order(|orders| orders.claim = Act::Hang);
        orders.renewed(LEASE).await;
        Answer::new(500, ())
    };
    let handled = bench.receiver.clone().handle(delivery, handler);
    tokio::time::timeout(Duration::from_secs(10), handled).await.unwrap().unwrap();
    // The renewal hung until its time was over, and only then the release was sent.
    assert_eq!(store.calls(), ["claim", "claim", "release"]);
    store.order(|orders| orders.claim = Act::Work);
    assert_eq!(bench.send(1, 200).await, Ok(1));
}

/// F2: a transaction that is run again is answered that the first one has committed.
#[tokio::test]
async fn a_second_transaction_is_told_that_the_first_has_committed() {
    let (bench, _) = bench(|receiver| receiver.runtime(TOKIO));
    let delivery = bench.proven(1).await;
    let handler = |delivery: Delivery| async move {
        complete(&delivery).await.unwrap();
        // The commit's answer got lost, and the loop begins again.
        let again = async |_: Arc<Ledger>, _, _, _| Ok(InTransaction::AlreadyCompleted);
        let error = delivery.claim().complete_with(again).await.unwrap_err();
        assert!(matches!(error, CompleteError::AlreadyCompleted), "{error}");
        assert!(error.to_string().contains("answer 2xx"), "{error}");
        Answer::new(200, ())
    };
    bench.receiver.clone().handle(delivery, handler).await.unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
}

/// F3: a transaction that was rolled back leaves the claim as it was: renewed, and lost only when
/// its lease has run out.
#[tokio::test]
async fn after_a_rollback_the_lease_is_renewed_on() {
    let (bench, store) = bench(|receiver| receiver.runtime(TOKIO));
    let delivery = bench.proven(1).await;
    let claims = store.clone();
    let handler = |delivery: Delivery| async move {
        let rolled_back = async |_: Arc<Ledger>, _, _, _| Ok(InTransaction::Completed);
        delivery.claim().complete_with(rolled_back).await.unwrap();
        for _ in 0..6 {
            claims.renewed(LEASE).await;
        }
        assert!(!delivery.claim().is_lost(), "renewed");
        claims.order(|orders| orders.claim = Act::Fail(StoreErrorKind::Unavailable));
        claims.renewed(LEASE).await;
        assert!(!delivery.claim().is_lost(), "it has not run out");
        claims.clock.advance(LEASE);
        assert!(delivery.claim().is_lost(), "its lease ran out");
        Answer::new(500, ())
    };
    bench.receiver.clone().handle(delivery, handler).await.unwrap();
    store.order(|orders| orders.claim = Act::Work);
    assert_eq!(bench.send(1, 200).await, Ok(1));
}

/// F5: while the store is away nothing is kept of the bodies, and a shutdown waits for no claim
/// that was never made.
#[tokio::test]
async fn an_outage_keeps_no_bodies_and_no_shutdown() {
    struct Counted(Vec<u8>, #[expect(dead_code, reason = "counted while it lives")] Arc<()>);
    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let tasks = HandlerTasks::new();
    let (bench, store) = bench(|receiver| receiver.runtime(TOKIO).tasks(&tasks));
    let body = super::body(1);
    let headers = crate::support::sign(&hostwares::provider(), &body);
    let bodies = Arc::new(());
    store.order(|orders| {
        orders.claim = Act::Fail(StoreErrorKind::Unavailable);
        orders.release = Act::Fail(StoreErrorKind::Unavailable);
    });
    for _ in 0..50 {
        let arriving = bench.receiver.begin(&headers).unwrap();
        let counted = Counted(body.clone().into_bytes(), Arc::clone(&bodies));
        let body = Some(bytes::Bytes::from_owner(counted));
        let delivery = bench.receiver.receive(arriving, body, super::no_deadline()).await.unwrap();
        let handler = |_| async { Answer::new(200, ()) };
        let refused = bench.receiver.clone().handle(delivery, handler).await.unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::StoreUnavailable);
    }
    assert_eq!(Arc::strong_count(&bodies), 1, "no body is kept");
    bench.until("the claims may have been made", || store.was_called("release")).await;
    assert_eq!(tasks.running(), 0, "a shutdown does not wait for them");
    // Few are tried at a time, and all of them once the store is back.
    assert!(store.count("release") < 50, "{}", store.count("release"));
    store.order(|orders| orders.release = Act::Work);
    bench.until("all are released", || store.count("release") >= 50).await;
}

/// F5: a handled event whose mark waits for the store is reported without its body.
#[tokio::test]
async fn a_late_report_has_no_body() {
    let bodies: Arc<Mutex<Vec<(usize, bool)>>> = Arc::default();
    let seen = Arc::clone(&bodies);
    let (bench, store) = bench(|receiver| {
        receiver.runtime(TOKIO).observer(move |report: &countersign::Report<'_>| {
            let delivery = report.delivery.unwrap();
            seen.lock().unwrap().push((delivery.body().len(), delivery.id() == Some("evt_1")));
        })
    });
    store.order(|orders| orders.complete = Act::Fail(StoreErrorKind::Unavailable));
    assert_eq!(bench.send(1, 200).await, Ok(1));
    store.order(|orders| orders.complete = Act::Work);
    bench.until("reported", || !bodies.lock().unwrap().is_empty()).await;
    assert_eq!(*bodies.lock().unwrap(), [(0, true)]);
}

/// F6: the retention covers the time that a claim may take after its delivery was judged.
#[tokio::test]
async fn the_retention_covers_a_slow_claim() {
    let clock = clock_at(NOW);
    let store = countersign::MemoryStore::builder().clock(clock.clone()).build();
    let endpoint = build(&hostwares::provider(), |endpoint| {
        endpoint.clock(clock.clone()).store_timeout(Duration::from_secs(2))
    });
    let retention = endpoint.retention();
    let bench = Bench::at(endpoint, store, |receiver| receiver);
    assert_eq!(bench.send(1, 200).await, Ok(1));
    // Judged fresh at the last moment of the window, and claimed nearly two seconds later.
    let replay = bench.proven(1).await;
    clock.advance(retention + Duration::from_millis(1_900));
    let handler = |_| async { Answer::new(200, ()) };
    let refused = bench.receiver.clone().handle(replay, handler).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Duplicate);
}

/// A renewal that finds the event handled has not found the handler's own commit, unless the store
/// says so.
#[tokio::test]
async fn somebody_elses_mark_is_no_commit() {
    let (bench, store) = bench(|receiver| receiver.runtime(TOKIO));
    let delivery = bench.proven(1).await;
    let (claims, key) = (store.clone(), delivery.key());
    let handler = |delivery: Delivery| async move {
        let rolled_back = async |_: Arc<Ledger>, _, _, _| Ok(InTransaction::Completed);
        delivery.claim().complete_with(rolled_back).await.unwrap();
        // As if this lease had run out, and another process had handled the event.
        claims.forget(key).await;
        let other = countersign::ClaimToken::random().unwrap();
        assert_eq!(claims.inner.claim(key, other, LEASE).await.unwrap(), Claimed::Fresh);
        let done = claims.inner.complete(key, other, LEASE * 100).await.unwrap();
        assert_eq!(done, Settled::Settled);
        claims.renewed(LEASE).await;
        while !delivery.claim().is_lost() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(claims.count("check"), 1, "the store is asked whose mark it is");
        Answer::new(200, ())
    };
    let handled = bench.receiver.clone().handle(delivery, handler);
    let handled = tokio::time::timeout(Duration::from_secs(10), handled).await.unwrap();
    // As without a renewal. The next delivery is a duplicate of what the other process has handled.
    assert_eq!(handled.unwrap_err().kind(), RejectionKind::NotCommitted);
    assert_eq!(bench.send(1, 200).await.unwrap_err().kind(), RejectionKind::Duplicate);
}

/// What a runtime leaves undone when it ends is done all the same.
#[test]
fn a_runtime_that_ends_leaves_nothing_unsettled() {
    let tasks = HandlerTasks::new();
    let (bench, store) = bench(|receiver| receiver.runtime(Runtime::tokio()).tasks(&tasks));
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let first = runtime();
    store.order(|orders| orders.complete = Act::Hang);
    first.block_on(async {
        for number in 0..12 {
            assert_eq!(bench.send(number, 200).await, Ok(number));
        }
    });
    drop(first);
    store.order(|orders| orders.complete = Act::Work);
    tasks.drain();
    let finished = runtime()
        .block_on(async { tokio::time::timeout(Duration::from_secs(20), tasks.finished()).await });
    assert!(finished.is_ok(), "{} are left", tasks.running());
}

/// A shutdown waits no longer than until the leases have run out, however many claims there are.
#[tokio::test]
async fn a_shutdown_ends_when_the_leases_have_run_out() {
    let tasks = HandlerTasks::new();
    let (bench, store) = bench(|receiver| receiver.runtime(TOKIO).tasks(&tasks));
    store.order(|orders| orders.complete = Act::Hang);
    let mut handlers = tokio::task::JoinSet::new();
    for number in 0..100 {
        let delivery = bench.proven(number).await;
        let handler = |_| async { Answer::new(200, ()) };
        handlers.spawn(bench.receiver.clone().handle(delivery, handler));
    }
    while handlers.join_next().await.is_some() {}
    let left = store.count("complete");
    assert!(tasks.running() > 0, "it waits until then");
    store.clock.advance(LEASE * 2);
    tokio::time::timeout(Duration::from_secs(20), tasks.finished()).await.unwrap();
    // One try of each of the eight tasks may begin before its lease's end and take its time.
    let tries = store.count("complete") - left;
    assert!(tries < 60, "{tries} tries though the leases had run out");
}

/// F30: a handler that blocks its thread keeps its claim, and those of others.
#[test]
fn a_blocked_thread_renews_its_leases() {
    for one_thread in [true, false] {
        let mut builder = match one_thread {
            true => tokio::runtime::Builder::new_current_thread(),
            false => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        // On a thread of the runtime's, not on this one.
        let worker = async {
            let (bench, claims) = bench(|receiver| receiver.runtime(Runtime::tokio()));
            let delivery = bench.proven(1).await;
            let key = delivery.key();
            let handler = |delivery: Delivery| async move {
                for renewals in 2..11 {
                    claims.clock.advance(LEASE / 3);
                    let started = Instant::now();
                    while claims.count("claim") < renewals {
                        assert!(started.elapsed() < Duration::from_secs(20), "it is not renewed");
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
                let other = countersign::ClaimToken::random().unwrap();
                let claimed = claims.inner.claim(key, other, LEASE).await.unwrap();
                assert!(matches!(claimed, Claimed::InFlight { .. }), "{claimed:?}");
                assert!(!delivery.claim().is_lost());
                Answer::new(200, ())
            };
            bench.receiver.clone().handle(delivery, handler).await.unwrap();
            assert_eq!(bench.seen(), [ACCEPTED]);
        };
        runtime.block_on(async { tokio::spawn(worker).await.unwrap() });
    }
}

/// F34: a store that panics is a store that cannot answer, in each of its calls.
#[tokio::test]
async fn a_store_that_panics_cannot_answer() {
    let (bench, store) = bench(|receiver| receiver.runtime(TOKIO));
    store.order(|orders| orders.claim = Act::Panic);
    let refused = bench.send(1, 200).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::StoreUnavailable);
    assert_eq!(
        bench.seen(),
        [(Outcome::Rejected, Some(503), Some(Reason::Rejected(RejectionKind::StoreUnavailable)))]
    );
    store.order(|orders| (orders.claim, orders.complete) = (Act::Work, Act::Panic));
    assert_eq!(bench.send(1, 200).await, Ok(1), "the handler's answer is given");
    store.order(|orders| orders.complete = Act::Work);
    bench.until("reported", || bench.has_seen()).await;
    assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::RecordedLate))]);
    store.order(|orders| orders.release = Act::Panic);
    assert_eq!(bench.send(2, 500).await, Ok(2));
    bench.seen();
    store.order(|orders| orders.release = Act::Work);
    bench.until("released", || store.inner.len() == 1).await;
    assert_eq!(bench.send(2, 200).await, Ok(2));
}

/// A test that owns the clock owns the leases: what is aged is aged at once.
#[tokio::test]
async fn a_manual_clock_ages_a_lease() {
    let clock: ManualClock = clock_at(NOW);
    let store = countersign::MemoryStore::builder().clock(clock.clone()).build();
    let endpoint =
        build(&hostwares::provider(), |endpoint| endpoint.clock(clock.clone()).lease(super::LEASE));
    let bench = Bench::at(endpoint, store, |receiver| receiver.runtime(TOKIO));
    let delivery = bench.proven(1).await;
    let handler = |delivery: Delivery| async move {
        assert!(!delivery.claim().is_lost());
        clock.advance(super::LEASE);
        assert!(delivery.claim().is_lost());
        Answer::new(500, ())
    };
    bench.receiver.clone().handle(delivery, handler).await.unwrap();
}

async fn complete(delivery: &Delivery) -> Result<(), CompleteError> {
    let complete = async |ledger: Arc<Ledger>, key, token, retention| {
        Ok(match ledger.0.complete(key, token, retention).await? {
            Settled::Settled => InTransaction::Completed,
            Settled::Lost => InTransaction::Lost,
        })
    };
    delivery.claim().complete_with(complete).await
}

/// A claim whose answer comes when its lease has run out is no claim: no handler runs under it.
#[tokio::test]
async fn a_claim_that_is_answered_after_its_lease_is_not_handled() {
    struct Late(ManualClock, countersign::MemoryStore);

    impl Store for Late {
        async fn claim(
            &self,
            key: countersign::EventKey,
            token: countersign::ClaimToken,
            lease: Duration,
        ) -> Result<Claimed, countersign::StoreError> {
            self.0.advance(lease);
            self.1.claim(key, token, lease).await
        }

        async fn complete(
            &self,
            key: countersign::EventKey,
            token: countersign::ClaimToken,
            retention: Duration,
        ) -> Result<Settled, countersign::StoreError> {
            self.1.complete(key, token, retention).await
        }

        async fn release(
            &self,
            key: countersign::EventKey,
            token: countersign::ClaimToken,
        ) -> Result<Settled, countersign::StoreError> {
            self.1.release(key, token).await
        }
    }

    let clock = clock_at(NOW);
    let endpoint =
        build(&hostwares::provider(), |endpoint| endpoint.clock(clock.clone()).lease(LEASE));
    let store = countersign::MemoryStore::new();
    let bench = Bench::at(endpoint, Late(clock, store.clone()), |receiver| receiver.runtime(TOKIO));
    let delivery = bench.proven(1).await;
    let handler = |_| async { panic!("handled under a lease that has run out") };
    let handled: Result<(), _> = bench.receiver.clone().handle(delivery, handler).await;
    assert_eq!(handled.unwrap_err().kind(), RejectionKind::StoreUnavailable);
    bench.until("released", || store.is_empty()).await;
}
