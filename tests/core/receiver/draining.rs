//! Tasks that drain: no handler starts any more, and what runs comes to its end.

use countersign::providers::hostwares;
use countersign::{Answer, HandlerTasks, Outcome, Reason, RejectionKind, StoreErrorKind};

use super::commanded::{Act, Commanded};
use super::{ACCEPTED, Bench, TOKIO, body};
use crate::support::{Pairs, sign};

fn bench() -> (Bench<Commanded>, Commanded, HandlerTasks) {
    let (store, tasks) = (Commanded::new(), HandlerTasks::new());
    let bench = Bench::with(store.clone(), |receiver| receiver.runtime(TOKIO).tasks(&tasks));
    (bench, store, tasks)
}

const REFUSED: (Outcome, Option<u16>, Option<Reason>) =
    (Outcome::Rejected, Some(503), Some(Reason::Rejected(RejectionKind::ShuttingDown)));

#[tokio::test]
async fn a_delivery_is_refused_by_its_head() {
    let (bench, store, tasks) = bench();
    assert!(!tasks.is_draining());
    assert_eq!(bench.send(1, 200).await, Ok(1));
    tasks.drain();
    tasks.drain();
    assert!(tasks.is_draining());
    bench.seen();
    store.calls();
    let reply = bench.receiver.begin(&sign(&hostwares::provider(), body(2))).unwrap_err();
    let rejection = reply.into_rejection().unwrap();
    assert_eq!((rejection.kind(), rejection.status()), (RejectionKind::ShuttingDown, 503));
    assert_eq!(rejection.retry_after_secs(), Some(5));
    assert_eq!(bench.seen(), [REFUSED]);
    assert_eq!(store.calls(), [""; 0]);
    // A stranger gets the usual answer.
    let none: Pairs = Vec::new();
    let rejection = bench.receiver.begin(&none).unwrap_err().into_rejection().unwrap();
    assert_eq!(rejection.kind(), RejectionKind::SignatureMissing);
}

/// Its body arrived meanwhile. A shutdown that saw `finished` end relies on this.
#[tokio::test]
async fn a_delivery_that_has_begun_starts_no_handler() {
    let (bench, store, tasks) = bench();
    let delivery = bench.proven(1).await;
    tasks.drain();
    tasks.finished().await;
    let handler = |_| async { panic!("no handler starts") };
    let refused = bench.receiver.clone().handle::<_, _, ()>(delivery, handler).await;
    let rejection = refused.unwrap_err();
    assert_eq!((rejection.kind(), rejection.is_proven()), (RejectionKind::ShuttingDown, true));
    assert_eq!(bench.seen(), [REFUSED]);
    assert_eq!((store.calls(), tasks.running()), (Vec::new(), 0));
}

#[tokio::test]
async fn a_handler_that_runs_ends_and_its_claim_is_settled_before_it_is_finished() {
    let (bench, store, tasks) = bench();
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let delivery = bench.proven(1).await;
    let handler = |_| async {
        gate.await.unwrap();
        Answer::new(200, ())
    };
    let work = tokio::spawn(bench.receiver.clone().handle(delivery, handler));
    bench.until("the handler runs", || store.was_called("claim")).await;
    tasks.drain();
    store.order(|orders| orders.complete = Act::Fail(StoreErrorKind::Unavailable));
    open.send(()).unwrap();
    work.await.unwrap().unwrap();
    assert_eq!(tasks.running(), 1, "the mark is made in the background, which counts");
    store.order(|orders| orders.complete = Act::Work);
    tasks.finished().await;
    assert_eq!(bench.seen(), [(Outcome::Accepted, Some(200), Some(Reason::RecordedLate))]);
}

#[tokio::test]
async fn other_tasks_go_on() {
    let (bench, _, _) = bench();
    HandlerTasks::new().drain();
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(bench.seen(), [ACCEPTED]);
}
