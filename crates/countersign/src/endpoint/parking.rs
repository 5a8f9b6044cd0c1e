//! When an event is parked.

use std::fmt;
use std::time::Duration;

use crate::error::Human;

const DEFAULT_KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// After how many failed attempts an event is parked, for [`EndpointBuilder::park`]. `Display` says it in words.
///
/// ```
/// use countersign::{Endpoint, Parking, Secret, providers::piora};
/// use std::time::Duration;
///
/// let endpoint = Endpoint::builder("piora", piora::provider())
///     .secret(Secret::new("your_webhook_signing_secret")?)
///     .park(Parking::after(5).no_sooner_than(Duration::from_secs(6 * 60 * 60)))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`EndpointBuilder::park`]: crate::EndpointBuilder::park
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "give it to `EndpointBuilder::park`"]
pub struct Parking {
    failures: u32,
    no_sooner_than: Duration,
    kept_for: Duration,
}

impl Parking {
    /// After this many failed attempts: at least one.
    pub const fn after(failures: u32) -> Self {
        Self { failures, no_sooner_than: Duration::ZERO, kept_for: DEFAULT_KEPT_FOR }
    }

    /// And not before so much time has passed since the first attempt, however many have failed, so that a
    /// short outage of what handlers need parks nothing. The handler then goes on being tried.
    /// An event whose attempts never end, because they end the process, is parked when it comes after
    /// twice that time and the longest wait of the provider's [retries](crate::Retries), if that is known.
    /// Defaults to zero.
    pub const fn no_sooner_than(mut self, time: Duration) -> Self {
        self.no_sooner_than = time;
        self
    }

    /// How long the event is kept: its record for the operator, and that its deliveries are not handled.
    /// Where that is shorter than the endpoint's [`retention`](crate::EndpointBuilder::retention), it is
    /// kept for that long. Defaults to 30 days.
    pub const fn keep_for(mut self, time: Duration) -> Self {
        self.kept_for = time;
        self
    }

    pub(crate) const fn failures(self) -> u32 {
        self.failures
    }

    pub(crate) const fn kept_for(self) -> Duration {
        self.kept_for
    }

    /// Whether an event is parked whose attempt of this number has failed.
    pub(crate) fn is_due(self, number: u32, since_first: Duration) -> bool {
        number >= self.failures && since_first >= self.no_sooner_than
    }

    /// Whether it is parked before it is tried with this number: the attempts before have not ended with
    /// a failure that would have parked it, or it would not have come.
    ///
    /// Not if the last one may simply have failed too soon to be parked. Then this one comes a wait later: the
    /// longest of the schedule, or about as long as all waits before it where waits grow and are not known.
    pub(crate) fn is_overdue(
        self,
        number: u32,
        since_first: Duration,
        longest_wait: Duration,
    ) -> bool {
        let patience = match self.no_sooner_than {
            Duration::ZERO => Duration::ZERO,
            time => time.saturating_mul(2).saturating_add(longest_wait),
        };
        number > self.failures && since_first >= patience
    }
}

impl fmt::Display for Parking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = if self.failures == 1 { "attempt" } else { "attempts" };
        write!(f, "after {} failed {attempts}", self.failures)?;
        if !self.no_sooner_than.is_zero() {
            write!(f, ", no sooner than {}", Human(self.no_sooner_than))?;
        }
        write!(f, ", kept for {}", Human(self.kept_for))
    }
}
