//! The layer: what a user configures.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use countersign::{Endpoint, HandlerTasks, Receiver, Rejection, Runtime, Store};
use http::Response;
use tower_layer::Layer;

use crate::response::ErrorHandler;
use crate::service::WebhookService;

/// Passes on only deliveries that are genuine, fresh and not handled before.
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
///
/// An event is handled when the inner service answered 2xx **and** the delivery was taken: by the
/// [`Webhook`](crate::Webhook) extractor, or by a read of the request's body. A 2xx of anything else
/// is answered 500 [`not_taken`](countersign::RejectionKind::NotTaken) instead, with a line in the log,
/// and the event's next delivery is accepted. So a handler that needs nothing of the event takes
/// `Webhook` and ignores it.
///
/// # Handshakes
///
/// A provider that asks whether an endpoint is the right one is answered by the layer itself, as the
/// provider's [`Handshake`](countersign::Handshake)s say. No handler runs, the store is not asked, and
/// [`error_handler`](Self::error_handler) is not called.
///
/// Some of these requests are a `GET` or an `OPTIONS` (Meta, Dropbox, CloudEvents). With
/// `post(on_event).route_layer(webhooks)` axum answers them with 405 before the layer sees them. So add
/// the layer with `layer`, which is around all methods of the path:
///
/// ```
/// use axum::{Router, http::StatusCode, routing::post};
/// use countersign::{Endpoint, MemoryStore, Secret, catalogue};
/// use countersign_tower::{Webhook, WebhookLayer};
///
/// async fn on_event(webhook: Webhook) -> StatusCode {
///     println!("{}", webhook.event.key());
///     StatusCode::OK
/// }
///
/// let endpoint = Endpoint::builder("meta", catalogue::provider("meta")?)
///     .secret(Secret::new("the app secret")?)
///     .verify_token(Secret::new("what you typed into Meta's console")?)
///     .build()?;
/// let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
/// let app: Router = Router::new().route("/webhooks/meta", post(on_event).layer(webhooks));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// By those methods only the handshake is answered; all else stays 405 with `Allow`.
/// `any(handler).layer(webhooks)` is safe for the same reason. (With `post`, axum adds `Allow: POST` to
/// the answer of a handshake too. Providers do not mind.)
///
/// # What acknowledges an event
///
/// The status alone acknowledges an event. If the body of a 2xx breaks off while it is sent, the
/// event still counts as handled: its handler has done its work.
#[must_use]
pub struct WebhookLayer<S>(Arc<Settings<S>>);

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
        Self(Arc::new(Settings {
            receiver: receiver.runtime_or(Runtime::tokio()),
            cancel_on_disconnect: false,
            error_handler: None,
        }))
    }

    /// Ties a handler's life to its request: if the sender hangs up, or an outer layer gives up,
    /// the handler is cancelled where it awaits and the claim is released. Without this, the
    /// handler goes on in a task of its own, and its answer settles its claim although it cannot be sent.
    pub fn cancel_on_disconnect(mut self) -> Self {
        self.settings().cancel_on_disconnect = true;
        self
    }

    /// Counts this layer's running handlers among `tasks`, so that a shutdown can
    /// [refuse](HandlerTasks::drain) new deliveries and wait for the handlers that run:
    ///
    /// ```no_run
    /// # async fn run(layer: countersign_tower::WebhookLayer<countersign::MemoryStore>) -> std::io::Result<()> {
    /// # use axum::{Router, routing::post};
    /// # use std::time::Duration;
    /// # async fn on_event(_: countersign_tower::Webhook) {}
    /// use countersign_tower::HandlerTasks;
    ///
    /// let tasks = HandlerTasks::new();
    /// let layer = layer.tasks(&tasks);
    /// let app: Router = Router::new().route("/webhooks", post(on_event).route_layer(layer));
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// let draining = tasks.clone();
    /// let stop = async move {
    ///     drop(tokio::signal::ctrl_c().await);
    ///     draining.drain(); // connections that are kept alive deliver nothing more
    /// };
    ///
    /// axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    /// // Handlers whose sender hung up. One that hangs must not hold up the shutdown.
    /// drop(tokio::time::timeout(Duration::from_secs(60), tasks.finished()).await);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tasks(mut self, tasks: &HandlerTasks) -> Self {
        let settings = self.settings();
        settings.receiver = settings.receiver.clone().tasks(tasks);
        self
    }

    /// Makes the answer to a rejected delivery, headers and body; its status, `Retry-After` and
    /// `Allow` are the [`Rejection`]'s whatever is made here, because senders act on them (change a status
    /// with [`EndpointBuilder::answer`](countersign::EndpointBuilder::answer)). The answer to a
    /// duplicate, a 200, is made here too; a status that has no body, 204 or 205, is sent without
    /// one. It is called on the request's way, so it must be quick. If it panics, the sender gets the
    /// default answer.
    ///
    /// ```
    /// # fn f(layer: countersign_tower::WebhookLayer<countersign::MemoryStore>) {
    /// let layer = layer.error_handler(|rejection| {
    ///     http::Response::new(format!("rejected: {}", rejection.code()))
    /// });
    /// # }
    /// ```
    pub fn error_handler<F, B>(mut self, make: F) -> Self
    where
        F: Fn(&Rejection) -> Response<B> + Send + Sync + 'static,
        B: Into<Bytes>,
    {
        self.settings().error_handler =
            Some(Arc::new(move |rejection| make(rejection).map(B::into)));
        self
    }
}

impl<S> WebhookLayer<S> {
    fn settings(&mut self) -> &mut Settings<S> {
        Arc::make_mut(&mut self.0)
    }
}

impl<S: Store, I> Layer<I> for WebhookLayer<S> {
    type Service = WebhookService<I, S>;

    fn layer(&self, inner: I) -> Self::Service {
        WebhookService::new(inner, Arc::clone(&self.0))
    }
}

impl<S> Clone for WebhookLayer<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
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
