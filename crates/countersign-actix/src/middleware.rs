//! The middleware: what a user configures.

use std::fmt;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpResponse};
use countersign::{Endpoint, HandlerTasks, Receiver, Rejection, Runtime, Store};

use crate::response::ErrorHandler;
use crate::service::WebhookService;

/// Passes on only deliveries that are genuine, fresh and not handled before.
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use countersign::{Endpoint, MemoryStore, Secret, providers::piora};
/// use countersign_actix::{Webhook, WebhookMiddleware};
///
/// async fn on_event(webhook: Webhook<piora::Event>) -> HttpResponse {
///     println!("{}", webhook.event.event_type);
///     HttpResponse::NoContent().finish()
/// }
///
/// let endpoint = Endpoint::builder("piora", piora::provider())
///     .secret(Secret::new("kept in a vault")?)
///     .build()?;
/// let webhooks = WebhookMiddleware::new(endpoint, MemoryStore::new());
/// let app = move || {
///     let on_piora = web::resource("/webhooks/piora").wrap(webhooks.clone());
///     App::new().service(on_piora.route(web::post().to(on_event)))
/// };
/// # let _ = app();
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
/// A provider that asks whether an endpoint is the right one is answered by the middleware itself, as
/// the provider's [`Handshake`](countersign::Handshake)s say. No handler runs, the store is not asked,
/// and [`error_handler`](Self::error_handler) is not called.
///
/// Some of these requests are a `GET` or an `OPTIONS` (Meta, Dropbox, CloudEvents). A middleware around
/// the resource, as above, sees every method of it, so there is nothing to add. It answers only the
/// handshake through by those methods; all else stays 405 with `Allow`.
///
/// # What acknowledges an event
///
/// The status alone acknowledges an event. If the body of a 2xx breaks off while it is sent, the
/// event still counts as handled: its handler has done its work.
///
/// Make it once, outside of the closure that makes each worker's application: its clones share
/// one receiver and one store.
#[must_use]
pub struct WebhookMiddleware<S>(Settings<S>);

/// What a middleware and its services share.
pub(crate) struct Settings<S> {
    pub(crate) receiver: Receiver<S>,
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) error_handler: Option<Arc<ErrorHandler>>,
    /// Whether an outer middleware was seen to hold requests that come here.
    pub(crate) shared: Arc<AtomicBool>,
}

impl<S: Store> WebhookMiddleware<S> {
    /// A middleware for one endpoint. Share a store between endpoints by cloning it.
    pub fn new(endpoint: Endpoint, store: S) -> Self {
        Self::from_receiver(Receiver::new(endpoint, store))
    }

    /// A middleware for a receiver of your own making, such as one with an observer.
    pub fn from_receiver(receiver: Receiver<S>) -> Self {
        Self(Settings {
            receiver: receiver.runtime_or(Runtime::tokio()),
            cancel_on_disconnect: false,
            error_handler: None,
            shared: Arc::default(),
        })
    }

    /// Ties a handler's life to its request: if the connection breaks, or an outer middleware gives
    /// up, the handler is cancelled where it awaits and the claim is released. Without this, the
    /// handler goes on in a task of its own, on its worker's thread, and its answer settles its claim
    /// although it cannot be sent.
    ///
    /// Over HTTP/2 this does nothing when a sender hangs up: actix-web runs each handler in a task of
    /// its own there, and does not cancel it.
    pub fn cancel_on_disconnect(mut self) -> Self {
        self.0.cancel_on_disconnect = true;
        self
    }

    /// Counts this middleware's running handlers among `tasks`, so that a shutdown can
    /// [refuse](HandlerTasks::drain) new deliveries and wait for the handlers that run:
    ///
    /// ```no_run
    /// # async fn run(webhooks: countersign_actix::WebhookMiddleware<countersign::MemoryStore>) -> std::io::Result<()> {
    /// # use actix_web::HttpResponse;
    /// # use std::time::Duration;
    /// # async fn on_event(_: countersign_actix::Webhook) -> HttpResponse { HttpResponse::Ok().finish() }
    /// use actix_web::rt::time::timeout;
    /// use actix_web::{App, HttpServer, web};
    /// use countersign_actix::HandlerTasks;
    ///
    /// let tasks = HandlerTasks::new();
    /// let webhooks = webhooks.tasks(&tasks);
    /// let app = move || {
    ///     let resource = web::resource("/webhooks").wrap(webhooks.clone());
    ///     App::new().service(resource.route(web::post().to(on_event)))
    /// };
    /// let server = HttpServer::new(app)
    ///     .bind("127.0.0.1:0")?
    ///     .disable_signals()
    ///     .run();
    /// let handle = server.handle();
    /// # mod tokio { pub mod signal { pub async fn ctrl_c() {} } }
    /// actix_web::rt::spawn(async move {
    ///     drop(tokio::signal::ctrl_c().await);
    ///     handle.pause().await; // no new connections
    ///     tasks.drain(); // those that are kept alive deliver nothing more
    ///     // The workers still run. A handler that hangs must not hold up the shutdown.
    ///     drop(timeout(Duration::from_secs(60), tasks.finished()).await);
    ///     handle.stop(true).await;
    /// });
    /// server.await
    /// # }
    /// ```
    ///
    /// In this order, because a worker that stops cancels its handlers: their claims are released,
    /// and their events come again. A server that is paused still serves its connections, and without
    /// the `drain` there may never be a moment without a handler. A delivery whose body is still
    /// arriving then is refused, and comes again.
    pub fn tasks(mut self, tasks: &HandlerTasks) -> Self {
        self.0.receiver = self.0.receiver.tasks(tasks);
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
    /// # use actix_web::HttpResponse;
    /// # fn f(webhooks: countersign_actix::WebhookMiddleware<countersign::MemoryStore>) {
    /// let webhooks = webhooks.error_handler(|rejection| {
    ///     HttpResponse::Ok().body(format!("rejected: {}", rejection.code()))
    /// });
    /// # }
    /// ```
    pub fn error_handler<F>(mut self, make: F) -> Self
    where
        F: Fn(&Rejection) -> HttpResponse + Send + Sync + 'static,
    {
        self.0.error_handler = Some(Arc::new(make));
        self
    }
}

impl<S, I, B> Transform<I, ServiceRequest> for WebhookMiddleware<S>
where
    S: Store,
    I: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = <WebhookService<I, S> as Service<ServiceRequest>>::Response;
    type Error = Error;
    type Transform = WebhookService<I, S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: I) -> Self::Future {
        ready(Ok(WebhookService::new(Rc::new(inner), Rc::new(self.0.clone()))))
    }
}

impl<S> Clone for WebhookMiddleware<S> {
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
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S> fmt::Debug for WebhookMiddleware<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookMiddleware")
            .field("receiver", &self.0.receiver)
            .field("cancel_on_disconnect", &self.0.cancel_on_disconnect)
            .finish_non_exhaustive()
    }
}
