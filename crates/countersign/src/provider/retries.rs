//! When a provider tries again.

use std::sync::Arc;
use std::time::Duration;

/// A provider's retry schedule. It bounds windows, retention and leases from the right side, so
/// that the last genuine retry is neither stale nor forgotten nor locked out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    waits: Option<Arc<[Duration]>>,
    /// When the last retry comes, where the waits are not known.
    within: Option<Duration>,
}

impl Retries {
    /// The provider does not say. The default.
    #[must_use]
    pub fn unknown() -> Self {
        Self::default()
    }

    /// The provider sends once and never again.
    #[must_use]
    pub fn never() -> Self {
        Self { waits: Some(Arc::default()), within: None }
    }

    /// The waits before the first retry, between the first and the second, and so on.
    #[must_use]
    pub fn after(waits: impl IntoIterator<Item = Duration>) -> Self {
        Self { waits: Some(waits.into_iter().collect()), within: None }
    }

    /// The provider tries again for this long; when, it does not say.
    #[must_use]
    pub fn within(horizon: Duration) -> Self {
        Self { waits: None, within: Some(horizon) }
    }

    /// The waits, where they are known.
    #[must_use]
    pub fn waits(&self) -> Option<&[Duration]> {
        self.waits.as_deref()
    }

    /// The time from the first delivery to the last retry; none if the schedule is unknown or
    /// has no retry.
    #[must_use]
    pub fn horizon(&self) -> Option<Duration> {
        self.due_times().last().or(self.within).filter(|horizon| !horizon.is_zero())
    }

    /// The wait before the last retry.
    pub(crate) fn last_wait(&self) -> Option<Duration> {
        self.waits()?.last().copied().filter(|wait| !wait.is_zero())
    }

    /// The longest wait, zero where no wait is known.
    pub(crate) fn longest_wait(&self) -> Duration {
        self.waits().unwrap_or_default().iter().max().copied().unwrap_or_default()
    }

    /// How many retries are due later than this long after the event.
    #[must_use]
    pub fn left_after(&self, elapsed: Duration) -> Option<usize> {
        self.waits()?;
        Some(self.due_times().filter(|due| *due > elapsed).count())
    }

    fn due_times(&self) -> impl Iterator<Item = Duration> {
        self.waits().unwrap_or_default().iter().scan(Duration::ZERO, |due, wait| {
            *due = due.saturating_add(*wait);
            Some(*due)
        })
    }
}
