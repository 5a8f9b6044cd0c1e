//! The service: a request in, the core's steps, a response out.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse};
use actix_web::error::{ErrorInternalServerError, InternalError};
use actix_web::http::header::HeaderName;
use actix_web::{Error, HttpMessage as _};
use countersign::{Answer, Arriving, Delivery, Receiving, Reply, Store, Way};
use pin_project_lite::pin_project;

use crate::middleware::Settings;
use crate::outliving::{Outliving, Work};
use crate::request::{ActixBody, ActixHead, ProvenPayload};
use crate::response::print;

/// What [`WebhookMiddleware`](crate::WebhookMiddleware) makes of a service.
///
/// The inner service gets the proven body as its payload and the [`Delivery`] in the request's
/// extensions. Its 2xx completes the event only if it read the payload or took the delivery with
/// [`extract_event`](countersign::extract_event), as the extractor does; see
/// [`Delivery::mark_taken`].
pub struct WebhookService<I, S> {
    inner: Rc<I>,
    settings: Rc<Settings<S>>,
}

impl<I, S> WebhookService<I, S> {
    pub(crate) fn new(inner: Rc<I>, settings: Rc<Settings<S>>) -> Self {
        Self { inner, settings }
    }

    fn answer<B>(&self, mut request: ServiceRequest, reply: Reply) -> ResponseFuture<B> {
        let unread = request.take_payload();
        let response = print(reply, self.settings.error_handler.as_deref(), unread);
        let response = request.into_response(response).map_into_right_body();
        ResponseFuture(State::Answered(ready(Ok(response))))
    }
}

impl<I, S, B> Service<ServiceRequest> for WebhookService<I, S>
where
    I: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S: Store,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let twice = request.extensions().get::<Delivery>().map(|first| {
            let remove = "remove `.wrap(WebhookMiddleware…)` from the scope or the app, or one of the \
                          two from the resource";
            self.settings.receiver.applied_twice(first, request.path(), remove)
        });
        if let Some(rejection) = twice {
            return self.answer(request, rejection.into());
        }
        // Step 1 at once: a request without a signature costs no clone, no box and no task.
        let head =
            ActixHead { method: request.method(), uri: request.uri(), headers: request.headers() };
        match self.settings.receiver.begin(&head) {
            Ok(arriving) => {
                let (inner, settings) = (Rc::clone(&self.inner), Rc::clone(&self.settings));
                let work = way(inner, settings, arriving, request);
                ResponseFuture(State::Working(Outliving::new(work)))
            }
            Err(reply) => self.answer(request, reply),
        }
    }
}

/// A request's way: up to its delivery, and from there through the inner service.
fn way<I, S, B>(
    inner: Rc<I>,
    settings: Rc<Settings<S>>,
    arriving: Arriving,
    mut request: ServiceRequest,
) -> impl Work<Responded<B>>
where
    I: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S: Store,
    B: MessageBody + 'static,
{
    let endpoint = settings.receiver.endpoint();
    for name in endpoint.secret_headers() {
        set_sensitive(&mut request, name, &settings.shared);
    }
    let timeout = endpoint.body_timeout();
    // The timer is made for a body that is not there yet.
    let deadline = async move { actix_web::rt::time::sleep(timeout).await };
    let body = ActixBody::of(&mut request);
    let receiving = Received { receiving: settings.receiver.receive(arriving, body, deadline) };
    let outlives = !settings.cancel_on_disconnect;
    Way::new(receiving, outlives, move |(received, unread): (Result<Delivery, Reply>, Payload)| {
        let delivery = match received {
            Ok(delivery) => delivery,
            Err(reply) => {
                let response = print(reply, settings.error_handler.as_deref(), unread);
                let response = request.into_response(response).map_into_right_body();
                return ControlFlow::Break(Ok(response));
            }
        };
        delivery.require_taken();
        request.set_payload(ProvenPayload::of(&delivery));
        ControlFlow::Continue(handle(inner, settings, request, delivery))
    })
}

async fn handle<I, S, B>(
    inner: Rc<I>,
    settings: Rc<Settings<S>>,
    request: ServiceRequest,
    delivery: Delivery,
) -> Responded<B>
where
    I: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S: Store,
    B: MessageBody + 'static,
{
    // The request moves on to where it is used up, and stays here only if nobody was called:
    // actix's routers panic on a request that somebody else holds as well.
    let mut request = Some(request);
    let handler = |delivery| call(&*inner, request.take(), delivery);
    let rejection = match settings.receiver.handle(delivery, handler).await {
        Ok(answer) => return answer.map(ServiceResponse::map_into_left_body),
        Err(rejection) => rejection,
    };
    let error_handler = settings.error_handler.as_deref();
    let response = print(rejection.clone().into(), error_handler, Payload::None);
    match request {
        Some(request) => Ok(request.into_response(response).map_into_right_body()),
        None => Err(InternalError::from_response(rejection, response).into()),
    }
}

pin_project! {
    /// A delivery that arrives, and then what was not read of its body.
    struct Received<S, D> {
        #[pin]
        receiving: Receiving<S, ActixBody, D>,
    }
}

impl<S, D: Future> Future for Received<S, D> {
    type Output = (Result<Delivery, Reply>, Payload);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut receiving = self.project().receiving;
        let received = ready!(receiving.as_mut().poll(cx));
        Poll::Ready((received, receiving.body().take_unread()))
    }
}

async fn call<I, B>(
    inner: &I,
    request: Option<ServiceRequest>,
    delivery: Delivery,
) -> Answer<Result<ServiceResponse<B>, Error>>
where
    I: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    let answered = match request {
        Some(request) => {
            request.extensions_mut().insert(delivery);
            inner.call(request).await
        }
        None => Err(ErrorInternalServerError("a request is handled once")),
    };
    match answered {
        Ok(response) => Answer::new(response.status().as_u16(), Ok(response)),
        // An error may make another response, of another status, each time that it is asked: what
        // settles the claim is what the sender gets.
        Err(error) => {
            let response = error.error_response();
            let status = response.status().as_u16();
            Answer::new(status, Err(InternalError::from_response(error, response).into()))
        }
    }
}

/// Marks the token's header as sensitive, so that a log of the headers does not show it.
///
/// A request that an outer middleware holds a clone of cannot be changed. actix panics then, and it
/// cannot be asked before. So this tries until the first panic, and does not try in a program that a
/// panic ends.
fn set_sensitive(request: &mut ServiceRequest, name: &str, shared: &AtomicBool) {
    if !cfg!(panic = "unwind") || shared.load(Ordering::Relaxed) {
        return;
    }
    let Ok(name) = HeaderName::try_from(name) else { return };
    let tried = catch_unwind(AssertUnwindSafe(|| {
        if let Some(token) = request.headers_mut().get_mut(name) {
            token.set_sensitive(true);
        }
    }));
    shared.store(tried.is_err(), Ordering::Relaxed);
}

/// The response future of [`WebhookService`].
pub struct ResponseFuture<B>(State<B>);

type Responded<B> = Result<ServiceResponse<EitherBody<B>>, Error>;

enum State<B> {
    Answered(Ready<Responded<B>>),
    Working(Outliving<Responded<B>>),
}

impl<B> Future for ResponseFuture<B> {
    type Output = Responded<B>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Answered(answer) => Pin::new(answer).poll(cx),
            State::Working(work) => Pin::new(work).poll(cx),
        }
    }
}

impl<I, S> fmt::Debug for WebhookService<I, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receiver = &self.settings.receiver;
        f.debug_struct("WebhookService").field("receiver", receiver).finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
