//! The handlers that run, so that a shutdown can wait for them.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The handlers that are running, and the settling of their claims. Clones are the same set.
///
/// A server's graceful shutdown waits for its connections. A handler whose sender hung up has no
/// connection any more, so wait for it here. Before that, [`drain`](Self::drain): a connection that
/// is kept alive may go on delivering, and then there may never be a moment without a handler.
///
/// ```
/// use countersign::HandlerTasks;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # use std::time::Duration;
/// let tasks = HandlerTasks::new(); // give it to the middleware as well
///
/// // … the server runs, and gets a signal to stop …
/// tasks.drain();
/// // A handler that hangs must not hold up the shutdown for ever. Its claim ends with its lease.
/// let finished = tokio::time::timeout(Duration::from_secs(60), tasks.finished()).await;
/// assert!(finished.is_ok());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct HandlerTasks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Changed under the lock, so that no handler starts after it is set. Read without it to refuse
    /// a delivery early.
    draining: AtomicBool,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    handlers: usize,
    waiting: Vec<Waker>,
}

impl HandlerTasks {
    /// A set with no handlers in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many handlers are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.lock().handlers
    }

    /// Accepts no delivery any more: every receiver whose handlers count among these answers 503
    /// [`shutting_down`](crate::RejectionKind::ShuttingDown) with `Retry-After`, so that the sender
    /// comes again later, or another process takes the delivery. Handlers that run go on to their
    /// end, and once [`finished`](Self::finished) has ended after this, none starts.
    ///
    /// It cannot be undone. To call it again changes nothing.
    pub fn drain(&self) {
        let _running = self.lock();
        self.0.draining.store(true, Ordering::Release);
    }

    /// Whether [`drain`](Self::drain) was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Waits until no handler runs and none has a claim left to settle. Cancel safe. There may be
    /// a next handler afterwards, unless the set [drains](Self::drain).
    pub async fn finished(&self) {
        poll_fn(|cx| self.poll_finished(cx)).await;
    }

    fn poll_finished(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut running = self.lock();
        if running.handlers == 0 {
            return Poll::Ready(());
        }
        if !running.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            running.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Counts a handler as running until the guard and its clones are dropped; none starts while the
    /// set drains.
    pub(crate) fn enter(&self) -> Option<RunningHandler> {
        let mut running = self.lock();
        if self.is_draining() {
            return None;
        }
        running.handlers += 1;
        Some(RunningHandler(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for HandlerTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerTasks")
            .field("running", &self.running())
            .field("is_draining", &self.is_draining())
            .finish()
    }
}

/// One handler, counted.
pub(crate) struct RunningHandler(HandlerTasks);

/// What a handler leaves to be done counts as well, also while the set drains.
impl Clone for RunningHandler {
    fn clone(&self) -> Self {
        self.0.lock().handlers += 1;
        Self(self.0.clone())
    }
}

impl Drop for RunningHandler {
    fn drop(&mut self) {
        let mut running = self.0.lock();
        running.handlers -= 1;
        if running.handlers == 0 {
            let waiting = std::mem::take(&mut running.waiting);
            drop(running);
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}
