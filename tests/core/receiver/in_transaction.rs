//! A handler that completes its claim itself, in a transaction of its own.

use std::sync::Arc;

use countersign::{
    Answer, Claimed, CompleteError, Delivery, Fenced, HandlerTasks, InTransaction, Outcome, Reason,
    Rejection, RejectionKind, Settled, Store, StoreError, StoreErrorKind,
};

use super::commanded::{Act, Commanded, Ledger};
use super::{ACCEPTED, Bench, TOKIO};

fn bench() -> (Bench<Commanded>, Commanded) {
    let store = Commanded::new();
    (Bench::with(store.clone(), |receiver| receiver.runtime(TOKIO)), store)
}

/// Completes and commits.
pub(super) async fn complete(delivery: &Delivery) -> Result<(), CompleteError> {
    let complete = async |ledger: Arc<Ledger>, key, token, retention| {
        Ok(match ledger.0.complete(key, token, retention).await? {
            Settled::Settled => InTransaction::Completed,
            Settled::Lost => InTransaction::Lost,
        })
    };
    delivery.claim().complete_with(complete).await
}

/// The call of the store fails.
async fn fail(delivery: &Delivery) -> CompleteError {
    let failing = async |_: Arc<Ledger>, _, _, _| {
        Err(StoreError::new(StoreErrorKind::Unavailable, "as ordered"))
    };
    delivery.claim().complete_with(failing).await.unwrap_err()
}

/// Says that it completed, and will not commit.
async fn pretend(delivery: &Delivery) -> Result<(), CompleteError> {
    let complete = async |_: Arc<Ledger>, _, _, _| Ok(InTransaction::Completed);
    delivery.claim().complete_with(complete).await
}

/// Does a step that gives this.
async fn step(
    delivery: &Delivery,
    gives: Result<Fenced<()>, StoreError>,
) -> Result<(), CompleteError> {
    let step = async |_: Arc<Ledger>, _, _, _| gives;
    delivery.claim().fenced_with(step).await
}

/// Handles event 1 with a handler that does this and answers `status`.
async fn handle(
    bench: &Bench<Commanded>,
    status: u16,
    work: impl AsyncFnOnce(&Delivery),
) -> Result<(), Rejection> {
    let delivery = bench.proven(1).await;
    let handler = |delivery: Delivery| async move {
        work(&delivery).await;
        Answer::new(status, ())
    };
    bench.receiver.clone().handle(delivery, handler).await
}

#[tokio::test]
async fn what_is_committed_is_not_settled_again() {
    let (bench, store) = bench();
    handle(&bench, 200, async |delivery| complete(delivery).await.unwrap()).await.unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
    assert_eq!(store.calls(), ["claim", "check"]);
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Duplicate);
}

#[tokio::test]
async fn a_forgotten_commit_is_no_handled_event() {
    let (bench, store) = bench();
    let refused = handle(&bench, 200, async |delivery| pretend(delivery).await.unwrap()).await;
    let rejection = refused.unwrap_err();
    assert_eq!((rejection.kind(), rejection.status()), (RejectionKind::NotCommitted, 500));
    assert_eq!(
        bench.seen(),
        [(Outcome::Failed, Some(500), Some(Reason::Rejected(RejectionKind::NotCommitted)))]
    );
    assert_eq!(store.calls(), ["claim", "check", "release"]);
    assert_eq!(bench.send(1, 200).await, Ok(1), "its next delivery is accepted");
}

/// Whatever came of the call, the handler wanted the mark to commit with its effect.
#[tokio::test]
async fn a_2xx_after_a_call_that_did_not_complete_is_no_handled_event() {
    let lose = async |_: Arc<Ledger>, _, _, _| Ok(InTransaction::Lost);
    for what in ["lost", "failed", "dropped"] {
        let (bench, _) = bench();
        let refused = handle(&bench, 200, async |delivery| match what {
            "lost" => drop(delivery.claim().complete_with(lose).await.unwrap_err()),
            "failed" => drop(fail(delivery).await),
            _ => {
                let stuck = async |_: Arc<Ledger>, _, _, _| std::future::pending().await;
                let mut call = std::pin::pin!(delivery.claim().complete_with(stuck));
                std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(call.as_mut().poll(cx).is_ready())
                })
                .await;
            }
        });
        let rejection = refused.await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::NotCommitted, "{what}");
        assert_eq!(bench.send(1, 200).await, Ok(1), "{what}: its next delivery is accepted");
    }
}

/// The same of another step that the claim has to hold for.
#[tokio::test]
async fn a_2xx_after_a_step_without_an_answer_is_no_handled_event() {
    for what in ["lost", "failed", "dropped"] {
        let (bench, store) = bench();
        let step = async |delivery: &Delivery| match what {
            "lost" => drop(step(delivery, Ok(Fenced::Lost)).await.unwrap_err()),
            "failed" => {
                let unavailable = StoreError::new(StoreErrorKind::Unavailable, "as ordered");
                drop(step(delivery, Err(unavailable)).await.unwrap_err());
            }
            _ => {
                let stuck = async |_: Arc<Ledger>, _, _, _| {
                    std::future::pending::<Result<Fenced<()>, StoreError>>().await
                };
                let mut call = std::pin::pin!(delivery.claim().fenced_with(stuck));
                std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(call.as_mut().poll(cx).is_ready())
                })
                .await;
            }
        };
        let rejection = handle(&bench, 200, step).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::NotCommitted, "{what}");
        assert_eq!(store.calls(), ["claim", "check", "release"], "{what}");
        assert_eq!(bench.send(1, 200).await, Ok(1), "{what}: its next delivery is accepted");
    }
}

#[tokio::test]
async fn a_step_that_failed_and_then_had_its_answer_is_up_to_the_handler() {
    let (bench, store) = bench();
    handle(&bench, 200, async |delivery| {
        let unavailable = StoreError::new(StoreErrorKind::Unavailable, "as ordered");
        step(delivery, Err(unavailable)).await.unwrap_err();
        step(delivery, Ok(Fenced::Held(()))).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
    assert_eq!(store.calls(), ["claim", "complete"]);
}

#[tokio::test]
async fn a_call_that_failed_and_then_completed_is_a_handled_event() {
    let (bench, _) = bench();
    handle(&bench, 200, async |delivery| {
        fail(delivery).await;
        complete(delivery).await.unwrap();
    })
    .await
    .unwrap();
    assert_eq!(bench.seen(), [ACCEPTED]);
}

#[tokio::test]
async fn a_failure_after_the_commit_is_a_duplicate_next_time() {
    let (bench, _) = bench();
    handle(&bench, 500, async |delivery| complete(delivery).await.unwrap()).await.unwrap();
    assert_eq!(bench.seen(), [(Outcome::Failed, Some(500), Some(Reason::HandlerStatus))]);
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Duplicate);
}

#[tokio::test]
async fn a_failure_before_the_commit_lets_the_next_delivery_in() {
    let (bench, _) = bench();
    handle(&bench, 500, async |delivery| pretend(delivery).await.unwrap()).await.unwrap();
    bench.seen();
    assert_eq!(bench.send(1, 200).await, Ok(1));
}

/// Whether it was committed is not known, and to lose the event would be worse than a duplicate.
#[tokio::test]
async fn where_a_commit_cannot_be_checked_the_event_is_sent_again() {
    for committed in [true, false] {
        let (bench, store) = bench();
        let orders = store.clone();
        let refused = handle(&bench, 200, async move |delivery| {
            if committed {
                complete(delivery).await.unwrap();
            } else {
                pretend(delivery).await.unwrap();
            }
            orders.order(|orders| orders.check = Act::Fail(StoreErrorKind::Unavailable));
        });
        let rejection = refused.await.unwrap_err();
        assert_eq!((rejection.kind(), rejection.status()), (RejectionKind::StoreUnavailable, 503));
        assert!(rejection.retry_after_secs().is_some());
        assert_eq!(bench.seen(), [(Outcome::Failed, Some(503), Some(Reason::CommitNotChecked))]);
        assert_eq!(store.calls(), ["claim", "check", "release"]);
        match bench.send(1, 200).await {
            Err(rejection) => {
                assert_eq!((committed, rejection.kind()), (true, RejectionKind::Duplicate))
            }
            Ok(_) => assert!(!committed, "a committed event was handled again"),
        }
    }
}

#[tokio::test]
async fn a_lost_claim_is_said_to_be() {
    let (bench, store) = bench();
    let claims = store.clone();
    handle(&bench, 500, async move |delivery| {
        claims.forget(delivery.key()).await;
        assert!(matches!(complete(delivery).await, Err(CompleteError::Lost)));
        assert!(delivery.claim().is_lost());
    })
    .await
    .unwrap();
    assert_eq!(bench.send(1, 200).await, Ok(1));
}

#[tokio::test]
async fn what_goes_wrong_leaves_the_claim_as_it_was() {
    let (bench, _) = bench();
    handle(&bench, 500, async |delivery| {
        let error = fail(delivery).await;
        assert!(matches!(error, CompleteError::Store(_)), "{error}");
        let other = async |_: Arc<u8>, _, _, _| Ok(InTransaction::Completed);
        let error = delivery.claim().complete_with(other).await.unwrap_err();
        assert!(matches!(error, CompleteError::OtherStore), "{error}");
        assert!(!delivery.claim().is_lost());
        complete(delivery).await.unwrap();
    })
    .await
    .unwrap();
    let unclaimed = bench.proven(2).await;
    assert!(matches!(complete(&unclaimed).await, Err(CompleteError::NoClaim)));
    assert!(!unclaimed.claim().is_lost());
}

#[tokio::test]
async fn a_cancelled_handler_does_not_undo_what_it_committed() {
    let store = Commanded::new();
    let tasks = HandlerTasks::new();
    let bench = Bench::with(store.clone(), |receiver| receiver.runtime(TOKIO).tasks(&tasks));
    let delivery = bench.proven(1).await;
    let (send, completed) = tokio::sync::oneshot::channel();
    let work = bench.receiver.clone().handle(delivery, |delivery: Delivery| async move {
        complete(&delivery).await.unwrap();
        send.send(delivery.key()).unwrap();
        std::future::pending::<Answer<()>>().await
    });
    let task = tokio::spawn(work);
    let key = completed.await.unwrap();
    task.abort();
    let _ = task.await;
    tasks.finished().await;
    assert!(store.was_called("release"));
    let other = countersign::ClaimToken::random().unwrap();
    let lease = std::time::Duration::from_secs(1);
    assert_eq!(store.inner.claim(key, other, lease).await.unwrap(), Claimed::Done);
}
