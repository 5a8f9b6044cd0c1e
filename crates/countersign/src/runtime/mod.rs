//! What the core needs of an async runtime, which only an adapter knows.

#[cfg(feature = "tokio")]
mod tokio;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A boxed future that ends without a value.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How to start a task and how to wait, as two functions (or closures that capture nothing). On tokio
/// it is [`Runtime::tokio`] (feature `tokio`), which the adapters bring; elsewhere it is one line:
///
/// ```
/// use countersign::Runtime;
/// # mod other {
/// #     pub fn spawn(_: countersign::BoxFuture) {}
/// #     pub async fn sleep(_: std::time::Duration) {}
/// # }
///
/// let runtime = Runtime::new(other::spawn, |time| Box::pin(other::sleep(time)));
/// ```
///
/// The tasks renew the leases of running handlers, among other things. A runtime that runs them on
/// the thread of a handler that blocks cannot renew its lease.
#[derive(Clone, Copy)]
pub struct Runtime {
    spawn: fn(BoxFuture),
    sleep: fn(Duration) -> BoxFuture,
    #[cfg_attr(not(feature = "resolver"), expect(dead_code, reason = "only look-ups use it"))]
    spawn_here: fn(BoxFuture),
}

impl Runtime {
    /// A runtime that starts background tasks with `spawn` and waits with `sleep`.
    #[must_use]
    pub const fn new(spawn: fn(BoxFuture), sleep: fn(Duration) -> BoxFuture) -> Self {
        Self { spawn, sleep, spawn_here: spawn }
    }

    /// Starts a task. It is called where a future is polled or dropped.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        (self.spawn)(Box::pin(task));
    }

    /// Starts a task among those of the caller: for code of the user, which could block, and whose connections
    /// belong to the caller's runtime. It ends with that runtime.
    #[cfg(feature = "resolver")]
    pub(crate) fn spawn_here(&self, task: impl Future<Output = ()> + Send + 'static) {
        (self.spawn_here)(Box::pin(task));
    }

    /// A future that ends after this time.
    #[must_use]
    pub fn sleep(&self, time: Duration) -> BoxFuture {
        (self.sleep)(time)
    }
}

/// Whether this time has passed since the first call. The timer is made then, so there is none for what ends at
/// once. Without a runtime the time never ends.
pub(crate) fn poll_limit(
    timer: &mut Option<BoxFuture>,
    runtime: Option<Runtime>,
    time: Duration,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let Some(runtime) = runtime else { return Poll::Pending };
    timer.get_or_insert_with(|| runtime.sleep(time)).as_mut().poll(cx)
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}
