//! What the core needs of an async runtime, which only an adapter knows.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A boxed future that ends without a value.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How to start a task and how to wait, as two functions (or closures that capture nothing). The
/// adapters bring their own; on another server it is one line:
///
/// ```
/// use countersign::Runtime;
///
/// let tokio = Runtime::new(
///     |task| drop(tokio::spawn(task)),
///     |time| Box::pin(tokio::time::sleep(time)),
/// );
/// ```
#[derive(Clone, Copy)]
pub struct Runtime {
    spawn: fn(BoxFuture),
    sleep: fn(Duration) -> BoxFuture,
}

impl Runtime {
    /// A runtime that starts background tasks with `spawn` and waits with `sleep`.
    #[must_use]
    pub const fn new(spawn: fn(BoxFuture), sleep: fn(Duration) -> BoxFuture) -> Self {
        Self { spawn, sleep }
    }

    /// Starts a task. It is called where a future is polled or dropped.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        (self.spawn)(Box::pin(task));
    }

    /// A future that ends after this time.
    #[must_use]
    pub fn sleep(&self, time: Duration) -> BoxFuture {
        (self.sleep)(time)
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}
