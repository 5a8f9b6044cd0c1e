//! Steps 5 to 7 for one delivery: its claim, kept while the handler runs and settled on every way
//! out of it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Instant;

use crate::claim::Claim;
use crate::dedup::{ClaimToken, Claimed, Store, StoreError};
use crate::delivery::Delivery;
use crate::receiver::Receiver;
use crate::rejection::{Rejection, RejectionKind};
use crate::report::Outcome;
use crate::settling::{End, Settling};
use crate::tasks::RunningHandler;

/// A delivery on its way through a handler, and what is to become of its claim if it is dropped.
pub(crate) struct Handling<S: Store> {
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

impl<S: Store> Handling<S> {
    pub(crate) fn new(receiver: Receiver<S>, delivery: Delivery, running: RunningHandler) -> Self {
        Self { receiver, delivery, running, token: None, on_drop: OnDrop::Nothing }
    }

    /// Step 5: only a fresh event goes on. What the handler gets knows of its claim.
    pub(crate) async fn acquire(&mut self) -> Result<Delivery, Rejection> {
        let rejection = match self.ask().await {
            Ok(Claimed::Fresh) => return Ok(self.delivery.clone()),
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
        let asked = Instant::now();
        let endpoint = self.receiver.endpoint();
        let (key, lease, store) = (self.delivery.key(), endpoint.lease(), self.receiver.store());
        let claimed = self.receiver.limited(store.claim(key, token, lease)).await;
        match claimed {
            Ok(Claimed::Fresh) => {
                let retention = self.receiver.retention();
                let transactional = store.transactional();
                let claim = Claim::held(key, token, retention, transactional, asked, lease);
                self.delivery.set_claim(claim);
            }
            // An error may hide a claim that was made: its answer got lost. Let go of it.
            Err(_) => self.release_in_background(),
            Ok(Claimed::Done | Claimed::InFlight { .. }) => self.on_drop = OnDrop::Nothing,
        }
        claimed
    }

    /// Step 6: the handler, whose lease is renewed as long as it runs.
    pub(crate) async fn run<T>(&self, handler: impl Future<Output = T>) -> T {
        let (mut handler, mut renewal) = (pin!(handler), pin!(self.renew()));
        poll_fn(|cx| {
            let poll = handler.as_mut().poll(cx);
            if poll.is_pending() {
                // It has no end that matters: a lease that is not renewed just runs out.
                let _ = renewal.as_mut().poll(cx);
            }
            poll
        })
        .await
    }

    async fn renew(&self) {
        let (Some(runtime), Some(token)) = (self.receiver.runtime(), self.token) else {
            return std::future::pending().await;
        };
        let (endpoint, claim) = (self.receiver.endpoint(), self.delivery.claim());
        let (key, lease, first) = (self.delivery.key(), endpoint.lease(), Instant::now());
        loop {
            runtime.sleep(lease / 3).await;
            let asked = Instant::now();
            let ended = claim.is_lost() || claim.is_completed_in_transaction();
            if ended || first.elapsed() >= endpoint.renewed_for() {
                break;
            }
            let claimed = self.receiver.store().claim(key, token, lease);
            match self.receiver.limited(claimed).await {
                Ok(Claimed::Fresh) => claim.renewed(asked, lease),
                // The handler has just committed.
                Ok(_) if claim.is_completed_in_transaction() => break,
                Ok(Claimed::Done | Claimed::InFlight { .. }) => {
                    claim.lose();
                    break;
                }
                // The next try may do better; if none does, the lease runs out.
                Err(error) => self.receiver.note_failure("renew", &error),
            }
        }
        std::future::pending().await
    }

    /// Step 7: by the handler's status. Only an answer whose mark is not committed is not given.
    pub(crate) async fn settle(&mut self, status: Option<u16>) -> Result<(), Rejection> {
        let reason = match status {
            Some(200..300) if self.delivery.claim().is_completed_in_transaction() => {
                return self.check_committed(status).await;
            }
            Some(200..300) if !self.delivery.is_taken() => return self.not_taken().await,
            Some(200..300) => {
                self.complete(status).await;
                return Ok(());
            }
            Some(400..500) if self.receiver.endpoint().provider().is_final_on_4xx() => {
                "handler_status_is_final"
            }
            _ => "handler_status",
        };
        self.release().await;
        self.receiver.report_handled(&self.delivery, Outcome::Failed, status, Some(reason));
        Ok(())
    }

    /// Step 7 for a 2xx of something that did not handle the event.
    async fn not_taken(&mut self) -> Result<(), Rejection> {
        self.release().await;
        let rejection = self.receiver.endpoint().reject(RejectionKind::NotTaken);
        let (status, reason) = (Some(rejection.status()), Some(rejection.code()));
        self.receiver.report_handled(&self.delivery, Outcome::Failed, status, reason);
        Err(rejection.after_proof())
    }

    /// Step 7 for a handler that panicked.
    pub(crate) async fn panicked(&mut self) {
        self.release().await;
        let reason = Some("handler_panicked");
        self.receiver.report_handled(&self.delivery, Outcome::Failed, None, reason);
    }

    /// The handler says that its transaction holds the mark. Whoever forgot to commit would lose
    /// the event, so the store is asked; by its token, the claim is the handler's own.
    async fn check_committed(&mut self, status: Option<u16>) -> Result<(), Rejection> {
        let Some(token) = self.token else { return Ok(()) };
        let (key, lease) = (self.delivery.key(), self.receiver.endpoint().lease());
        let claimed = self.receiver.limited(self.receiver.store().claim(key, token, lease)).await;
        let reason = match claimed {
            Ok(Claimed::Done) => None,
            Ok(Claimed::Fresh | Claimed::InFlight { .. }) => {
                self.release().await;
                let rejection = self.receiver.endpoint().reject(RejectionKind::NotCommitted);
                let (status, reason) = (Some(rejection.status()), Some(rejection.code()));
                self.receiver.report_handled(&self.delivery, Outcome::Failed, status, reason);
                return Err(rejection.after_proof());
            }
            // The handler's word is as good as it was.
            Err(error) => {
                self.receiver.note_failure("check", &error);
                Some("commit_not_checked")
            }
        };
        self.on_drop = OnDrop::Nothing;
        self.receiver.report_handled(&self.delivery, Outcome::Accepted, status, reason);
        Ok(())
    }

    /// Tells the store that the event is handled; goes on telling it in the background if it
    /// cannot be told now.
    async fn complete(&mut self, status: Option<u16>) {
        self.on_drop = OnDrop::Complete;
        let told = match self.settling(End::Complete) {
            Some(settling) => settling.once().await,
            None => return,
        };
        match told {
            Ok(reason) => {
                self.on_drop = OnDrop::Nothing;
                self.receiver.report_handled(&self.delivery, Outcome::Accepted, status, reason);
            }
            Err(_) => self.complete_in_background(status),
        }
    }

    async fn release(&mut self) {
        if let Some(settling) = self.settling(End::Release)
            && settling.once().await.is_err()
        {
            self.release_in_background();
        }
        self.on_drop = OnDrop::Nothing;
    }

    fn release_in_background(&mut self) {
        self.on_drop = OnDrop::Nothing;
        if let Some(settling) = self.settling(End::Release) {
            self.in_background(async move {
                let _ = settling.until_told().await;
            });
        }
    }

    fn complete_in_background(&mut self, status: Option<u16>) {
        self.on_drop = OnDrop::Nothing;
        let Some(settling) = self.settling(End::Complete) else { return };
        let (receiver, delivery) = (self.receiver.clone(), self.delivery.clone());
        let started = self.in_background(async move {
            let reason = settling.until_told().await.unwrap_or("not_recorded");
            receiver.report_handled(&delivery, Outcome::Accepted, status, Some(reason));
        });
        if !started {
            let reason = Some("not_recorded");
            self.receiver.report_handled(&self.delivery, Outcome::Accepted, status, reason);
        }
    }

    fn settling(&self, end: End) -> Option<Settling<S>> {
        let (receiver, delivery) = (self.receiver.clone(), self.delivery.clone());
        // Without an answer to the claim, it may have been made just now.
        let left = delivery.claim().left().unwrap_or(receiver.endpoint().lease());
        Some(Settling { receiver, delivery, token: self.token?, end, left })
    }

    /// Starts a task that a shutdown waits for, if there is a way to start one.
    fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Some(runtime) = self.receiver.runtime() else { return false };
        let running = self.running.clone();
        runtime.spawn(async move {
            work.await;
            drop(running);
        });
        true
    }
}

impl<S: Store> Drop for Handling<S> {
    fn drop(&mut self) {
        match self.on_drop {
            OnDrop::Nothing => {}
            OnDrop::Release => {
                self.release_in_background();
                let reason = Some("handler_cancelled");
                self.receiver.report_handled(&self.delivery, Outcome::Failed, None, reason);
            }
            OnDrop::Complete => self.complete_in_background(None),
        }
    }
}
