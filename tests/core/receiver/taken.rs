//! Whether a 2xx is the answer of somebody who handled the event.

use countersign::{
    Answer, Delivery, MemoryStore, Outcome, Reason, Rejection, RejectionKind, extract_event,
};

use super::commanded::Commanded;
use super::in_transaction::complete;
use super::{ACCEPTED, Bench};

/// What an adapter does: the handler is not given the delivery, but may find it.
async fn handle<S: countersign::Store>(
    bench: &Bench<S>,
    status: u16,
    find: impl AsyncFnOnce(&Delivery),
) -> Result<(), Rejection> {
    let delivery = bench.proven(1).await;
    delivery.require_taken();
    let handler = |delivery: Delivery| async move {
        find(&delivery).await;
        Answer::new(status, ())
    };
    bench.receiver.clone().handle(delivery, handler).await
}

#[tokio::test]
async fn a_2xx_that_nobody_stands_behind_releases_the_claim() {
    let (bench, _) = Bench::<MemoryStore>::new();
    let rejection = handle(&bench, 204, async |_| ()).await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.status()), (RejectionKind::NotTaken, 500));
    assert!(rejection.is_proven());
    assert_eq!(
        bench.seen(),
        [(Outcome::Failed, Some(500), Some(Reason::Rejected(RejectionKind::NotTaken)))]
    );
    assert_eq!(bench.send(1, 200).await, Ok(1), "its next delivery is accepted");
}

#[tokio::test]
async fn whoever_takes_it_may_complete_it() {
    let (bench, _) = Bench::<MemoryStore>::new();
    handle(&bench, 200, async |delivery| delivery.clone().mark_taken()).await.unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
    let (bench, _) = Bench::<MemoryStore>::new();
    let extract = async |delivery: &Delivery| {
        extract_event::<Delivery>(Some(delivery), "/", "…").unwrap();
    };
    handle(&bench, 200, extract).await.unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
}

#[tokio::test]
async fn a_failure_stays_the_handlers_own() {
    let (bench, _) = Bench::<MemoryStore>::new();
    handle(&bench, 404, async |_| ()).await.unwrap();
    assert_eq!(bench.seen(), [(Outcome::Failed, Some(404), Some(Reason::HandlerStatus))]);
}

/// Whoever completed the event in a transaction has handled it.
#[tokio::test]
async fn a_committed_transaction_needs_no_other_sign() {
    let bench = Bench::with(Commanded::new(), |receiver| receiver);
    handle(&bench, 200, async |delivery| complete(delivery).await.unwrap()).await.unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
}
