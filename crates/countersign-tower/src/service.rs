//! The service: a request in, the core's steps, a response out.

use std::error::Error;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign::{Answer, Arriving, Delivery, Rejection, Reply, Store, Way};
use http::{Request, Response};
use http_body::Body;
use http_body_util::Either;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::idle::{Idle, Taken};
use crate::layer::Settings;
use crate::outliving::{Outliving, Work};
use crate::proven_body::ProvenBody;
use crate::request::{HttpBody, HttpHead};
use crate::response::{ResponseBody, empty_response, print};

/// What [`WebhookLayer`](crate::WebhookLayer) makes of a service.
///
/// It takes requests of any body. The inner service gets the proven body as [`ProvenBody`] and the
/// [`Delivery`] in the request's extensions. Its 2xx completes the event only if it read the body or
/// took the delivery with [`extract_event`](countersign::extract_event), as the extractor for axum
/// does; see [`Delivery::mark_taken`].
pub struct WebhookService<I, S> {
    /// What the requests of all clones share.
    idle: Arc<Idle<I>>,
    /// The one that is polled ready and then called.
    inner: Option<Taken<I>>,
    settings: Arc<Settings<S>>,
}

impl<I, S> WebhookService<I, S> {
    pub(crate) fn new(inner: I, settings: Arc<Settings<S>>) -> Self {
        Self { idle: Arc::new(Idle::new(inner)), inner: None, settings }
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
        let inner = self.inner.get_or_insert_with(|| self.idle.take());
        let ready = inner.service.poll_ready(cx);
        if !inner.was_called || matches!(ready, Poll::Ready(Ok(()))) {
            return ready;
        }
        *inner = self.idle.take_new();
        inner.service.poll_ready(cx)
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
        // The service that was polled ready is the one to call.
        let inner = self.inner.take().unwrap_or_else(|| self.idle.take());
        let inner = (inner.service, Arc::clone(&self.idle));
        ResponseFuture(Either::Right(Outliving::new(way(inner, &self.settings, arriving, request))))
    }
}

/// A request's way: up to its delivery, and from there through the inner service.
fn way<I, S, B, R>(
    (mut inner, idle): (I, Arc<Idle<I>>),
    settings: &Arc<Settings<S>>,
    arriving: Arriving,
    request: Request<B>,
) -> impl Work<Responded<ResponseBody<R>, I::Error>> + use<I, S, B, R>
where
    I: Service<Request<ProvenBody>, Response = Response<R>> + Send + 'static,
    I::Future: Send,
    I::Error: Send + 'static,
    S: Store,
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    R: Send + 'static,
{
    let (mut head, body) = request.into_parts();
    let Settings { receiver, cancel_on_disconnect, .. } = &**settings;
    let endpoint = receiver.endpoint();
    for name in endpoint.secret_headers() {
        if let Some(token) = head.headers.get_mut(name) {
            token.set_sensitive(true);
        }
    }
    let timeout = endpoint.body_timeout();
    // The timer is made for a body that is not there yet.
    let deadline = async move { tokio::time::sleep(timeout).await };
    let received = receiver.receive(arriving, HttpBody { body }, deadline);
    let settings = Arc::clone(settings);
    let outlives = !cancel_on_disconnect;
    Way::new(received, outlives, move |received: Result<Delivery, Reply>| {
        let delivery = match received {
            Ok(delivery) => delivery,
            Err(reply) => {
                let error_handler = settings.error_handler.as_ref();
                return ControlFlow::Break(Ok(print(reply, error_handler, Response::default())));
            }
        };
        delivery.require_taken();
        let mut request = Request::from_parts(head, ProvenBody::new(&delivery));
        let handle = settings.receiver.handle(delivery, move |delivery| {
            request.extensions_mut().insert(delivery);
            let response = inner.call(request);
            idle.put(inner);
            Called { response }
        });
        ControlFlow::Continue(Answering { handle, settings })
    })
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
    struct Answering<H, S> {
        #[pin]
        handle: H,
        settings: Arc<Settings<S>>,
    }
}

impl<H: Future<Output = Result<Responded<R, E>, Rejection>>, S, R, E> Future for Answering<H, S> {
    type Output = Responded<ResponseBody<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.handle.poll(cx).map(|answer| match answer {
            Ok(response) => response.map(|response| response.map(Either::Left)),
            Err(rejection) => {
                let error_handler = this.settings.error_handler.as_ref();
                Ok(print(rejection.into(), error_handler, Response::default()))
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

impl<I, S> Clone for WebhookService<I, S> {
    fn clone(&self) -> Self {
        Self { idle: Arc::clone(&self.idle), inner: None, settings: Arc::clone(&self.settings) }
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
