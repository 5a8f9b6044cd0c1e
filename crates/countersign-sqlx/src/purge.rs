//! Dropping what has run out, in the background.

use std::future::Future;
use std::time::Duration;

use countersign::{ErrorChain, StoreError};
use tokio::task::AbortHandle;

/// How many keys one statement of the background task drops at most, so that it holds few locks,
/// and those for a short time.
pub(crate) const BATCH: u32 = 500;

/// A shorter period would keep a processor busy.
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);

/// A background task that drops keys whose lease or retention has run out. It ends when this
/// handle is dropped, when the last clone of its store is, and when the pool is closed.
#[derive(Debug)]
#[must_use = "the task ends when its handle is dropped; `detach` it to let it run"]
pub struct PurgeTask(Option<AbortHandle>);

impl PurgeTask {
    /// Lets the task run until its store is gone or the pool is closed.
    pub fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for PurgeTask {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Starts the task. `batch` drops up to [`BATCH`] keys, or tells that the store is gone by
/// returning nothing.
pub(crate) fn every<F>(
    period: Duration,
    mut batch: impl FnMut() -> Option<F> + Send + 'static,
) -> PurgeTask
where
    F: Future<Output = Result<u64, StoreError>> + Send,
{
    let task = tokio::spawn(async move {
        while let Some(purge) = batch() {
            match purge.await {
                // There may be more.
                Ok(dropped) if dropped >= u64::from(BATCH) => tokio::task::yield_now().await,
                Ok(_) => tokio::time::sleep(period.max(SHORTEST_PERIOD)).await,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain::of(&error), "could not purge, will try again");
                    tokio::time::sleep(period.max(SHORTEST_PERIOD)).await;
                }
            }
        }
    });
    PurgeTask(Some(task.abort_handle()))
}
