//! tokio, as the core uses it.

use countersign::Runtime;

pub(crate) const TOKIO: Runtime = Runtime::new(
    // Without a runtime the process is ending, and a claim goes when its lease does.
    |task| {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(task));
        }
    },
    |time| Box::pin(tokio::time::sleep(time)),
);
