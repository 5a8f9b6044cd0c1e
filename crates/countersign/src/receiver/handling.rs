//! Steps 5 to 7 for one delivery: its claim, kept while the handler runs and settled on every way
//! out of it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::Inner;
use super::claim::Claim;
use super::held::{Held, State, latest};
use super::renewals::Renewed;
use super::settlings::{End, LateReport, Settling, Settlings};
use super::store_calls::ClaimCall;
use super::tasks::RunningHandler;
use crate::dedup::{ClaimToken, Claimed, Store, StoreError, StoreErrorKind, Transactional};
use crate::delivery::Delivery;
use crate::rejection::{Rejection, RejectionKind};
use crate::report::metrics::Operation;
use crate::report::{Handled, Laps, Outcome, Reason};
use crate::trace;

/// A delivery on its way through a handler, and what is to become of its claim if it is dropped.
pub(crate) struct Handling<S: Store> {
    inner: Arc<Inner<S>>,
    delivery: Delivery,
    running: RunningHandler,
    on_drop: OnDrop,
    laps: Laps,
}

/// What a drop has to do.
enum OnDrop {
    /// Nothing is held.
    Nothing,
    /// The store has been asked and has not answered: the claim may be made, so it is released.
    Asked(Asked),
    /// The handler was cancelled: accept the event's next delivery.
    Release(Arc<Held>),
    /// The handler was done, and the call that completes its claim was cut short: call again.
    Complete(Arc<Held>),
}

/// A question to the store.
struct Asked {
    token: ClaimToken,
    at: Duration,
    call: ClaimCall,
}

impl<S: Store> Handling<S> {
    pub(super) fn new(inner: Arc<Inner<S>>, delivery: Delivery, running: RunningHandler) -> Self {
        Self { inner, delivery, running, on_drop: OnDrop::Nothing, laps: Laps::default() }
    }

    /// Step 5: only a fresh event goes on. What the handler gets knows of its claim.
    pub(super) async fn acquire(&mut self) -> Result<Delivery, Rejection> {
        let claimed = self.ask().await;
        let endpoint = &self.inner.endpoint;
        let rejection = match claimed {
            Ok(Claimed::Fresh) => return Ok(self.delivery.clone()),
            Ok(Claimed::Done) => endpoint.reject(RejectionKind::Duplicate),
            Ok(Claimed::InFlight { retry_after }) => {
                endpoint.reject(RejectionKind::InFlight).retry_after_at(retry_after)
            }
            Err(error) => {
                self.inner.store_failed(Operation::Claim, &error);
                endpoint.reject(match error.kind() {
                    StoreErrorKind::Full => RejectionKind::StoreFull,
                    StoreErrorKind::Unavailable | StoreErrorKind::Unsupported => {
                        RejectionKind::StoreUnavailable
                    }
                })
            }
        };
        let rejection = rejection.after_proof();
        let arrived = self.delivery.arrived().unwrap_or_else(|| endpoint.monotonic());
        let (stages, own) = (self.laps.stages(), self.delivery.observer());
        self.inner.reporter.rejected(&rejection, Some(&self.delivery), arrived, stages, own);
        Err(rejection)
    }

    async fn ask(&mut self) -> Result<Claimed, StoreError> {
        let token = ClaimToken::random()?;
        let (key, lease) = (self.delivery.key(), self.inner.endpoint.lease());
        // Before there is a claim: if the store panics here, nothing is left behind.
        let transactional = self.inner.calls.transactional();
        let at = self.inner.endpoint.monotonic();
        if self.inner.reporter.listens(self.delivery.observer()) {
            self.laps.begin(self.delivery.proof(), at);
        }
        let claimed = match self.inner.calls.claim_at_once(key, token, lease) {
            Some(claimed) => claimed,
            None => {
                // In a box: if this is dropped, the call goes on elsewhere.
                let call = self.inner.calls.claim_call(key, token, lease);
                self.on_drop = OnDrop::Asked(Asked { token, at, call });
                let claimed = poll_fn(|cx| match &mut self.on_drop {
                    OnDrop::Asked(asked) => asked.call.as_mut().poll(cx),
                    _ => Poll::Pending,
                });
                let claimed = claimed.await;
                self.on_drop = OnDrop::Nothing;
                claimed
            }
        };
        self.laps.claimed(&self.inner.endpoint);
        match claimed {
            Ok(Claimed::Fresh) => self.hold(token, at, transactional),
            Ok(claimed) => Ok(claimed),
            // An error may hide a claim that was made: its answer got lost. Release it.
            Err(error) => {
                self.settle_in_background(self.release_of_doubtful(token, at));
                Err(error)
            }
        }
    }

    fn hold(
        &mut self,
        token: ClaimToken,
        asked: Duration,
        transactional: Option<Transactional>,
    ) -> Result<Claimed, StoreError> {
        let inner = &self.inner;
        let retention = inner.retention();
        let (key, endpoint) = (self.delivery.key(), inner.endpoint.clone());
        let held = Held::new(endpoint, key, token, retention, transactional, asked);
        let held = Arc::new(held);
        self.on_drop = OnDrop::Release(Arc::clone(&held));
        if held.is_lost() {
            held.lost();
            self.settle_in_background(self.release_of(&held));
            self.on_drop = OnDrop::Nothing;
            let late = "the store answered a claim when its lease had run out";
            return Err(StoreError::new(StoreErrorKind::Unavailable, late));
        }
        self.delivery.set_claim(Claim::held(held));
        Ok(Claimed::Fresh)
    }

    /// For step 6: keeps the claim's lease renewed until it is dropped.
    pub(super) fn renewed(&self) -> Option<Renewed<S>> {
        match &self.on_drop {
            OnDrop::Release(held) => Renewed::start(&self.inner, held),
            _ => None,
        }
    }

    /// Step 6 is over.
    pub(super) fn handled(&mut self) {
        self.laps.handled(&self.inner.endpoint);
    }

    /// Step 7: by the handler's status. Only an answer whose mark is not committed is not given.
    pub(super) async fn settle(&mut self, status: Option<u16>) -> Result<(), Rejection> {
        let OnDrop::Release(held) = &self.on_drop else { return Ok(()) };
        let held = Arc::clone(held);
        let reason = match (status, held.state()) {
            (Some(200..300), State::InTransaction) => return self.check(&held, status).await,
            (Some(200..300), State::Done) => {
                self.on_drop = OnDrop::Nothing;
                held.ended();
                self.report(Outcome::Accepted, status, None);
                return Ok(());
            }
            (Some(200..300), _) if !self.delivery.is_taken() => return self.not_taken(&held).await,
            (Some(200..300), _) => {
                self.complete(held, status).await;
                return Ok(());
            }
            (Some(400..500), _) if self.delivery.is_final_on_4xx() => Reason::HandlerStatusIsFinal,
            _ => Reason::HandlerStatus,
        };
        self.release(&held).await;
        self.report(Outcome::Failed, status, Some(reason));
        Ok(())
    }

    /// Step 7 for a 2xx of something that did not handle the event.
    async fn not_taken(&mut self, held: &Arc<Held>) -> Result<(), Rejection> {
        self.release(held).await;
        let rejection = self.inner.endpoint.reject(RejectionKind::NotTaken);
        let (status, reason) = (Some(rejection.status()), Some(rejection.kind().into()));
        self.report(Outcome::Failed, status, reason);
        Err(rejection.after_proof())
    }

    /// Step 7 for a handler that panicked.
    pub(super) async fn panicked(&mut self) {
        if let OnDrop::Release(held) = &self.on_drop {
            self.release(&Arc::clone(held)).await;
        }
        self.report(Outcome::Failed, None, Some(Reason::HandlerPanicked));
    }

    /// The handler says that its transaction holds the mark. If it forgot to commit, the event would be
    /// lost, so the store is asked. Where it cannot say, the event is sent again: if it was
    /// committed after all, that delivery is a duplicate.
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
            Ok(false) => (RejectionKind::NotCommitted, RejectionKind::NotCommitted.into()),
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
    fn end_of_handled(&self, held: &Held) -> End {
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

    async fn release(&mut self, held: &Arc<Held>) {
        let mut settling = self.release_of(held);
        let released = settling.once(&self.inner).await;
        self.laps.settled(&self.inner.endpoint);
        if released.is_err() {
            self.settle_in_background(settling);
        }
        self.on_drop = OnDrop::Nothing;
    }

    fn report(&self, outcome: Outcome, status: Option<u16>, reason: Option<Reason>) {
        let (delivery, stages) = (&self.delivery, self.laps.stages());
        let handled = Handled { delivery, outcome, status, reason, stages, elapsed: None };
        self.inner.reporter.handled(handled);
    }

    /// A shutdown waits for the end of a claim that was made, and not for one that may never have
    /// been.
    fn settle_in_background(&self, settling: Settling) {
        let running = settling.held.is_some().then(|| self.running.clone());
        Settlings::add(&self.inner, Settling { running, ..settling });
    }

    fn release_of(&self, held: &Arc<Held>) -> Settling {
        self.settling_of(held, End::Release)
    }

    fn settling_of(&self, held: &Arc<Held>, end: End) -> Settling {
        Settling {
            key: held.key,
            token: held.token,
            end,
            until: held.latest(),
            tried: false,
            held: Some(Arc::clone(held)),
            running: None,
            report: None,
        }
    }

    /// The end of a claim that may never have been made.
    fn release_of_doubtful(&self, token: ClaimToken, asked: Duration) -> Settling {
        Settling {
            key: self.delivery.key(),
            token,
            end: End::Release,
            until: latest(&self.inner.endpoint, asked),
            tried: false,
            held: None,
            running: None,
            report: None,
        }
    }

    /// With the report that follows once the store has answered. It keeps no body.
    fn with_report(&self, settling: Settling, status: Option<u16>) -> Settling {
        let delivery = self.delivery.without_body();
        let since = |arrived| self.inner.reporter.since(arrived, delivery.observer());
        let elapsed = delivery.arrived().and_then(since);
        let (stages, span) = (*self.laps.stages(), trace::current_span());
        let report = LateReport { delivery, status, stages, elapsed, span };
        Settling { report: Some(Box::new(report)), ..settling }
    }
}

impl<S: Store> Drop for Handling<S> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.on_drop, OnDrop::Nothing) {
            OnDrop::Nothing => return,
            OnDrop::Complete(held) => {
                self.laps.settled(&self.inner.endpoint);
                let settling = self.settling_of(&held, self.end_of_handled(&held));
                return self.settle_in_background(self.with_report(settling, None));
            }
            OnDrop::Release(held) => {
                // It may have ended, and been cut short while its claim was released.
                if self.laps.stages().handler.is_none() {
                    self.laps.handled(&self.inner.endpoint);
                }
                self.settle_in_background(self.release_of(&held));
            }
            OnDrop::Asked(Asked { token, at, call }) => {
                self.laps.claimed(&self.inner.endpoint);
                let settling = self.release_of_doubtful(token, at);
                Settlings::add_after(&self.inner, call, self.running.clone(), settling);
            }
        }
        self.report(Outcome::Failed, None, Some(Reason::HandlerCancelled));
    }
}
