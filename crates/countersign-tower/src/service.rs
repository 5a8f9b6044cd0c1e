//! The service: a request in, the core's steps, a response out.

use std::error::Error;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use countersign::{Answer, Arriving, Delivery, Reply, Store};
use http::{Request, Response};
use http_body::Body;
use http_body_util::Either;
use tower_service::Service;

use crate::layer::Settings;
use crate::outliving::Outliving;
use crate::proven_body::ProvenBody;
use crate::request::{HttpBody, HttpHead};
use crate::response::{ResponseBody, print};

/// What [`WebhookLayer`](crate::WebhookLayer) makes of a service.
///
/// It takes requests of any body. The inner service gets the proven body as [`ProvenBody`] and the
/// [`Delivery`] in the request's extensions. Its 2xx completes the event only if it read the body or
/// took the delivery with [`extract_event`](countersign::extract_event), as the extractor for axum
/// does; see [`Delivery::mark_taken`].
pub struct WebhookService<I, S> {
    inner: I,
    settings: Settings<S>,
}

impl<I, S> WebhookService<I, S> {
    pub(crate) fn new(inner: I, settings: Settings<S>) -> Self {
        Self { inner, settings }
    }

    fn answer<R, E>(&self, reply: Reply) -> ResponseFuture<R, E> {
        let response = print(reply, self.settings.error_handler.as_ref());
        ResponseFuture(Either::Left(ready(response)))
    }
}

impl<I, S, B, R> Service<Request<B>> for WebhookService<I, S>
where
    I: Service<Request<ProvenBody>, Response = Response<R>> + Clone + Send + 'static,
    I::Future: Send,
    I::Error: Send + 'static,
    S: Store,
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    R: Send + 'static,
{
    type Response = Response<ResponseBody<R>>;
    type Error = I::Error;
    type Future = ResponseFuture<R, I::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Some(first) = request.extensions().get::<Delivery>() {
            let remove =
                "remove `.layer(WebhookLayer…)` from the router, or one of the two from the route";
            let path = request.uri().path();
            return self.answer(self.settings.receiver.applied_twice(first, path, remove).into());
        }
        // Step 1 at once: a request without a signature costs no clone, no box and no task.
        let head =
            HttpHead { method: request.method(), uri: request.uri(), headers: request.headers() };
        let arriving = match self.settings.receiver.begin(&head) {
            Ok(arriving) => arriving,
            Err(reply) => return self.answer(reply),
        };
        // The service that was polled ready is the one to call; its clone waits for the next.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let work = run(inner, self.settings.clone(), arriving, request);
        ResponseFuture(Either::Right(Box::pin(work)))
    }
}

/// A request's way through the service.
async fn run<I, S, B, R>(
    inner: I,
    settings: Settings<S>,
    arriving: Arriving,
    request: Request<B>,
) -> Result<Response<ResponseBody<R>>, I::Error>
where
    I: Service<Request<ProvenBody>, Response = Response<R>> + Send + 'static,
    I::Future: Send,
    I::Error: Send + 'static,
    S: Store,
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    R: Send + 'static,
{
    let Settings { receiver, cancel_on_disconnect, error_handler } = settings;
    let (mut head, body) = request.into_parts();
    if let Some(token) =
        receiver.endpoint().secret_header().and_then(|name| head.headers.get_mut(name))
    {
        token.set_sensitive(true);
    }
    let deadline = tokio::time::sleep(receiver.endpoint().body_timeout());
    let received = receiver.receive(arriving, HttpBody(pin!(body)), deadline).await;
    let delivery = match received {
        Ok(delivery) => delivery,
        Err(reply) => return Ok(print(reply, error_handler.as_ref())),
    };
    delivery.require_taken();
    let request = Request::from_parts(head, ProvenBody::new(&delivery));
    let handle = receiver.handle(delivery, |delivery| call(inner, request, delivery));
    let answer = if cancel_on_disconnect { handle.await } else { Outliving::new(handle).await };
    match answer {
        Ok(response) => response.map(|response| response.map(Either::Left)),
        Err(rejection) => Ok(print(rejection.into(), error_handler.as_ref())),
    }
}

async fn call<I, R>(
    mut inner: I,
    mut request: Request<ProvenBody>,
    delivery: Delivery,
) -> Answer<Result<Response<R>, I::Error>>
where
    I: Service<Request<ProvenBody>, Response = Response<R>>,
{
    request.extensions_mut().insert(delivery);
    let value = inner.call(request).await;
    Answer::new(value.as_ref().ok().map(|response| response.status().as_u16()), value)
}

/// The response future of [`WebhookService`].
pub struct ResponseFuture<R, E>(
    #[expect(clippy::type_complexity, reason = "named once, here")]
    Either<
        Ready<Response<ResponseBody<R>>>,
        Pin<Box<dyn Future<Output = Result<Response<ResponseBody<R>>, E>> + Send>>,
    >,
);

impl<R, E> Future for ResponseFuture<R, E> {
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Either::Left(refused) => Pin::new(refused).poll(cx).map(Ok),
            Either::Right(work) => work.as_mut().poll(cx),
        }
    }
}

impl<I: Clone, S> Clone for WebhookService<I, S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), settings: self.settings.clone() }
    }
}

impl<I, S> fmt::Debug for WebhookService<I, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receiver = &self.settings.receiver;
        f.debug_struct("WebhookService").field("receiver", receiver).finish_non_exhaustive()
    }
}

impl<R, E> fmt::Debug for ResponseFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
