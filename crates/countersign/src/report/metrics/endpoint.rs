//! What is counted for one endpoint. All labels are of the configuration, none is a sender's.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use metrics::{Counter, Gauge, Histogram, Key, Label, Recorder};

use super::names::{
    CLAIMS_IN_FLIGHT, CLAIMS_LOST, DELIVERIES, DELIVERY_AGE, DELIVERY_DURATION, HANDLER_DURATION,
    LAST_GENUINE, LAST_RETRY_FAILURES, describe,
};
use super::recorder::{METADATA, with_recorder};
use super::secrets::KeyLabels;
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::rejection::RejectionKind;
use crate::report::{Outcome, Reason, Report};

/// The metrics of an endpoint, once there is a recorder.
#[derive(Default)]
pub(crate) struct EndpointMetrics {
    handles: OnceLock<Handles>,
    pub(super) key_labels: KeyLabels,
}

/// All are made at once, so that each series is there with a zero before something happens: only then
/// does Prometheus see the first increase.
struct Handles {
    accepted: Counter,
    /// In the order of [`RejectionKind::ALL`].
    rejected: Box<[Counter]>,
    ended: [(Reason, Counter); 8],
    handshakes: Box<[(&'static str, Counter)]>,
    durations: [(Outcome, Histogram); 7],
    handler: Histogram,
    in_flight: Gauge,
    lost: Counter,
    age: Histogram,
    last_genuine: Gauge,
    last_retry_failures: Counter,
}

impl EndpointMetrics {
    /// Whether there is a recorder.
    pub(crate) fn is_recorded(&self, endpoint: &Endpoint) -> bool {
        self.handles(endpoint).is_some()
    }

    /// A delivery is genuine and fresh.
    pub(crate) fn genuine(&self, delivery: &Delivery) {
        let Some(handles) = self.handles(delivery.of()) else { return };
        if let Some(age) = delivery.age() {
            handles.age.record(age);
        }
        let since = delivery.received_at().duration_since(SystemTime::UNIX_EPOCH);
        handles.last_genuine.set(since.unwrap_or_default());
    }

    /// A delivery has come to its end. The time that it took is asked for if somebody takes it.
    pub(crate) fn reported(
        &self,
        endpoint: &Endpoint,
        report: &Report<'_>,
        elapsed: impl Fn() -> Duration,
    ) {
        let Some(handles) = self.handles(endpoint) else { return };
        if let Some(counter) = handles.counter(report.reason) {
            counter.increment(1);
        }
        let mut durations = handles.durations.iter();
        if let Some((_, duration)) = durations.find(|(outcome, _)| *outcome == report.outcome) {
            duration.record(elapsed());
        }
        if let Some(handler) = report.stages.handler {
            handles.handler.record(handler);
        }
        let is_lost = |delivery: &Delivery| delivery.retries_left().is_some_and(|left| left <= 1);
        if report.is_to_come_again() && report.delivery.is_some_and(is_lost) {
            handles.last_retry_failures.increment(1);
        }
    }

    /// A claim is held. Tells whether it was counted.
    pub(crate) fn claimed(&self, endpoint: &Endpoint) -> bool {
        let Some(handles) = self.handles(endpoint) else { return false };
        handles.in_flight.increment(1);
        true
    }

    /// A claim that was counted is held no more.
    pub(crate) fn settled(&self) {
        if let Some(handles) = self.handles.get() {
            handles.in_flight.decrement(1);
        }
    }

    /// A claim is lost.
    pub(crate) fn lost(&self, endpoint: &Endpoint) {
        if let Some(handles) = self.handles(endpoint) {
            handles.lost.increment(1);
        }
    }

    #[inline]
    fn handles(&self, endpoint: &Endpoint) -> Option<&Handles> {
        match self.handles.get() {
            Some(handles) => Some(handles),
            None => self.found(endpoint),
        }
    }

    #[cold]
    fn found(&self, endpoint: &Endpoint) -> Option<&Handles> {
        with_recorder(|recorder| self.handles.get_or_init(|| Handles::new(endpoint, recorder)))
    }
}

impl Handles {
    fn new(endpoint: &Endpoint, recorder: &dyn Recorder) -> Self {
        describe(recorder);
        let named = Named { endpoint: endpoint.name(), recorder };
        let deliveries = |outcome: Outcome, reason: &str| {
            named.counter(DELIVERIES, &[("outcome", outcome.as_str()), ("reason", reason)])
        };
        let ended = [
            (Outcome::Accepted, Reason::ClaimLost),
            (Outcome::Accepted, Reason::RecordedLate),
            (Outcome::Accepted, Reason::NotRecorded),
            (Outcome::Failed, Reason::HandlerStatus),
            (Outcome::Failed, Reason::HandlerStatusIsFinal),
            (Outcome::Failed, Reason::HandlerPanicked),
            (Outcome::Failed, Reason::HandlerCancelled),
            (Outcome::Failed, Reason::CommitNotChecked),
        ];
        let mut codes = endpoint.provider().spec().handshakes.codes();
        codes.sort_unstable();
        codes.dedup();
        Self {
            accepted: deliveries(Outcome::Accepted, "none"),
            rejected: RejectionKind::ALL
                .iter()
                .map(|kind| deliveries(Outcome::of(*kind), kind.code()))
                .collect(),
            ended: ended.map(|(outcome, reason)| (reason, deliveries(outcome, reason.as_str()))),
            handshakes: codes
                .into_iter()
                .map(|code| (code, deliveries(Outcome::Handshake, code)))
                .collect(),
            durations: Outcome::ALL.map(|outcome| {
                (outcome, named.histogram(DELIVERY_DURATION, &[("outcome", outcome.as_str())]))
            }),
            handler: named.histogram(HANDLER_DURATION, &[]),
            in_flight: named.gauge(CLAIMS_IN_FLIGHT),
            lost: named.counter(CLAIMS_LOST, &[]),
            age: named.histogram(DELIVERY_AGE, &[]),
            last_genuine: named.gauge(LAST_GENUINE),
            last_retry_failures: named.counter(LAST_RETRY_FAILURES, &[]),
        }
    }

    /// The counter of what a delivery came to. Its reason says which outcome it had.
    fn counter(&self, reason: Option<Reason>) -> Option<&Counter> {
        match reason {
            None => Some(&self.accepted),
            Some(Reason::Rejected(kind)) => self.rejected.get(kind as usize),
            Some(Reason::Handshake(code)) => {
                Some(&self.handshakes.iter().find(|(known, _)| *known == code)?.1)
            }
            Some(reason) => Some(&self.ended.iter().find(|(known, _)| *known == reason)?.1),
        }
    }
}

/// Makes handles with the endpoint's name as the first label.
pub(super) struct Named<'a> {
    pub(super) endpoint: &'a str,
    pub(super) recorder: &'a dyn Recorder,
}

impl Named<'_> {
    pub(super) fn counter(&self, name: &'static str, more: &[(&'static str, &str)]) -> Counter {
        self.recorder.register_counter(&self.key(name, more), &METADATA)
    }

    fn gauge(&self, name: &'static str) -> Gauge {
        self.recorder.register_gauge(&self.key(name, &[]), &METADATA)
    }

    fn histogram(&self, name: &'static str, more: &[(&'static str, &str)]) -> Histogram {
        self.recorder.register_histogram(&self.key(name, more), &METADATA)
    }

    fn key(&self, name: &'static str, more: &[(&'static str, &str)]) -> Key {
        let more = more.iter().copied();
        let labels = std::iter::once(("endpoint", self.endpoint)).chain(more);
        let labels = labels.map(|(name, value)| Label::new(name, value.to_owned()));
        Key::from_parts(name, labels.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_in_the_order_of_their_list() {
        for (index, kind) in RejectionKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index);
        }
    }
}
