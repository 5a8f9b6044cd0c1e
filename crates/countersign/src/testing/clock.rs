//! A clock that ages everything.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::time::{Instant, pause, resume, sleep};

use crate::clock::Clock;
use crate::runtime::{BoxFuture, Runtime};

/// The time of a test on tokio, and of everything in it: of windows, leases and retention, of renewals and
/// of what is settled in the background, and of your own `tokio::time`.
///
/// It runs like any clock, and [`advance`](Self::advance) skips time. What is due meanwhile happens, in its
/// order and at its moment, so a test of 14 hours takes a millisecond.
///
/// ```
/// use countersign::Clock as _;
/// use countersign::testing::TestClock;
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let clock = TestClock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(14 * 3600)).await;
/// assert!(clock.now().duration_since(start)? >= Duration::from_secs(14 * 3600));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Give it to the endpoint, to the [`MemoryStore`](crate::MemoryStore) and, as
/// [`runtime`](Self::runtime), to the receiver; a [`TestKit`](super::TestKit) has done so. Redis and
/// Postgres have clocks of their own, which nothing here moves.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    day: SystemTime,
    start: Instant,
    /// The latest time that was read. Outside of the test's runtime nobody knows of time that was skipped.
    latest: Mutex<Duration>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TestClock {
    /// A clock that shows the time of day.
    #[must_use]
    pub fn new() -> Self {
        Self::at(SystemTime::now())
    }

    /// A clock that shows this time, and runs from there.
    #[must_use]
    pub fn at(day: SystemTime) -> Self {
        let latest = Mutex::new(Duration::ZERO);
        Self(Arc::new(Shared { day, start: Instant::now(), latest }))
    }

    /// The runtime for the receiver: tasks are the test's own, and wait by this clock.
    #[must_use]
    pub const fn runtime() -> Runtime {
        Runtime::new(spawn, |time| Box::pin(sleep(time)))
    }

    /// Skips this much time.
    ///
    /// # Panics
    ///
    /// On a runtime with several threads: tokio can skip time only on a runtime of one, such as that of
    /// `#[tokio::test]` and `#[actix_web::test]`.
    pub async fn advance(&self, by: Duration) {
        // On a runtime that was started with paused time it stays paused.
        let paused = is_paused();
        if !paused {
            pause();
        }
        // When all tasks wait, paused time goes to the next moment at which something is due.
        sleep(by).await;
        if !paused {
            resume();
        }
    }

    fn elapsed(&self) -> Duration {
        let mut latest = self.0.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = self.0.start.elapsed().max(*latest);
        *latest
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        self.0.day.checked_add(self.elapsed()).unwrap_or(self.0.day)
    }

    fn monotonic(&self) -> Duration {
        self.elapsed()
    }
}

/// Whether tokio's time stands still.
fn is_paused() -> bool {
    let start = Instant::now();
    std::thread::sleep(Duration::from_micros(50));
    start.elapsed().is_zero()
}

/// After the end of the test's runtime there is nothing to work for.
fn spawn(task: BoxFuture) {
    if let Ok(runtime) = Handle::try_current() {
        drop(runtime.spawn(task));
    }
}
