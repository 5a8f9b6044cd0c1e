//! What is said through `tracing`; nothing without the feature.
//!
//! One span for every proven delivery, in which its handler runs, and one event for every
//! delivery. What a stranger can cause is logged at `debug` or below. The one exception: deliveries that
//! match no secret cause one warning per minute and endpoint.

#[cfg(feature = "tracing")]
mod sent;

#[cfg(feature = "tracing")]
mod enabled {
    use std::future::Future;
    use std::time::Duration;

    use tracing::field::Empty;
    use tracing::{Instrument as _, Level};

    use super::sent::{Sent, beginning};
    use crate::dedup::StoreError;
    use crate::delivery::Delivery;
    use crate::endpoint::Endpoint;
    use crate::error::ErrorChain;
    use crate::event::EventError;
    use crate::rejection::RejectionKind::{
        self, InTheFuture, NotCommitted, NotTaken, ShuttingDown, Stale,
    };
    use crate::report::metrics::Operation;
    use crate::report::{Outcome, Reason, Report};
    use crate::request_head::RequestHead;

    /// What a head says about itself, if there is a span to show it in. It is kept where the delivery is.
    pub(crate) type Head = Option<Box<Sent>>;

    pub(crate) fn head(head: &(impl RequestHead + ?Sized)) -> Head {
        has_spans().then(|| Box::new(Sent::of(head)))
    }

    pub(crate) const NO_HEAD: Head = None;

    fn has_spans() -> bool {
        tracing::span_enabled!(target: "countersign", Level::ERROR)
    }

    /// How much of an event's id is shown.
    const LONGEST_ID: usize = 256;

    pub(crate) fn span(delivery: &Delivery) -> tracing::Span {
        // The span is at the highest level, so that no filter removes it. The events inside have their
        // facts from it. Names with a dot are those of OpenTelemetry; what has no name there has ours.
        let sent = delivery.head().as_deref();
        tracing::error_span!(
            target: "countersign",
            "webhook",
            endpoint = delivery.endpoint(),
            provider = delivery.provider(),
            event = delivery.event_type(),
            key = %delivery.key(),
            tenant = delivery.tenant(),
            secret = delivery.secret_label(),
            secret_index = delivery.secret_index(),
            messaging.message.id = delivery.id().map(|id| beginning(id, LONGEST_ID)),
            "messaging.operation.type" = "process",
            http.request.method = sent.map(|sent| &*sent.method),
            url.path = sent.map(|sent| &*sent.path),
            countersign.sender.traceparent = sent.and_then(|sent| sent.traceparent.as_deref()),
            otel.kind = "consumer",
            http.response.status_code = Empty,
            "error.type" = Empty,
            otel.status_code = Empty,
        )
    }

    /// Puts the end into the delivery's span.
    #[inline(never)]
    fn end_span(report: &Report<'_>) {
        let span = tracing::Span::current();
        let is_ours =
            |of: &tracing::Metadata<'_>| of.target() == "countersign" && of.name() == "webhook";
        if !span.metadata().is_some_and(is_ours) {
            return;
        }
        if let Some(status) = report.status {
            span.record("http.response.status_code", status);
        }
        // A parked event is not handled either, whatever its provider is answered.
        if let (Outcome::Failed | Outcome::Rejected | Outcome::Parked, Some(reason)) =
            (report.outcome, report.reason)
        {
            span.record("error.type", reason.as_str());
            span.record("otel.status_code", "ERROR");
        }
    }

    pub(crate) fn in_span<F: Future>(
        span: tracing::Span,
        work: F,
    ) -> impl Future<Output = F::Output> {
        work.instrument(span)
    }

    pub(crate) use tracing::Span;

    /// The span to say something in later.
    pub(crate) fn current_span() -> Span {
        Span::current()
    }

    pub(crate) fn in_scope(span: &Span, say: impl FnOnce()) {
        span.in_scope(say);
    }

    /// The report, in which `elapsed` is not set yet: it is asked for if somebody listens.
    pub(crate) fn report(report: &Report<'_>, proven: bool, elapsed: impl Fn() -> Duration) {
        if report.delivery.is_some() && has_spans() {
            end_span(report);
        }
        let status = report.status;
        let reason = report.reason.map(Reason::as_str);
        let outcome = report.outcome.as_str();
        let elapsed = || u64::try_from(elapsed().as_micros()).unwrap_or(u64::MAX);
        // A delivery's facts are on its span, in which this is said.
        macro_rules! say {
            ($level:ident, $message:literal) => {
                match report.delivery {
                    Some(_) => tracing::$level!(
                        target: "countersign", outcome, status, reason, duration_us = elapsed(),
                        $message
                    ),
                    None => tracing::$level!(
                        target: "countersign", endpoint = report.endpoint,
                        provider = report.provider, outcome, status, reason, duration_us = elapsed(), $message
                    ),
                }
            };
        }
        match (report.outcome, report.reason) {
            (Outcome::Accepted, Some(Reason::ClaimLost | Reason::NotRecorded)) => {
                say!(
                    warn,
                    "webhook handled, but not remembered as such: a retry would be handled again"
                );
            }
            (Outcome::Accepted, _) => say!(info, "webhook handled"),
            (Outcome::Duplicate, _) => say!(info, "webhook handled before"),
            (Outcome::Parked, _) => {
                say!(
                    error,
                    "webhook parked: it is not handled, its provider is told to stop, and it is kept \
                     for an operator (`countersign store STORE parked`)"
                );
            }
            (Outcome::InFlight, _) => say!(info, "webhook is being handled"),
            (Outcome::Failed, Some(Reason::Rejected(NotCommitted))) => {
                say!(
                    error,
                    "webhook handler answered 2xx but had not committed the transaction that it \
                     called `complete_in` with: commit it before you answer, and answer with \
                     another status if `complete_in` gives an error"
                );
            }
            (Outcome::Failed, Some(Reason::Rejected(NotTaken))) => {
                say!(
                    error,
                    "webhook answered 2xx, but no handler took the delivery, so the event is not \
                     handled and its next delivery is accepted: take `Webhook` in the handler, also \
                     if it needs nothing of the event, and put the middleware on the event's own \
                     route (axum: `route_layer`, actix-web: `wrap` on the resource), not around \
                     other routes"
                );
            }
            (Outcome::Failed, Some(Reason::HandlerStatusIsFinal)) => {
                say!(error, "webhook not handled, and the provider takes a 4xx as final");
            }
            (Outcome::Failed, _) if report.delivery.is_some_and(Delivery::is_never_retried) => {
                say!(error, "webhook not handled, and its provider does not retry");
            }
            (Outcome::Failed, _) => {
                say!(warn, "webhook not handled, its next delivery is accepted")
            }
            (Outcome::Handshake, _) if proven => say!(info, "webhook handshake answered"),
            // A stranger can cause it.
            (Outcome::Handshake, _) => say!(debug, "webhook handshake answered, unsigned"),
            // Whoever has captured a delivery can send it again for ever.
            (Outcome::Rejected, Some(Reason::Rejected(Stale | InTheFuture))) if proven => {
                say!(info, "webhook proven, but too old or too new");
            }
            (Outcome::Rejected, Some(Reason::Rejected(ShuttingDown))) if proven => {
                say!(info, "webhook refused, because the process is shutting down");
            }
            (Outcome::Rejected, _) if proven => say!(warn, "webhook proven but refused"),
            (Outcome::Rejected, _) => say!(debug, "webhook refused"),
        }
    }

    pub(crate) fn store_failed(endpoint: &Endpoint, operation: Operation, error: &StoreError) {
        let (endpoint, step) = (endpoint.name(), operation.as_str());
        let error = ErrorChain::of(error);
        tracing::error!(target: "countersign", endpoint, step, %error, "webhook store failed");
    }

    /// A header that is missing or not of the provider's form. A stranger can cause it.
    pub(crate) fn header_refused(endpoint: &Endpoint, header: &str, kind: RejectionKind) {
        let (endpoint, reason) = (endpoint.name(), kind.code());
        tracing::debug!(target: "countersign", endpoint, header, reason, "webhook header refused");
    }

    /// What is wrong with a proven body, and at which field; nothing of what it holds.
    pub(crate) fn body_refused(endpoint: &Endpoint, field: Option<&str>, problem: &str) {
        let (endpoint, provider) = (endpoint.name(), endpoint.provider().name());
        tracing::warn!(
            target: "countersign", endpoint, provider, field, problem,
            "webhook body is not what its provider sends"
        );
    }

    pub(crate) fn mismatches(endpoint: &Endpoint, count: u64, likely: &str) {
        let tenant = endpoint.tenant();
        let (endpoint, provider) = (endpoint.name(), endpoint.provider().name());
        tracing::warn!(
            target: "countersign", endpoint, provider, tenant, mismatches = count, likely,
            "webhook deliveries match no secret of this endpoint; this is logged once a minute"
        );
    }

    pub(crate) fn secrets_replaced(endpoint: &Endpoint, secrets: usize) {
        let (endpoint, provider) = (endpoint.name(), endpoint.provider().name());
        tracing::info!(target: "countersign", endpoint, provider, secrets, "webhook secrets are replaced");
    }

    /// `problem` is of the operator's files, and has no secret in it.
    pub(crate) fn secrets_kept(endpoint: &Endpoint, problem: &str) {
        let (endpoint, provider) = (endpoint.name(), endpoint.provider().name());
        tracing::warn!(
            target: "countersign", endpoint, provider, problem,
            "webhook secrets stay as they are, because their files have no good ones"
        );
    }

    /// The resolver's error is the operator's own.
    #[cfg(feature = "resolver")]
    pub(crate) fn secrets_not_resolved(endpoint: &Endpoint, count: u64, error: &str) {
        let (endpoint, provider) = (endpoint.name(), endpoint.provider().name());
        tracing::warn!(
            target: "countersign", endpoint, provider, failures = count, error,
            "webhook secrets cannot be looked up; this is logged once a minute"
        );
    }

    /// `secret` is the label, else the index.
    pub(crate) fn secret_in_use(endpoint: &Endpoint, secret: &str) {
        let (endpoint, provider) = (endpoint.name(), endpoint.provider().name());
        tracing::info!(
            target: "countersign", endpoint, provider, secret,
            "a webhook delivery is signed with this secret, for the first time since the secrets were set"
        );
    }

    pub(crate) fn extractor_failed(error: &EventError, path: &str) {
        // serde quotes what it found: not all of a body belongs into the log.
        let error: String = ErrorChain::of(error).to_string().chars().take(300).collect();
        tracing::error!(target: "countersign", path, %error, "webhook extractor failed");
    }

    pub(crate) fn applied_twice(endpoint: &Endpoint, first: &Delivery, path: &str, remove: &str) {
        let (endpoint, first) = (endpoint.name(), first.endpoint());
        tracing::error!(
            target: "countersign", endpoint, first, path,
            "webhook middleware is applied twice, so no delivery reaches its handler: the request \
             has passed the middleware of endpoint `{first}` already, and has come to that of \
             `{endpoint}`: {remove}"
        );
    }
}

#[cfg(feature = "tracing")]
pub(crate) use enabled::*;

#[cfg(not(feature = "tracing"))]
mod disabled {
    use std::future::Future;
    use std::time::Duration;

    use crate::dedup::StoreError;
    use crate::delivery::Delivery;
    use crate::endpoint::Endpoint;
    use crate::event::EventError;
    use crate::rejection::RejectionKind;
    use crate::report::Report;
    use crate::report::metrics::Operation;
    use crate::request_head::RequestHead;

    pub(crate) struct Span;

    /// Nothing of it is kept.
    #[derive(Clone, Copy)]
    pub(crate) struct Head;

    pub(crate) const NO_HEAD: Head = Head;

    pub(crate) fn head(_: &(impl RequestHead + ?Sized)) -> Head {
        Head
    }

    pub(crate) fn span(_: &Delivery) -> Span {
        Span
    }

    pub(crate) fn in_span<F: Future>(_: Span, work: F) -> F {
        work
    }

    pub(crate) fn current_span() -> Span {
        Span
    }

    pub(crate) fn in_scope(_: &Span, say: impl FnOnce()) {
        say();
    }

    pub(crate) fn report(_: &Report<'_>, _: bool, _: impl Fn() -> Duration) {}

    pub(crate) fn store_failed(_: &Endpoint, _: Operation, _: &StoreError) {}

    pub(crate) fn header_refused(_: &Endpoint, _: &str, _: RejectionKind) {}

    pub(crate) fn body_refused(_: &Endpoint, _: Option<&str>, _: &str) {}

    pub(crate) fn mismatches(_: &Endpoint, _: u64, _: &str) {}

    pub(crate) fn secrets_replaced(_: &Endpoint, _: usize) {}

    pub(crate) fn secrets_kept(_: &Endpoint, _: &str) {}

    #[cfg(feature = "resolver")]
    pub(crate) fn secrets_not_resolved(_: &Endpoint, _: u64, _: &str) {}

    pub(crate) fn secret_in_use(_: &Endpoint, _: &str) {}

    pub(crate) fn extractor_failed(_: &EventError, _: &str) {}

    pub(crate) fn applied_twice(_: &Endpoint, _: &Delivery, _: &str, _: &str) {}
}

#[cfg(not(feature = "tracing"))]
pub(crate) use disabled::*;
