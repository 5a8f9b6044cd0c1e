//! Counting an attempt before its handler runs, and parking an event instead of releasing it.

use std::sync::Arc;

use super::handling::{Handling, OnDrop, rejection_for};
use super::held::{Held, State};
use super::settlings::{End, Settling, Settlings};
use super::verdict::Counted;
use crate::dedup::{Attempt, ParkedNote, Settled, Store, StoreError, StoreErrorKind};
use crate::delivery::Delivery;
use crate::rejection::{Rejection, RejectionKind};
use crate::report::metrics::Operation;
use crate::report::{Outcome, Reason};

/// The reason of an event that was tried often enough before, and was not parked then.
const NEVER_ENDED: &str = "its last attempts never ended with an answer that was recorded (a process died, \
                           they were cancelled, or the store could not answer), or the number of \
                           attempts was set lower";

/// An event whose parking is under way, and what becomes of its claim if it cannot be parked.
pub(super) struct BeingParked {
    held: Arc<Held>,
    note: Arc<ParkedNote>,
    otherwise: End,
}

impl<S: Store> Handling<S> {
    /// Counts this attempt, right after the claim. A rejection is not reported yet.
    pub(super) async fn count(&mut self) -> Result<(), Rejection> {
        let OnDrop::Release(held) = &self.on_drop else { return Ok(()) };
        let held = Arc::clone(held);
        self.on_drop = OnDrop::Untried(Arc::clone(&held));
        let (endpoint, keep) = (self.inner.endpoint.clone(), self.inner.retention());
        let counted = match self.inner.calls.attempt(held.key, held.token, keep).await {
            // No handler begins under a lease that has run out meanwhile.
            Ok(Attempt::Counted { number, since_first }) if !held.is_lost() => {
                Counted { number, since_first, at: endpoint.monotonic() }
            }
            Ok(_) => {
                let lost = "the claim was lost before its attempt was counted";
                let error = StoreError::new(StoreErrorKind::Unavailable, lost);
                return Err(self.not_counted(&held, &error).await);
            }
            Err(error) => return Err(self.not_counted(&held, &error).await),
        };
        held.verdict.count(counted);
        let Counted { number, since_first, .. } = counted;
        if !endpoint.is_overdue(number, since_first) {
            self.on_drop = OnDrop::Release(held);
            return Ok(());
        }
        match self.try_to_park(&held, NEVER_ENDED, End::Untried).await {
            Some(rejection) => Err(rejection),
            None => {
                self.release_untried(&held).await;
                Err(endpoint.reject(RejectionKind::StoreUnavailable).after_proof())
            }
        }
    }

    async fn not_counted(&mut self, held: &Arc<Held>, error: &StoreError) -> Rejection {
        self.inner.store_failed(Operation::Attempt, error);
        self.release_untried(held).await;
        self.inner.endpoint.reject(rejection_for(error)).after_proof()
    }

    /// Parks the event if its handler says so or it has failed often enough, and reports that. None if
    /// it is to be released. `why` is the reason unless the handler gave one.
    pub(super) async fn park_if_due(&mut self, held: &Arc<Held>, why: String) -> Option<Rejection> {
        let verdict = &held.verdict;
        let since = |counted: Counted| {
            let ran = self.inner.endpoint.monotonic().saturating_sub(counted.at);
            counted.since_first.saturating_add(ran)
        };
        let is_due = verdict.parks()
            || match (self.inner.endpoint.parking(), verdict.counted()) {
                (Some(parking), Some(counted)) => parking.is_due(counted.number, since(counted)),
                _ => false,
            };
        // Where events are forgotten when they are handled, another event may have the same key: it would
        // be a duplicate of the parked one.
        let forgets = self.inner.endpoint.forgets_when_handled();
        if !is_due || forgets || held.state() == State::Lost {
            return None;
        }
        let reason = verdict.failure();
        let why = reason.as_deref().unwrap_or(&why);
        let rejection = self.try_to_park(held, why, End::Release).await?;
        let (status, reason) = (Some(rejection.status()), Some(rejection.kind().into()));
        self.report(Outcome::Parked, status, reason);
        Some(rejection)
    }

    /// Parks the event. None if the store cannot, or the claim is not held.
    async fn try_to_park(
        &mut self,
        held: &Arc<Held>,
        why: &str,
        otherwise: End,
    ) -> Option<Rejection> {
        let note = Arc::new(note(&self.delivery, why));
        let being_parked =
            BeingParked { held: Arc::clone(held), note: Arc::clone(&note), otherwise };
        let on_drop = std::mem::replace(&mut self.on_drop, OnDrop::Park(being_parked));
        let keep = self.inner.endpoint.parked_for();
        held.turn_to_settle().await;
        let parked = self.inner.calls.park(held.key, held.token, keep, &note).await;
        self.on_drop = on_drop;
        match parked {
            Ok(Settled::Settled) => {
                self.parked(held);
                Some(self.inner.endpoint.reject(RejectionKind::Parked).after_proof())
            }
            Ok(Settled::Lost) => {
                held.change(State::Held, State::Lost);
                None
            }
            Err(error) => {
                self.inner.store_failed(Operation::Park, &error);
                None
            }
        }
    }

    /// For a delivery that is dropped while its event is being parked. The call may have arrived, and then nobody
    /// would hear that the event is parked: it is repeated, which changes nothing in that case, and reported.
    pub(super) fn park_in_background(&mut self, being_parked: BeingParked) {
        let BeingParked { held, note, otherwise } = being_parked;
        self.laps.settled(&self.inner.endpoint);
        let end = self.settling_of(&held, otherwise);
        let Some(runtime) = self.inner.calls.runtime() else {
            self.settle_in_background(end);
            return self.report(Outcome::Failed, None, Some(Reason::HandlerCancelled));
        };
        let end = Settling { running: Some(self.running.clone()), ..end };
        let (inner, report) = (Arc::clone(&self.inner), self.late_report(None));
        runtime.spawn(async move {
            let keep = inner.endpoint.parked_for();
            held.turn_to_settle().await;
            match inner.calls.park(held.key, held.token, keep, &note).await {
                Ok(Settled::Settled) => {
                    held.set(State::Done);
                    held.ended();
                    return report.give(&inner, Outcome::Parked, RejectionKind::Parked.into());
                }
                Ok(Settled::Lost) => {
                    held.change(State::Held, State::Lost);
                }
                Err(error) => inner.store_failed(Operation::Park, &error),
            }
            Settlings::add(&inner, end);
            report.give(&inner, Outcome::Failed, Reason::HandlerCancelled);
        });
    }

    fn parked(&mut self, held: &Arc<Held>) {
        self.laps.settled(&self.inner.endpoint);
        held.set(State::Done);
        held.ended();
        self.on_drop = OnDrop::Nothing;
    }
}

fn note(delivery: &Delivery, why: &str) -> ParkedNote {
    let note = ParkedNote::new(delivery.endpoint(), why).tenant(delivery.tenant());
    match delivery.event_type() {
        Some(event_type) => note.event(Some(event_type), delivery.id()),
        None => note
            .event(None, delivery.id())
            .unverified_event_type(delivery.unverified().event_type()),
    }
}
