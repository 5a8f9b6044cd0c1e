//! tokio, as the core uses it.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::{BoxFuture, Runtime};

impl Runtime {
    /// tokio (feature `tokio`).
    ///
    /// Background work, such as the renewal of leases, runs on a thread of its own, named
    /// `countersign`, which all receivers of the process share and which lives as long as the process.
    /// So a handler that blocks all threads of its runtime keeps its lease, and the end of a runtime,
    /// or of a worker of actix-web, leaves nothing undone. A store whose connections belong to a
    /// runtime that is blocked or gone cannot answer meanwhile, wherever it is called from.
    #[must_use]
    pub const fn tokio() -> Self {
        Self { spawn, sleep, spawn_here }
    }
}

fn spawn(task: BoxFuture) {
    // Where no thread can be made there may be a runtime; without both, a claim ends with its lease.
    if let Some(runtime) = background().or_else(|| Handle::try_current().ok()) {
        drop(runtime.spawn(task));
    }
}

fn spawn_here(task: BoxFuture) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(task)),
        Err(_) => spawn(task),
    }
}

fn sleep(time: Duration) -> BoxFuture {
    Box::pin(async move { tokio::time::sleep(time).await })
}

/// The thread's runtime. It lives as long as the process.
fn background() -> Option<Handle> {
    static BACKGROUND: OnceLock<Option<Handle>> = OnceLock::new();
    BACKGROUND
        .get_or_init(|| {
            let runtime = Builder::new_current_thread().enable_all().build().ok()?;
            let handle = runtime.handle().clone();
            let (forever, never) = oneshot::channel::<()>();
            let run = move || drop(runtime.block_on(never));
            thread::Builder::new().name("countersign".to_owned()).spawn(run).ok()?;
            std::mem::forget(forever);
            Some(handle)
        })
        .clone()
}
