//! The handlers that run, so that a shutdown can wait for them.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The handlers that are running, and the settling of their claims. Clones are the same set.
///
/// A server's graceful shutdown waits for its connections. A handler whose sender hung up has no
/// connection any more, so wait for it here, once the server is done:
///
/// ```
/// use countersign::HandlerTasks;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let tasks = HandlerTasks::new(); // give it to the middleware as well
///
/// // … the server runs, is told to stop, and has stopped …
/// tasks.finished().await;
/// assert_eq!(tasks.running(), 0);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct HandlerTasks(Arc<Mutex<Running>>);

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

    /// Waits until no handler runs and none has a claim left to settle. Cancel safe.
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

    /// Counts a handler as running until the guard and its clones are dropped.
    pub(crate) fn enter(&self) -> RunningHandler {
        self.lock().handlers += 1;
        RunningHandler(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for HandlerTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerTasks").field("running", &self.running()).finish()
    }
}

/// One handler, counted.
pub(crate) struct RunningHandler(HandlerTasks);

impl Clone for RunningHandler {
    fn clone(&self) -> Self {
        self.0.enter()
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
