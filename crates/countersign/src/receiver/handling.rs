//! Steps 5 and 6 for one delivery: its claim, kept while the handler runs, and settled also if the delivery is
//! dropped. Step 7 is in `after_handler`.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::Inner;
use super::claim::Claim;
use super::held::{Held, latest};
use super::parking::BeingParked;
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
    pub(super) inner: Arc<Inner<S>>,
    pub(super) delivery: Delivery,
    pub(super) running: RunningHandler,
    pub(super) on_drop: OnDrop,
    pub(super) laps: Laps,
}

/// What a drop has to do.
pub(super) enum OnDrop {
    /// Nothing is held.
    Nothing,
    /// The store has been asked and has not answered: the claim may be made, so it is released.
    Asked(Asked),
    /// The attempt is being counted, and no handler has begun.
    Untried(Arc<Held>),
    /// The handler was cancelled: accept the event's next delivery.
    Release(Arc<Held>),
    /// The handler was done, and the call that completes its claim was cut short: call again.
    Complete(Arc<Held>),
    /// The call that parks the event was cut short: call again.
    Park(BeingParked),
}

/// A question to the store.
pub(super) struct Asked {
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
            Ok(Claimed::Fresh) if !endpoint.counts_attempts() => return Ok(self.delivery.clone()),
            // In a box: few endpoints count attempts, and every delivery's future would have room for it.
            Ok(Claimed::Fresh) => match Box::pin(self.count()).await {
                Ok(()) => return Ok(self.delivery.clone()),
                Err(rejection) => rejection,
            },
            Ok(Claimed::Done) => endpoint.reject(RejectionKind::Duplicate),
            Ok(Claimed::InFlight { retry_after }) => {
                endpoint.reject(RejectionKind::InFlight).retry_after_at(retry_after)
            }
            Err(error) => {
                self.inner.store_failed(Operation::Claim, &error);
                endpoint.reject(rejection_for(&error))
            }
        };
        let (rejection, endpoint) = (rejection.after_proof(), &self.inner.endpoint);
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
            // An error may hide a claim that was made: its answer got lost. Release it. A store without room
            // has made none, and would need room to remember the release.
            Err(error) => {
                if error.kind() != StoreErrorKind::Full {
                    self.settle_in_background(self.release_of_doubtful(token, at));
                }
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

    pub(super) fn report(&self, outcome: Outcome, status: Option<u16>, reason: Option<Reason>) {
        let (delivery, stages) = (&self.delivery, self.laps.stages());
        let handled = Handled { delivery, outcome, status, reason, stages, elapsed: None };
        self.inner.reporter.handled(handled);
    }

    /// A shutdown waits for the end of a claim that was made, and not for one that may never have
    /// been.
    pub(super) fn settle_in_background(&self, settling: Settling) {
        let running = settling.held.is_some().then(|| self.running.clone());
        Settlings::add(&self.inner, Settling { running, ..settling });
    }

    pub(super) fn release_of(&self, held: &Arc<Held>) -> Settling {
        self.settling_of(held, End::Release)
    }

    pub(super) fn settling_of(&self, held: &Arc<Held>, end: End) -> Settling {
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

    /// With the report that follows once the store has answered.
    pub(super) fn with_report(&self, settling: Settling, status: Option<u16>) -> Settling {
        Settling { report: Some(Box::new(self.late_report(status))), ..settling }
    }

    /// It keeps no body.
    pub(super) fn late_report(&self, status: Option<u16>) -> LateReport {
        let delivery = self.delivery.without_body();
        let since = |arrived| self.inner.reporter.since(arrived, delivery.observer());
        let elapsed = delivery.arrived().and_then(since);
        let (stages, span) = (*self.laps.stages(), trace::current_span());
        LateReport { delivery, status, stages, elapsed, span }
    }
}

/// What a delivery is refused for, when the store has failed before its handler began.
pub(super) fn rejection_for(error: &StoreError) -> RejectionKind {
    match error.kind() {
        StoreErrorKind::Full => RejectionKind::StoreFull,
        StoreErrorKind::Unavailable | StoreErrorKind::Unsupported => {
            RejectionKind::StoreUnavailable
        }
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
            OnDrop::Park(being_parked) => return self.park_in_background(being_parked),
            OnDrop::Untried(held) => {
                self.settle_in_background(self.settling_of(&held, End::Untried));
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
