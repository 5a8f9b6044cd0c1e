//! Reports the end of every delivery, to `tracing` and to the user's observer.

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
            elapsed: self.endpoint.monotonic().saturating_sub(arrived),
        };
        trace::report(&report, rejection.is_proven());
        self.observe(&report);
    }

    /// Reports a handshake that was answered.
    pub(crate) fn handshake(&self, reply: &Reply, proven: bool, arrived: Duration) {
        let report = Report {
            outcome: Outcome::Handshake,
            endpoint: self.endpoint.name(),
            provider: self.endpoint.provider().name(),
            delivery: None,
            status: Some(reply.status()),
            reason: reply.handshake().map(Reason::Handshake),
            elapsed: self.endpoint.monotonic().saturating_sub(arrived),
        };
        trace::report(&report, proven);
        self.observe(&report);
    }

    /// Reports a delivery whose handler has ended.
    pub(crate) fn handled(
        &self,
        delivery: &Delivery,
        outcome: Outcome,
        status: Option<u16>,
        reason: Option<Reason>,
    ) {
        let now = self.endpoint.monotonic();
        let report = Report {
            outcome,
            endpoint: delivery.endpoint(),
            provider: delivery.provider(),
            delivery: Some(delivery),
            status,
            reason,
            elapsed: now.saturating_sub(delivery.arrived().unwrap_or(now)),
        };
        trace::report(&report, true);
        self.observe(&report);
    }

    /// Reports a call of the store that failed.
    pub(crate) fn store_failed(&self, step: &'static str, error: &StoreError) {
        trace::store_failed(&self.endpoint, step, error);
    }

    fn observe(&self, report: &Report<'_>) {
        if let Some(observer) = &self.observer {
            // It may run while a handler's panic unwinds; a second panic would end the process.
            drop(catch_unwind(AssertUnwindSafe(|| observer.observe(report))));
        }
    }
}
