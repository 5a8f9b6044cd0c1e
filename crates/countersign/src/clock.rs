//! The clock that windows and the in-memory store read; injectable, so that tests need not wait.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Where the time comes from. Defaults to [`SystemClock`]; tests use [`ManualClock`].
pub trait Clock: Send + Sync + 'static {
    /// The time of day, against which a delivery's age is judged.
    fn now(&self) -> SystemTime;

    /// Time since an arbitrary moment that never goes back, whatever is done to the time of day.
    /// Leases and retention in the in-memory store are measured with it.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clocks.
///
/// `wasm32-unknown-unknown` has none, and the standard library panics there: give
/// [`EndpointBuilder::clock`](crate::EndpointBuilder::clock) and
/// [`MemoryStoreBuilder::clock`](crate::MemoryStoreBuilder::clock) one that asks the host.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that stands still until it is moved. Clones share the time.
///
/// ```
/// use countersign::{Clock, ManualClock};
/// use std::time::{Duration, SystemTime};
///
/// let clock = ManualClock::at(SystemTime::UNIX_EPOCH);
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(90));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<(SystemTime, Duration)>>);

impl ManualClock {
    /// A clock that shows this time of day.
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new((now, Duration::ZERO))))
    }

    /// Lets time pass: the time of day and the monotonic time move on together.
    pub fn advance(&self, by: Duration) {
        self.change(|(now, monotonic)| {
            *now = now.checked_add(by).unwrap_or(*now);
            *monotonic = monotonic.saturating_add(by);
        });
    }

    /// Sets the time of day, forward or back, as an operator or NTP would. No time passes.
    pub fn set(&self, to: SystemTime) {
        self.change(|(now, _)| *now = to);
    }

    fn change<T>(&self, change: impl FnOnce(&mut (SystemTime, Duration)) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.change(|(now, _)| *now)
    }

    fn monotonic(&self) -> Duration {
        self.change(|(_, monotonic)| *monotonic)
    }
}

/// Whole milliseconds, for an atomic number.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
