//! The right to handle one event, and its end on every way out of a handler.

use std::future::Future;
use std::time::Duration;

use crate::dedup::{ClaimToken, Claimed, Settled, Store, StoreError};
use crate::delivery::Delivery;
use crate::receiver::Receiver;
use crate::rejection::{Rejection, RejectionKind};
use crate::report::Outcome;
use crate::tasks::RunningHandler;
use crate::trace;

/// A claim and what is to become of it if it is dropped.
pub(crate) struct Claim<S: Store> {
    receiver: Receiver<S>,
    delivery: Delivery,
    running: RunningHandler,
    token: Option<ClaimToken>,
    on_drop: OnDrop,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OnDrop {
    /// Nothing is held.
    Nothing,
    /// The handler was cancelled: let the event's next delivery in.
    Release,
    /// The handler was done, and telling the store was cut short: tell it again.
    Complete,
}

impl<S: Store> Claim<S> {
    pub(crate) fn new(receiver: Receiver<S>, delivery: Delivery, running: RunningHandler) -> Self {
        Self { receiver, delivery, running, token: None, on_drop: OnDrop::Nothing }
    }

    /// Step 5: only a fresh event goes on.
    pub(crate) async fn acquire(&mut self) -> Result<(), Rejection> {
        let rejection = match self.ask().await {
            Ok(Claimed::Fresh) => return Ok(()),
            Ok(Claimed::Done) => self.receiver.endpoint().reject(RejectionKind::Duplicate),
            Ok(Claimed::InFlight { retry_after }) => {
                let rejection = self.receiver.endpoint().reject(RejectionKind::InFlight);
                rejection.retry_after_at(retry_after)
            }
            Err(error) => self.receiver.store_failed(&error),
        };
        let rejection = rejection.after_proof();
        let arrived = self.delivery.arrived();
        self.receiver.report_rejection(&rejection, Some(&self.delivery), arrived);
        Err(rejection)
    }

    /// Asks the store. If this is dropped before the store answered, the claim may have been
    /// made, so it is released all the same.
    async fn ask(&mut self) -> Result<Claimed, StoreError> {
        let token = ClaimToken::random()?;
        self.token = Some(token);
        self.on_drop = OnDrop::Release;
        let lease = self.receiver.endpoint().lease();
        let claimed = self.receiver.store().claim(self.delivery.key(), token, lease).await;
        match claimed {
            Ok(Claimed::Fresh) => {}
            // An error may hide a claim that was made: its answer got lost. Let go of it.
            Err(_) => self.release_in_background(),
            Ok(Claimed::Done | Claimed::InFlight { .. }) => self.on_drop = OnDrop::Nothing,
        }
        claimed
    }

    /// Step 7: by the handler's status.
    pub(crate) async fn settle(&mut self, status: Option<u16>) {
        let (outcome, reason) = match status {
            Some(200..300) => (Outcome::Accepted, self.complete().await),
            Some(400..500) if self.receiver.endpoint().provider().is_final_on_4xx() => {
                (Outcome::Failed, Some("handler_status_is_final"))
            }
            _ => (Outcome::Failed, Some("handler_status")),
        };
        if outcome == Outcome::Failed {
            self.release().await;
        }
        self.receiver.report_handled(&self.delivery, outcome, status, reason);
    }

    /// Step 7 for a handler that panicked.
    pub(crate) async fn panicked(&mut self) {
        self.release().await;
        let reason = Some("handler_panicked");
        self.receiver.report_handled(&self.delivery, Outcome::Failed, None, reason);
    }

    /// Tells the store that the event is handled; says what went wrong with that.
    async fn complete(&mut self) -> Option<&'static str> {
        self.on_drop = OnDrop::Complete;
        let reason = complete(&self.receiver, &self.delivery, self.token?).await;
        self.on_drop = OnDrop::Nothing;
        reason
    }

    async fn release(&mut self) {
        if let Some(token) = self.token {
            release(&self.receiver, &self.delivery, token).await;
        }
        self.on_drop = OnDrop::Nothing;
    }

    fn release_in_background(&mut self) {
        self.on_drop = OnDrop::Nothing;
        self.in_background(|receiver, delivery, token| async move {
            release(&receiver, &delivery, token).await;
        });
    }

    fn in_background<Fut>(&self, work: impl FnOnce(Receiver<S>, Delivery, ClaimToken) -> Fut)
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        if let (Some(runtime), Some(token)) = (self.receiver.runtime(), self.token) {
            let work = work(self.receiver.clone(), self.delivery.clone(), token);
            let running = self.running.clone();
            runtime.spawn(async move {
                work.await;
                drop(running);
            });
        }
    }
}

impl<S: Store> Drop for Claim<S> {
    fn drop(&mut self) {
        let outcome = match self.on_drop {
            OnDrop::Nothing => return,
            OnDrop::Release => {
                self.release_in_background();
                Outcome::Failed
            }
            OnDrop::Complete => {
                self.in_background(|receiver, delivery, token| async move {
                    let _ = complete(&receiver, &delivery, token).await;
                });
                Outcome::Accepted
            }
        };
        self.receiver.report_handled(&self.delivery, outcome, None, Some("handler_cancelled"));
    }
}

async fn complete<S: Store>(
    receiver: &Receiver<S>,
    delivery: &Delivery,
    token: ClaimToken,
) -> Option<&'static str> {
    // The window holds its edges, and a delivery that was judged fresh takes a moment to its claim.
    let retention = receiver.endpoint().retention().saturating_add(Duration::from_secs(1));
    match receiver.store().complete(delivery.key(), token, retention).await {
        Ok(Settled::Settled) => None,
        Ok(Settled::Lost) => Some("claim_lost"),
        Err(error) => {
            trace::store_failed(receiver.endpoint(), "complete", &error);
            Some("not_recorded")
        }
    }
}

async fn release<S: Store>(receiver: &Receiver<S>, delivery: &Delivery, token: ClaimToken) {
    // A lost claim has nothing to release; an unreachable store lets it go when the lease ends.
    if let Err(error) = receiver.store().release(delivery.key(), token).await {
        trace::store_failed(receiver.endpoint(), "release", &error);
    }
}
