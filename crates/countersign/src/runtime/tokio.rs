//! tokio, as the core uses it.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::oneshot;

use super::{BoxFuture, Runtime};

impl Runtime {
    /// tokio (feature `tokio`).
    ///
    /// Background work runs on the runtime that it is started in, if that has several threads. In a
    /// runtime of one thread, such as each worker of actix-web has, a handler that blocks would stop
    /// it, and the end of the worker would end it: there, and outside of any runtime, it runs on a
    /// thread of its own, named `countersign`, which all receivers of the process share. A store whose
    /// connections belong to the blocked thread's runtime is still stopped by it.
    #[must_use]
    pub const fn tokio() -> Self {
        Self::new(spawn, sleep)
    }
}

fn spawn(task: BoxFuture) {
    let here = Handle::try_current().ok();
    let several = |handle: &Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    // Without any runtime the process has no threads to spare, and a claim ends with its lease.
    if let Some(runtime) = here.clone().filter(several).or_else(background).or(here) {
        drop(runtime.spawn(task));
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
