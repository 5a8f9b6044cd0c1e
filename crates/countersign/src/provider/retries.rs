//! When a provider tries again.

use std::sync::Arc;
use std::time::Duration;

/// A provider's retry schedule. It bounds windows, retention and leases from the right side, so
/// that the last genuine retry is neither stale nor forgotten nor locked out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retries(Option<Arc<[Duration]>>);

impl Retries {
    /// The provider does not say. The default.
    #[must_use]
    pub fn unknown() -> Self {
        Self(None)
    }

    /// The provider sends once and never again.
    #[must_use]
    pub fn never() -> Self {
        Self(Some(Arc::default()))
    }

    /// The waits before the first retry, between the first and the second, and so on.
    #[must_use]
    pub fn after(waits: impl IntoIterator<Item = Duration>) -> Self {
        Self(Some(waits.into_iter().collect()))
    }

    /// The waits, where they are known.
    #[must_use]
    pub fn waits(&self) -> Option<&[Duration]> {
        self.0.as_deref()
    }

    /// The time from the first delivery to the last retry; none if the schedule is unknown or
    /// has no retry.
    #[must_use]
    pub fn horizon(&self) -> Option<Duration> {
        self.due_times().last().filter(|horizon| !horizon.is_zero())
    }

    /// The wait before the last retry.
    pub(crate) fn last_wait(&self) -> Option<Duration> {
        self.waits()?.last().copied().filter(|wait| !wait.is_zero())
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
