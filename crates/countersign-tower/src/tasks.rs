//! The handlers that run, so that a shutdown can wait for them.

use std::sync::Arc;

use tokio::sync::watch;

/// The handlers that are running. Clones are the same set.
///
/// A server's graceful shutdown waits for its connections. A handler whose sender hung up has no
/// connection any more, so wait for it here:
///
/// ```no_run
/// # async fn run(layer: countersign_tower::WebhookLayer<countersign::MemoryStore>) -> std::io::Result<()> {
/// use countersign_tower::HandlerTasks;
///
/// let tasks = HandlerTasks::new();
/// let app: axum::Router = axum::Router::new().layer(layer.tasks(&tasks));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let stop = async { drop(tokio::signal::ctrl_c().await) };
///
/// axum::serve(listener, app).with_graceful_shutdown(stop).await?;
/// tasks.finished().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HandlerTasks(Arc<watch::Sender<()>>);

impl HandlerTasks {
    /// A set with no handlers in it.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }

    /// How many handlers are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.receiver_count()
    }

    /// Waits until no handler runs. Cancel safe.
    pub async fn finished(&self) {
        self.0.closed().await;
    }

    /// Counts a handler as running until the guard is dropped.
    pub(crate) fn enter(&self) -> RunningHandler {
        RunningHandler(self.0.subscribe())
    }
}

impl Default for HandlerTasks {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
pub(crate) struct RunningHandler(
    #[expect(dead_code, reason = "held to be counted")] watch::Receiver<()>,
);
