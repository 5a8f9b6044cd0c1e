//! The layer: what a user configures.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use countersign::{Endpoint, HandlerTasks, Receiver, Rejection, Store};
use http::Response;
use tower_layer::Layer;

use crate::response::ErrorHandler;
use crate::runtime::TOKIO;
use crate::service::WebhookService;

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
pub struct WebhookLayer<S>(Settings<S>);

/// What a layer and its services share.
pub(crate) struct Settings<S> {
    pub(crate) receiver: Receiver<S>,
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) error_handler: Option<ErrorHandler>,
}

impl<S: Store> WebhookLayer<S> {
    /// A layer for one endpoint. Share a store between endpoints by cloning it.
    pub fn new(endpoint: Endpoint, store: S) -> Self {
        Self::from_receiver(Receiver::new(endpoint, store))
    }

    /// A layer for a receiver of your own making, such as one with an observer.
    pub fn from_receiver(receiver: Receiver<S>) -> Self {
        Self(Settings {
            receiver: receiver.runtime_or(TOKIO),
            cancel_on_disconnect: false,
            error_handler: None,
        })
    }

    /// Ties a handler's life to its request: if the sender hangs up, or an outer layer gives up,
    /// the handler is cancelled where it awaits and the claim is released. Without this, a
    /// handler that nobody waits for goes on in a task of its own, and its answer settles its claim
    /// though nobody hears it.
    pub fn cancel_on_disconnect(mut self) -> Self {
        self.0.cancel_on_disconnect = true;
        self
    }

    /// Counts this layer's running handlers among `tasks`, so that a shutdown can wait for them:
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
    pub fn tasks(mut self, tasks: &HandlerTasks) -> Self {
        self.0.receiver = self.0.receiver.tasks(tasks);
        self
    }

    /// Makes the answer to what is not handed over, headers and body; its status and `Retry-After`
    /// are the [`Rejection`]'s whatever is made here, because senders act on them (change a status
    /// with [`EndpointBuilder::answer`](countersign::EndpointBuilder::answer)). The answer to a
    /// duplicate, a 200, is made here too; a status that has no body, 204 or 205, is sent without
    /// one. It is called on the request's way, so it must be quick. If it panics, the sender gets the
    /// default answer.
    ///
    /// ```
    /// # fn f(layer: countersign_tower::WebhookLayer<countersign::MemoryStore>) {
    /// let layer = layer.error_handler(|rejection| {
    ///     http::Response::new(format!("not handed over: {}", rejection.code()))
    /// });
    /// # }
    /// ```
    pub fn error_handler<F, B>(mut self, make: F) -> Self
    where
        F: Fn(&Rejection) -> Response<B> + Send + Sync + 'static,
        B: Into<Bytes>,
    {
        self.0.error_handler = Some(Arc::new(move |rejection| make(rejection).map(B::into)));
        self
    }
}

impl<S: Store, I> Layer<I> for WebhookLayer<S> {
    type Service = WebhookService<I, S>;

    fn layer(&self, inner: I) -> Self::Service {
        WebhookService::new(inner, self.0.clone())
    }
}

impl<S> Clone for WebhookLayer<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Clone for Settings<S> {
    fn clone(&self) -> Self {
        Self {
            receiver: self.receiver.clone(),
            cancel_on_disconnect: self.cancel_on_disconnect,
            error_handler: self.error_handler.clone(),
        }
    }
}

impl<S> fmt::Debug for WebhookLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookLayer")
            .field("receiver", &self.0.receiver)
            .field("cancel_on_disconnect", &self.0.cancel_on_disconnect)
            .finish_non_exhaustive()
    }
}
