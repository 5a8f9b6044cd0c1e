//! Step 7 for one delivery: by what its handler has said, its claim is completed
//! or released, or its event parked.

use std::sync::Arc;

use super::handling::{Handling, OnDrop};
use super::held::{Held, State};
use super::settlings::{End, Settling};
use crate::dedup::Store;
use crate::rejection::{Rejection, RejectionKind};
use crate::report::metrics::Operation;
use crate::report::{Outcome, Reason};

impl<S: Store> Handling<S> {
    /// By the handler's status. Only an answer whose mark is not committed is not given.
    pub(super) async fn settle(&mut self, status: Option<u16>) -> Result<(), Rejection> {
        let OnDrop::Release(held) = &self.on_drop else { return Ok(()) };
        let held = Arc::clone(held);
        let reason = match (status, held.state()) {
            (Some(200..300), State::Done) => {
                self.on_drop = OnDrop::Nothing;
                held.ended();
                self.report(Outcome::Accepted, status, None);
                return Ok(());
            }
            (Some(200..300), _) if held.is_transacted() => return self.check(&held, status).await,
            (Some(200..300), _) if !self.delivery.is_taken() => return self.not_taken(&held).await,
            (Some(200..300), _) => {
                self.complete(held, status).await;
                return Ok(());
            }
            (Some(400..500), _) if self.delivery.is_final_on_4xx() => Reason::HandlerStatusIsFinal,
            _ => Reason::HandlerStatus,
        };
        if let Some(parked) = self.parks(&held, || failed_with(status)).await {
            return Err(parked);
        }
        self.release(&held).await;
        self.report(Outcome::Failed, status, Some(reason));
        Ok(())
    }

    /// For a 2xx of something that did not handle the event.
    async fn not_taken(&mut self, held: &Arc<Held>) -> Result<(), Rejection> {
        self.release_untried(held).await;
        let rejection = self.inner.endpoint.reject(RejectionKind::NotTaken);
        let (status, reason) = (Some(rejection.status()), Some(rejection.kind().into()));
        self.report(Outcome::Failed, status, reason);
        Err(rejection.after_proof())
    }

    /// For a handler that panicked. A rejection if the event is parked.
    pub(super) async fn panicked(&mut self) -> Option<Rejection> {
        if let OnDrop::Release(held) = &self.on_drop {
            let held = Arc::clone(held);
            if let Some(parked) = self.parks(&held, || "the handler panicked".to_owned()).await {
                return Some(parked);
            }
            self.release(&held).await;
        }
        self.report(Outcome::Failed, None, Some(Reason::HandlerPanicked));
        None
    }

    /// [`park_if_due`](Self::park_if_due), without room for it in every delivery's future.
    async fn parks(&mut self, held: &Arc<Held>, why: impl FnOnce() -> String) -> Option<Rejection> {
        match self.inner.endpoint.parking().is_some() || held.verdict.parks() {
            true => Box::pin(self.park_if_due(held, why())).await,
            false => None,
        }
    }

    /// The handler wanted its transaction to hold the mark. If it forgot to commit, or took an error of
    /// `complete_in` for a success, the event would be lost, so the store is asked. Where it cannot say, the
    /// event is sent again: if it was committed after all, that delivery is a duplicate.
    async fn check(&mut self, held: &Arc<Held>, status: Option<u16>) -> Result<(), Rejection> {
        held.turn_to_settle().await;
        let completed = self.inner.calls.is_completed(held.key, held.token).await;
        self.laps.settled(&self.inner.endpoint);
        let (kind, reason) = match completed {
            Ok(true) => {
                held.set(State::Done);
                held.ended();
                self.on_drop = OnDrop::Nothing;
                self.report(Outcome::Accepted, status, None);
                return Ok(());
            }
            Ok(false) => {
                let why = || "the transaction was not committed".to_owned();
                if let Some(parked) = self.parks(held, why).await {
                    return Err(parked);
                }
                (RejectionKind::NotCommitted, RejectionKind::NotCommitted.into())
            }
            Err(error) => {
                self.inner.store_failed(Operation::Check, &error);
                (RejectionKind::StoreUnavailable, Reason::CommitNotChecked)
            }
        };
        self.release(held).await;
        let rejection = self.inner.endpoint.reject(kind);
        let status = Some(rejection.status());
        self.report(Outcome::Failed, status, Some(reason));
        Err(rejection.after_proof())
    }

    /// What becomes of a handled event's claim.
    pub(super) fn end_of_handled(&self, held: &Held) -> End {
        match self.inner.endpoint.forgets_when_handled() {
            true => End::Release,
            false => End::Complete(held.retention),
        }
    }

    /// Completes the claim in the store; in the background, if the store cannot answer now.
    async fn complete(&mut self, held: Arc<Held>, status: Option<u16>) {
        let mut settling = self.settling_of(&held, self.end_of_handled(&held));
        self.on_drop = OnDrop::Complete(held);
        let settled = settling.once(&self.inner).await;
        self.on_drop = OnDrop::Nothing;
        self.laps.settled(&self.inner.endpoint);
        match settled {
            Ok(reason) => self.report(Outcome::Accepted, status, reason),
            Err(_) => self.settle_in_background(self.with_report(settling, status)),
        }
    }

    pub(super) async fn release(&mut self, held: &Arc<Held>) {
        let mut settling = self.release_of(held);
        let released = settling.once(&self.inner).await;
        self.released(released.is_ok(), settling);
    }

    /// Releases a claim whose handler did not begin. It is beside [`release`](Self::release), because an `End`
    /// as an argument would make the future of every delivery larger.
    pub(super) async fn release_untried(&mut self, held: &Arc<Held>) {
        let mut settling = self.settling_of(held, End::Untried);
        let released = settling.once(&self.inner).await;
        self.released(released.is_ok(), settling);
    }

    fn released(&mut self, is_done: bool, settling: Settling) {
        self.laps.settled(&self.inner.endpoint);
        if !is_done {
            self.settle_in_background(settling);
        }
        self.on_drop = OnDrop::Nothing;
    }
}

/// The reason of a failure that its handler said nothing about.
fn failed_with(status: Option<u16>) -> String {
    match status {
        Some(status) => format!("the handler answered {status}"),
        None => "the handler failed without a status".to_owned(),
    }
}
