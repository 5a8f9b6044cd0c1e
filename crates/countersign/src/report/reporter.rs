//! Reports the end of every delivery, to `tracing`, to the metrics and to the user's observers.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::rejection::Rejection;
use crate::reply::Reply;
use crate::report::{Observer, Outcome, Reason, Report, Stages};
use crate::trace;

pub(crate) struct Reporter {
    endpoint: Endpoint,
    observers: Vec<Box<dyn Observer>>,
}

/// The end of a delivery whose handler has begun.
pub(crate) struct Handled<'a> {
    pub(crate) delivery: &'a Delivery,
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<Reason>,
    pub(crate) stages: &'a Stages,
    /// How long it took, where the report comes later than the answer.
    pub(crate) elapsed: Option<Duration>,
}

impl Reporter {
    pub(crate) fn new(endpoint: Endpoint, observers: Vec<Box<dyn Observer>>) -> Self {
        Self { endpoint, observers }
    }

    /// Whether somebody wants to know how long something took.
    pub(crate) fn listens(&self, own: Option<&dyn Observer>) -> bool {
        own.is_some()
            || !self.observers.is_empty()
            || self.endpoint.metrics().is_recorded(&self.endpoint)
    }

    /// The time since this moment of the endpoint's clock, if somebody wants to know.
    pub(crate) fn since(&self, moment: Duration, own: Option<&dyn Observer>) -> Option<Duration> {
        self.listens(own).then(|| self.endpoint.monotonic().saturating_sub(moment))
    }

    /// Reports a delivery that reached no handler. `arrived` is a time of the endpoint's clock.
    pub(crate) fn rejected(
        &self,
        rejection: &Rejection,
        delivery: Option<&Delivery>,
        arrived: Duration,
        stages: &Stages,
        own: Option<&dyn Observer>,
    ) {
        let report = Report {
            outcome: Outcome::of(rejection.kind()),
            endpoint: self.endpoint.name(),
            provider: self.endpoint.provider().name(),
            delivery,
            status: Some(rejection.status()),
            reason: Some(rejection.kind().into()),
            elapsed: Duration::ZERO,
            stages,
        };
        self.report(report, rejection.is_proven(), Some(arrived), None, own);
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
            stages: Stages::NONE,
        };
        self.report(report, proven, Some(arrived), None, own);
    }

    /// Reports a delivery whose handler has ended.
    pub(crate) fn handled(&self, handled: Handled<'_>) {
        let Handled { delivery, outcome, status, reason, stages, elapsed } = handled;
        let report = Report {
            outcome,
            endpoint: delivery.endpoint(),
            provider: delivery.provider(),
            delivery: Some(delivery),
            status,
            reason,
            elapsed: Duration::ZERO,
            stages,
        };
        self.report(report, true, delivery.arrived(), elapsed, delivery.observer());
    }

    /// Gives a report to whoever listens: the receiver's observers, and the delivery's own. The clock
    /// is read if somebody does.
    fn report(
        &self,
        report: Report<'_>,
        proven: bool,
        arrived: Option<Duration>,
        elapsed: Option<Duration>,
        own: Option<&dyn Observer>,
    ) {
        let known = OnceCell::new();
        let elapsed = || {
            let since = |arrived| self.endpoint.monotonic().saturating_sub(arrived);
            let measured = || elapsed.or_else(|| arrived.map(since)).unwrap_or_default();
            *known.get_or_init(measured)
        };
        trace::report(&report, proven, elapsed);
        self.endpoint.metrics().reported(&self.endpoint, &report, elapsed);
        if !self.observers.is_empty() || own.is_some() {
            self.observe(&Report { elapsed: elapsed(), ..report }, own);
        }
    }

    #[cold]
    fn observe(&self, report: &Report<'_>, own: Option<&dyn Observer>) {
        for observer in self.observers.iter().map(|observer| &**observer).chain(own) {
            // It may run while a handler's panic unwinds; a second panic would end the process.
            drop(catch_unwind(AssertUnwindSafe(|| observer.observe(report))));
        }
    }
}
