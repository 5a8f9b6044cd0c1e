//! Reports the end of every delivery, to `tracing` and to the user's observer.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::dedup::StoreError;
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::rejection::{Rejection, RejectionKind};
use crate::reply::Reply;
use crate::report::{Observer, Outcome, Reason, Report};
use crate::trace;

pub(crate) struct Reporter {
    endpoint: Endpoint,
    observer: Option<Box<dyn Observer>>,
}

impl Reporter {
    pub(crate) fn new(endpoint: Endpoint, observer: Option<Box<dyn Observer>>) -> Self {
        Self { endpoint, observer }
    }

    /// Reports a delivery that reached no handler. `arrived` is a time of the endpoint's clock.
    pub(crate) fn rejected(
        &self,
        rejection: &Rejection,
        delivery: Option<&Delivery>,
        arrived: Duration,
        own: Option<&dyn Observer>,
    ) {
        let outcome = match rejection.kind() {
            RejectionKind::Duplicate => Outcome::Duplicate,
            RejectionKind::InFlight => Outcome::InFlight,
            _ => Outcome::Rejected,
        };
        let report = Report {
            outcome,
            endpoint: self.endpoint.name(),
            provider: self.endpoint.provider().name(),
            delivery,
            status: Some(rejection.status()),
            reason: Some(rejection.kind().into()),
            elapsed: Duration::ZERO,
        };
        self.report(report, rejection.is_proven(), Some(arrived), own);
    }

    /// Reports a handshake that was answered.
    pub(crate) fn handshake(
        &self,
        reply: &Reply,
        proven: bool,
        arrived: Duration,
        own: Option<&dyn Observer>,
    ) {
        let report = Report {
            outcome: Outcome::Handshake,
            endpoint: self.endpoint.name(),
            provider: self.endpoint.provider().name(),
            delivery: None,
            status: Some(reply.status()),
            reason: reply.handshake().map(Reason::Handshake),
            elapsed: Duration::ZERO,
        };
        self.report(report, proven, Some(arrived), own);
    }

    /// Reports a delivery whose handler has ended.
    pub(crate) fn handled(
        &self,
        delivery: &Delivery,
        outcome: Outcome,
        status: Option<u16>,
        reason: Option<Reason>,
    ) {
        let report = Report {
            outcome,
            endpoint: delivery.endpoint(),
            provider: delivery.provider(),
            delivery: Some(delivery),
            status,
            reason,
            elapsed: Duration::ZERO,
        };
        self.report(report, true, delivery.arrived(), delivery.observer());
    }

    /// Reports a call of the store that failed.
    pub(crate) fn store_failed(&self, step: &'static str, error: &StoreError) {
        trace::store_failed(&self.endpoint, step, error);
    }

    /// Gives a report to whoever listens: the receiver's observer, and the delivery's own. The clock
    /// is read if somebody does.
    fn report(
        &self,
        report: Report<'_>,
        proven: bool,
        arrived: Option<Duration>,
        own: Option<&dyn Observer>,
    ) {
        let known = OnceCell::new();
        let elapsed = || {
            let since = |arrived| self.endpoint.monotonic().saturating_sub(arrived);
            *known.get_or_init(|| arrived.map_or(Duration::ZERO, since))
        };
        trace::report(&report, proven, elapsed);
        for observer in self.observer.as_deref().into_iter().chain(own) {
            let report = Report { elapsed: elapsed(), ..report };
            // It may run while a handler's panic unwinds; a second panic would end the process.
            drop(catch_unwind(AssertUnwindSafe(|| observer.observe(&report))));
        }
    }
}
