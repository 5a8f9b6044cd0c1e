//! A receiver without any framework: what becomes of a delivery, and what is reported.

mod at_once;
mod cancelled;
mod commanded;
mod draining;
mod final_answers;
mod forgotten;
mod in_transaction;
mod lease;
mod observed;
mod overtaking;
mod parked;
mod refused;
mod slowly_counted;
mod store_errors;
mod taken;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::hostwares;
use countersign::{
    Answer, Delivery, Endpoint, EventKey, ManualClock, MemoryStore, Outcome, Reason, Receiver,
    ReceiverBuilder, Rejection, RejectionKind, Report, Runtime, Store,
};
use tokio::sync::Notify;

use crate::support::{NOW, NOW_TEXT, build, clock_at, seconds, sign};

const LEASE: Duration = Duration::from_secs(300);

/// A report, to keep.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    outcome: Outcome,
    key: Option<EventKey>,
    status: Option<u16>,
    reason: Option<Reason>,
    elapsed: Duration,
}

/// A receiver under test, with what its observer got.
struct Bench<S> {
    receiver: Receiver<S>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Bench<MemoryStore> {
    fn new() -> (Self, ManualClock) {
        let clock = clock_at(NOW);
        let store = MemoryStore::builder().clock(clock.clone()).build();
        (Self::with(store, |receiver| receiver), clock)
    }
}

impl<S: Store> Bench<S> {
    fn with(store: S, settings: impl FnOnce(ReceiverBuilder<S>) -> ReceiverBuilder<S>) -> Self {
        let endpoint = build(&hostwares::provider(), |endpoint| endpoint.lease(LEASE));
        Self::at(endpoint, store, settings)
    }

    fn at(
        endpoint: Endpoint,
        store: S,
        settings: impl FnOnce(ReceiverBuilder<S>) -> ReceiverBuilder<S>,
    ) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let observed = Arc::clone(&seen);
        let builder = Receiver::builder(endpoint, store).observer(move |report: &Report<'_>| {
            assert_eq!((report.endpoint, report.provider), ("hostwares", "hostwares"));
            observed.lock().unwrap().push(Seen {
                outcome: report.outcome,
                key: report.delivery.map(Delivery::key),
                status: report.status,
                reason: report.reason,
                elapsed: report.elapsed,
            });
        });
        Self { receiver: settings(builder).build(), seen }
    }

    /// Steps 1 to 4 for the event `evt_<number>`.
    async fn proven(&self, number: u32) -> Delivery {
        let body = body(number);
        let headers = sign(&hostwares::provider(), &body);
        let arriving = self.receiver.begin(&headers).unwrap();
        let body = Some(Bytes::from(body));
        self.receiver.receive(arriving, body, no_deadline()).await.unwrap()
    }

    /// The whole way, with a handler that answers this status.
    async fn send(&self, number: u32, status: impl Into<Option<u16>>) -> Result<u32, Rejection> {
        let status = status.into();
        let delivery = self.proven(number).await;
        let handler = |_| async move { Answer::new(status, number) };
        self.receiver.clone().handle(delivery, handler).await
    }

    /// Whether something was reported since the last call of [`seen`](Self::seen).
    fn has_seen(&self) -> bool {
        !self.seen.lock().unwrap().is_empty()
    }

    /// What was reported since the last call, all of one event.
    fn seen(&self) -> Vec<(Outcome, Option<u16>, Option<Reason>)> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let keys: Vec<_> = seen.iter().map(|seen| seen.key).collect();
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
        seen.iter().map(|seen| (seen.outcome, seen.status, seen.reason)).collect()
    }

    /// Waits until something is as it should be, in a task of its own perhaps.
    async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..10_000 {
            if is_so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("not in ten seconds: {what}");
    }
}

fn body(number: u32) -> String {
    format!(r#"{{"id":"evt_{number}","event":"site.created","timestamp":"{NOW_TEXT}"}}"#)
}

/// The deadline of a body that may take its time.
fn no_deadline() -> impl Future {
    std::future::pending::<()>()
}

const ACCEPTED: (Outcome, Option<u16>, Option<Reason>) = (Outcome::Accepted, Some(200), None);
const CANCELLED: (Outcome, Option<u16>, Option<Reason>) =
    (Outcome::Failed, None, Some(Reason::HandlerCancelled));

/// The runtime of these tests.
const TOKIO: Runtime =
    Runtime::new(|task| drop(tokio::spawn(task)), |time| Box::pin(tokio::time::sleep(time)));

#[tokio::test]
async fn an_event_is_handled_once() {
    let (bench, _) = Bench::new();
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [ACCEPTED]);
    for _ in 0..3 {
        let delivery = bench.proven(1).await;
        let handler = |_| async { panic!("handled again") };
        let result: Result<(), Rejection> = bench.receiver.clone().handle(delivery, handler).await;
        let rejection = result.unwrap_err();
        assert_eq!((rejection.kind(), rejection.status()), (RejectionKind::Duplicate, 200));
        assert_eq!((rejection.is_proven(), rejection.retry_after_secs()), (true, None));
        assert_eq!(
            bench.seen(),
            [(Outcome::Duplicate, Some(200), Some(Reason::Rejected(RejectionKind::Duplicate)))]
        );
    }
    assert_eq!(bench.send(2, 200).await, Ok(2));
    assert_eq!(bench.seen(), [ACCEPTED]);
}

#[tokio::test]
async fn a_report_tells_the_event_and_the_time() {
    let (bench, _) = Bench::new();
    let delivery = bench.proven(1).await;
    let key = delivery.key();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let handler = |handed: Delivery| async move {
        assert_eq!((handed.key(), handed.id()), (key, Some("evt_1")));
        tokio::time::sleep(Duration::from_millis(20)).await;
        Answer::new(200, ())
    };
    bench.receiver.clone().handle(delivery, handler).await.unwrap();
    let seen = bench.seen.lock().unwrap().clone();
    assert_eq!((seen.len(), seen[0].key), (1, Some(key)));
    // From the head on, not from the handler on.
    assert!(seen[0].elapsed >= Duration::from_millis(40), "{:?}", seen[0].elapsed);
}

#[tokio::test]
async fn only_a_2xx_completes() {
    let (bench, _) = Bench::new();
    let failures =
        [None, Some(0), Some(100), Some(199), Some(300), Some(302), Some(404), Some(500)];
    for status in failures.into_iter().chain([Some(u16::MAX)]) {
        assert_eq!(bench.send(1, status).await, Ok(1));
        assert_eq!(bench.seen(), [(Outcome::Failed, status, Some(Reason::HandlerStatus))]);
    }
    for (number, status) in [(1, 200), (2, 201), (3, 204), (4, 299)] {
        assert_eq!(bench.send(number, status).await, Ok(number));
        assert_eq!(bench.seen(), [(Outcome::Accepted, Some(status), None)]);
        let rejection = bench.send(number, 200).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::Duplicate);
        bench.seen();
    }
}

#[tokio::test]
async fn a_second_delivery_waits_its_turn() {
    let (bench, clock) = Bench::new();
    let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let delivery = bench.proven(1).await;
    let first = tokio::spawn({
        let (receiver, entered, go_on) =
            (bench.receiver.clone(), Arc::clone(&entered), Arc::clone(&go_on));
        receiver.handle(delivery, |_| async move {
            entered.notify_one();
            go_on.notified().await;
            Answer::new(500, ())
        })
    });
    entered.notified().await;
    clock.advance(seconds(100));
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.status()), (RejectionKind::InFlight, 503));
    assert_eq!(rejection.retry_after_secs(), Some(200));
    assert!(rejection.is_proven());
    assert_eq!(
        bench.seen(),
        [(Outcome::InFlight, Some(503), Some(Reason::Rejected(RejectionKind::InFlight)))]
    );
    // The first fails, and nothing is lost.
    go_on.notify_one();
    first.await.unwrap().unwrap();
    assert_eq!(bench.seen(), [(Outcome::Failed, Some(500), Some(Reason::HandlerStatus))]);
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [ACCEPTED]);
}

#[tokio::test]
async fn a_panic_releases_and_goes_on() {
    let (bench, _) = Bench::new();
    for in_the_call in [true, false] {
        let delivery = bench.proven(1).await;
        let receiver = bench.receiver.clone();
        let task = tokio::spawn(receiver.handle(delivery, move |_| {
            assert!(!in_the_call, "the handler's own words");
            async {
                tokio::task::yield_now().await;
                panic!("the handler's own words");
                #[expect(unreachable_code, reason = "it tells the type")]
                Answer::new(200, ())
            }
        }));
        let panic = task.await.unwrap_err().into_panic();
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "the handler's own words");
        assert_eq!(bench.seen(), [(Outcome::Failed, None, Some(Reason::HandlerPanicked))]);
    }
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [ACCEPTED]);
}

#[tokio::test]
async fn a_handler_that_outlives_its_lease_has_lost_its_claim() {
    let (bench, clock) = Bench::new();
    for (number, successor) in [(1, false), (2, true)] {
        let delivery = bench.proven(number).await;
        let handler = |_| async {
            clock.advance(LEASE);
            if successor {
                assert_eq!(bench.send(number, 200).await, Ok(number));
                assert_eq!(bench.seen(), [ACCEPTED]);
            }
            Answer::new(200, number)
        };
        assert_eq!(bench.receiver.clone().handle(delivery, handler).await, Ok(number));
        assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::ClaimLost))]);
        // The successor's mark stands; without one, the event comes again.
        let again = bench.send(number, 200).await;
        assert_eq!(again.is_err(), successor);
        bench.seen();
    }
}

#[tokio::test]
async fn of_many_deliveries_at_once_one_is_handled() {
    let (bench, _) = Bench::new();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let delivery = bench.proven(1).await;
        let receiver = bench.receiver.clone();
        tasks.spawn(receiver.handle(delivery, |_| async {
            tokio::task::yield_now().await;
            Answer::new(200, ())
        }));
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(bench.seen().len(), 50);
}
