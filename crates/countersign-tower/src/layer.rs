//! The layer: what a user configures.

use std::fmt;

use countersign::{Endpoint, Receiver, Store};
use tower_layer::Layer;

use crate::service::WebhookService;
use crate::tasks::HandlerTasks;

/// Lets only deliveries through that are genuine, fresh and not handled before.
///
/// ```
/// use axum::{Router, http::StatusCode, routing::post};
/// use countersign::{Endpoint, MemoryStore, Secret, providers::piora};
/// use countersign_tower::{Webhook, WebhookLayer};
///
/// async fn on_event(webhook: Webhook<piora::Event>) -> StatusCode {
///     println!("{}", webhook.event.event_type);
///     StatusCode::NO_CONTENT
/// }
///
/// let endpoint = Endpoint::builder("piora", piora::provider())
///     .secret(Secret::new("kept in a vault")?)
///     .build()?;
/// let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
/// let app: Router =
///     Router::new().route("/webhooks/piora", post(on_event).route_layer(webhooks));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct WebhookLayer<S> {
    receiver: Receiver<S>,
    tasks: HandlerTasks,
    cancel_on_disconnect: bool,
}

impl<S: Store> WebhookLayer<S> {
    /// A layer for one endpoint. Share a store between endpoints by cloning it.
    pub fn new(endpoint: Endpoint, store: S) -> Self {
        Self::from_receiver(Receiver::new(endpoint, store))
    }

    /// A layer for a receiver of your own making, such as one with an observer.
    pub fn from_receiver(receiver: Receiver<S>) -> Self {
        Self {
            receiver: receiver.spawner_or(spawn),
            tasks: HandlerTasks::new(),
            cancel_on_disconnect: false,
        }
    }

    /// Ties a handler's life to its request: if the sender hangs up, or an outer layer gives up,
    /// the handler is cancelled where it awaits and the claim is released. Without this, a
    /// handler that nobody waits for goes on in a task of its own, and its answer settles its claim
    /// though nobody hears it.
    pub fn cancel_on_disconnect(mut self) -> Self {
        self.cancel_on_disconnect = true;
        self
    }

    /// Counts this layer's running handlers among `tasks`, so that a shutdown can wait for them.
    pub fn tasks(mut self, tasks: &HandlerTasks) -> Self {
        self.tasks = tasks.clone();
        self
    }
}

/// Starts a task that settles a claim. Without a runtime the process is ending, and the claim
/// goes when its lease does.
fn spawn(task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        drop(runtime.spawn(task));
    }
}

impl<S: Store, I> Layer<I> for WebhookLayer<S> {
    type Service = WebhookService<I, S>;

    fn layer(&self, inner: I) -> Self::Service {
        WebhookService::new(
            inner,
            self.receiver.clone(),
            self.tasks.clone(),
            self.cancel_on_disconnect,
        )
    }
}

impl<S> Clone for WebhookLayer<S> {
    fn clone(&self) -> Self {
        Self {
            receiver: self.receiver.clone(),
            tasks: self.tasks.clone(),
            cancel_on_disconnect: self.cancel_on_disconnect,
        }
    }
}

impl<S> fmt::Debug for WebhookLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookLayer")
            .field("receiver", &self.receiver)
            .field("cancel_on_disconnect", &self.cancel_on_disconnect)
            .finish_non_exhaustive()
    }
}
