//! What became of a delivery, for metrics and logs.

pub(crate) mod metrics;
mod reason;
mod reporter;
mod stages;
mod words;

use std::time::Duration;

pub use reason::Reason;
pub(crate) use reporter::{Handled, Reporter};
pub(crate) use stages::Laps;
pub use stages::Stages;

use crate::delivery::Delivery;
use crate::rejection::RejectionKind;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A handler answered 2xx: the event is handled. The status decides, and not the body, which is
    /// sent afterwards: a body that then breaks off changes nothing.
    Accepted,
    /// The event had been handled before.
    Duplicate,
    /// Another delivery of the event is being handled.
    InFlight,
    /// Refused before a handler ran.
    Rejected,
    /// A handler ran and did not answer 2xx: the event's next delivery is accepted.
    Failed,
    /// The event is not handled and is not to come again: it is kept for an operator.
    Parked,
    /// A handshake, answered by the middleware.
    Handshake,
}

impl Outcome {
    /// The outcome's name: `accepted`, `duplicate`, `in_flight`, `rejected`, `failed`,
    /// `parked`, `handshake`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::InFlight => "in_flight",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Parked => "parked",
            Self::Handshake => "handshake",
        }
    }

    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Duplicate,
        Self::InFlight,
        Self::Rejected,
        Self::Failed,
        Self::Parked,
        Self::Handshake,
    ];

    /// The outcome of a delivery whose sender is answered this rejection.
    pub(crate) const fn of(kind: RejectionKind) -> Self {
        match kind {
            RejectionKind::Duplicate => Self::Duplicate,
            RejectionKind::InFlight => Self::InFlight,
            RejectionKind::Parked => Self::Parked,
            // A handler has run.
            RejectionKind::NotCommitted | RejectionKind::NotTaken => Self::Failed,
            _ => Self::Rejected,
        }
    }
}

/// The end of one delivery, as an [`Observer`] sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Report<'a> {
    /// What became of it.
    pub outcome: Outcome,
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// The provider's name.
    pub provider: &'a str,
    /// The delivery, if it was proven and fresh. None for a handshake.
    pub delivery: Option<&'a Delivery>,
    /// The HTTP status answered; none if the handler panicked, failed without a status, or was
    /// cancelled.
    pub status: Option<u16>,
    /// Why. None for an event that was handled and recorded as handled before the answer.
    pub reason: Option<Reason>,
    /// The time from the request's head to its answer.
    pub elapsed: Duration,
    /// How long the parts of its way took.
    pub stages: &'a Stages,
}

#[cfg(feature = "metrics")]
impl Report<'_> {
    /// Whether the event of a genuine delivery was not handled, nor is being handled.
    fn is_to_come_again(&self) -> bool {
        self.delivery.is_some() && matches!(self.outcome, Outcome::Failed | Outcome::Rejected)
    }
}

/// Gets one report of every delivery, at its end: for counters, histograms, audit logs.
///
/// It is called before the answer is sent, so it must be quick. A panic in it is caught and ignored.
/// Forged deliveries are reported too. A receiver may have several. Closures are observers:
///
/// ```
/// use countersign::{Endpoint, MemoryStore, Outcome, Receiver, Report, Secret, providers::piora};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// static FAILED: AtomicU64 = AtomicU64::new(0);
/// let endpoint = Endpoint::builder("piora", piora::provider()).secret(Secret::new("s")?).build()?;
/// let receiver = Receiver::builder(endpoint, MemoryStore::new())
///     .observer(|report: &Report<'_>| {
///         if report.outcome == Outcome::Failed {
///             FAILED.fetch_add(1, Ordering::Relaxed);
///         }
///     })
///     .build();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Takes the report.
    fn observe(&self, report: &Report<'_>);
}

impl<F: Fn(&Report<'_>) + Send + Sync + 'static> Observer for F {
    fn observe(&self, report: &Report<'_>) {
        self(report);
    }
}
