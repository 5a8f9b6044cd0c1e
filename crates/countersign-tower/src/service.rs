//! The service: a request in, the core's steps, a response out.

use std::error::Error;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use countersign::{Answer, Arriving, Delivery, Rejection, Reply, Store};
use http::{Request, Response};
use http_body::Body;
use http_body_util::Either;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::layer::Settings;
use crate::outliving::{Outliving, Way};
use crate::proven_body::ProvenBody;
use crate::request::{HttpBody, HttpHead};
use crate::response::{ErrorHandler, ResponseBody, empty_response, print};

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

    fn answer<B, R, E>(&self, reply: Reply, request: Request<B>) -> ResponseFuture<R, E> {
        let empty = empty_response(request);
        let response = print(reply, self.settings.error_handler.as_ref(), empty);
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
            let rejection = self.settings.receiver.applied_twice(first, path, remove);
            return self.answer(rejection.into(), request);
        }
        // Step 1 at once: a request without a signature costs no clone, no box and no task.
        let head =
            HttpHead { method: request.method(), uri: request.uri(), headers: request.headers() };
        let arriving = match self.settings.receiver.begin(&head) {
            Ok(arriving) => arriving,
            Err(reply) => return self.answer(reply, request),
        };
        // The service that was polled ready is the one to call; its clone waits for the next.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let outlives = !self.settings.cancel_on_disconnect;
        let work = receive(inner, self.settings.clone(), arriving, request);
        ResponseFuture(Either::Right(Outliving::new(Way::new(work, outlives))))
    }
}

/// A request's way up to its handler, or its answer.
async fn receive<I, S, B, R>(
    mut inner: I,
    settings: Settings<S>,
    arriving: Arriving,
    request: Request<B>,
) -> Result<
    Answering<impl Future<Output = Result<Responded<R, I::Error>, Rejection>>>,
    Responded<ResponseBody<R>, I::Error>,
>
where
    I: Service<Request<ProvenBody>, Response = Response<R>> + Send + 'static,
    S: Store,
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let Settings { receiver, error_handler, .. } = settings;
    let (mut head, body) = request.into_parts();
    if let Some(token) =
        receiver.endpoint().secret_header().and_then(|name| head.headers.get_mut(name))
    {
        token.set_sensitive(true);
    }
    let received = {
        let timeout = receiver.endpoint().body_timeout();
        // The timer is made for a body that is not there yet.
        let deadline = pin!(async { tokio::time::sleep(timeout).await });
        receiver.receive(arriving, HttpBody(pin!(body)), deadline).await
    };
    let delivery = match received {
        Ok(delivery) => delivery,
        Err(reply) => return Err(Ok(print(reply, error_handler.as_ref(), Response::default()))),
    };
    delivery.require_taken();
    let mut request = Request::from_parts(head, ProvenBody::new(&delivery));
    let handle = receiver.handle(delivery, move |delivery| {
        request.extensions_mut().insert(delivery);
        Called { response: inner.call(request) }
    });
    Ok(Answering { handle, error_handler })
}

type Responded<R, E> = Result<Response<R>, E>;

pin_project! {
    /// The inner service's response, and its status for the receiver.
    struct Called<F> {
        #[pin]
        response: F,
    }
}

impl<F: Future<Output = Responded<R, E>>, R, E> Future for Called<F> {
    type Output = Answer<Responded<R, E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().response.poll(cx).map(|value| {
            Answer::new(value.as_ref().ok().map(|response| response.status().as_u16()), value)
        })
    }
}

pin_project! {
    /// A handler on its way, and what makes an answer of a refusal.
    struct Answering<H> {
        #[pin]
        handle: H,
        error_handler: Option<ErrorHandler>,
    }
}

impl<H: Future<Output = Result<Responded<R, E>, Rejection>>, R, E> Future for Answering<H> {
    type Output = Responded<ResponseBody<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.handle.poll(cx).map(|answer| match answer {
            Ok(response) => response.map(|response| response.map(Either::Left)),
            Err(rejection) => {
                Ok(print(rejection.into(), this.error_handler.as_ref(), Response::default()))
            }
        })
    }
}

/// The response future of [`WebhookService`].
pub struct ResponseFuture<R, E>(
    #[expect(clippy::type_complexity, reason = "named once, here")]
    Either<Ready<Response<ResponseBody<R>>>, Outliving<Responded<ResponseBody<R>, E>>>,
);

impl<R, E> Future for ResponseFuture<R, E> {
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Either::Left(refused) => Pin::new(refused).poll(cx).map(Ok),
            Either::Right(work) => Pin::new(work).poll(cx),
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
