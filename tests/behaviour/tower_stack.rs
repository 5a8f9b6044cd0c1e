//! What belongs to tower and axum alone: service etiquette, other layers, other servers.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::routing::MethodRouter;
use bytes::Bytes;
use countersign::{Delivery, Endpoint, MemoryStore, Outcome, Reason, Rejection, RejectionKind};
use countersign_tower::{Webhook, WebhookLayer};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::level_filters::LevelFilter;

use crate::client::{Connection, Request};
use crate::fixtures::{self, Fixture};
use crate::harness::{App, Gate, Handler, eventually};
use crate::logs::Logs;
use crate::on_axum::{route, router, serve};

fn piora_app(handler: &Handler) -> (Fixture, App) {
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], handler);
    (fixture, app)
}

/// The request as tower sees it.
pub fn as_http(request: &Request) -> http::Request<Full<Bytes>> {
    let mut builder = http::Request::builder().method(request.method).uri(&request.path);
    for (name, value) in &request.headers {
        builder = builder.header(name, &**value);
    }
    builder.body(Full::new(request.body.clone().into())).unwrap()
}

fn layer(endpoint: Endpoint) -> WebhookLayer<MemoryStore> {
    WebhookLayer::new(endpoint, MemoryStore::new())
}

/// A service that may be called only after it, and not a clone of it, said that it is ready. It
/// takes what it gets.
struct Strict {
    ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl<B> Service<http::Request<B>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        request.extensions().get::<Delivery>().unwrap().mark_taken();
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        std::future::ready(Ok(Response::new(Full::default())))
    }
}

async fn ready_and_call<S>(service: &mut S, request: &Request) -> S::Response
where
    S: Service<http::Request<Full<Bytes>>, Error = Infallible>,
{
    service.ready().await.unwrap().call(as_http(request)).await.unwrap()
}

#[tokio::test]
async fn the_service_that_is_called_is_the_one_that_was_ready() {
    let fixture = fixtures::piora();
    let mut service = layer(fixture.endpoint().build().unwrap()).layer(Strict { ready: false });
    for number in 1..=3 {
        let response = ready_and_call(&mut service, &fixture.delivery(number)).await;
        assert_eq!(response.status(), 200);
        // A refused request does not use the readiness up.
        let forged = fixture.delivery(number).without(fixture.proof_header);
        let response = ready_and_call(&mut service, &forged).await;
        assert_eq!(response.status(), 401);
    }
}

#[tokio::test]
async fn an_inner_service_that_is_not_ready_holds_requests_back() {
    let fixture = fixtures::piora();
    let limited = tower::limit::ConcurrencyLimit::new(Strict { ready: false }, 0);
    let mut service = layer(fixture.endpoint().build().unwrap()).layer(limited);
    let ready = ServiceExt::<http::Request<Full<Bytes>>>::ready(&mut service);
    let ready = tokio::time::timeout(Duration::from_millis(50), ready).await;
    assert!(ready.is_err());
}

#[tokio::test]
async fn a_place_that_was_not_used_is_free_again() {
    let fixture = fixtures::piora();
    let limited = tower::limit::ConcurrencyLimit::new(Strict { ready: false }, 1);
    let service = layer(fixture.endpoint().build().unwrap()).layer(limited.clone());
    for number in 1..=3 {
        let mut unused = service.clone();
        ServiceExt::<http::Request<Full<Bytes>>>::ready(&mut unused).await.unwrap();
        drop(unused);
        let mut elsewhere = limited.clone();
        let ready = ServiceExt::<http::Request<Full<Bytes>>>::ready(&mut elsewhere);
        assert!(tokio::time::timeout(Duration::from_secs(10), ready).await.is_ok());
        drop(elsewhere);
        let unsigned = fixture.delivery(number).without(fixture.proof_header);
        for (request, status) in [(unsigned, 401), (fixture.delivery(number), 200)] {
            let mut service = service.clone();
            let answered = ready_and_call(&mut service, &request);
            let answered = tokio::time::timeout(Duration::from_secs(10), answered).await;
            assert_eq!(answered.unwrap().status(), status);
        }
    }
}

#[tokio::test]
async fn an_outer_layer_finds_the_rejection() {
    let (fixture, app) = piora_app(&Handler::answering(200));
    let unsigned = fixture.delivery(1).without(fixture.proof_header);
    let response = router(&app).oneshot(as_http(&unsigned)).await.unwrap();
    let rejection = response.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.kind(), RejectionKind::SignatureMissing);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"error":"signature_missing"}"#);
}

/// A refusal is written into its request's memory.
#[tokio::test]
async fn a_refusal_has_nothing_of_its_request() {
    let fixture = fixtures::piora();
    let mut service = layer(fixture.endpoint().build().unwrap()).layer(Strict { ready: false });
    let unsigned = fixture.delivery(1).without(fixture.proof_header);
    let mut request = as_http(&unsigned);
    request.headers_mut().insert("content-length", "3".parse().unwrap());
    request.headers_mut().insert("authorization", "a secret".parse().unwrap());
    request.extensions_mut().insert("of the request");
    let ready = ServiceExt::<http::Request<Full<Bytes>>>::ready(&mut service).await.unwrap();
    let response = ready.call(request).await.unwrap();
    let headers: Vec<_> = response.headers().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((response.status().as_u16(), headers), (401, vec!["content-type"]));
    assert!(response.extensions().get::<&str>().is_none());
    assert_eq!(response.extensions().len(), 1);
}

#[tokio::test]
async fn a_token_is_marked_as_sensitive_for_the_handler() {
    async fn show(_: Webhook, headers: axum::http::HeaderMap) -> String {
        format!("{headers:?}")
    }
    let fixture = fixtures::all().swap_remove(4);
    let route = axum::routing::post(show).route_layer(layer(fixture.endpoint().build().unwrap()));
    let server = serve(Router::new().route("/pingara", route)).await;
    let reply = fixture.delivery(1).send(server).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("x-pingara-secret") && !reply.body.contains(fixtures::SECRET));
}

#[tokio::test]
async fn a_returned_hook_secret_is_marked_as_sensitive() {
    let asana = countersign::catalogue::provider("asana").unwrap();
    let endpoint = Endpoint::builder("asana", asana).secret(fixtures::secret()).build().unwrap();
    let service = layer(endpoint).layer(Strict { ready: false });
    let first = http::Request::post("/asana").header("x-hook-secret", "new-secret");
    let response = service.oneshot(first.body(Full::new(Bytes::new())).unwrap()).await.unwrap();
    assert_eq!(response.headers()["x-hook-secret"], "new-secret");
    let shown = format!("{:?}", response.headers());
    assert!(!shown.contains("new-secret"), "{shown}");
}

#[tokio::test]
async fn all_five_share_a_router_and_a_store() {
    let handler = Handler::answering(200);
    let endpoints = fixtures::all().into_iter().map(|fixture| fixture.endpoint().build().unwrap());
    let server = serve(router(&App::new(endpoints, &handler))).await;
    for fixture in fixtures::all() {
        let request = fixture.delivery(1);
        assert_eq!(request.send(server).await.status, 200);
        request.send(server).await.is_duplicate();
    }
    assert_eq!(handler.runs(), fixtures::all().len());
}

#[tokio::test]
async fn with_a_trace_layer_the_delivery_is_inside_the_requests_span() {
    let (logs, _guard) = Logs::capture(LevelFilter::DEBUG);
    let handler = Handler::new(|_| async {
        tracing::info!("said by the handler");
        200
    });
    let (fixture, app) = piora_app(&handler);
    let server = serve(router(&app).layer(TraceLayer::new_for_http())).await;
    assert_eq!(fixture.delivery(1).send(server).await.status, 200);
    let log = logs.text();
    let said = log.lines().find(|line| line.contains("said by the handler")).expect(&log);
    let (request, webhook) = (said.find("request{"), said.find("webhook{"));
    assert!(request.is_some() && request < webhook, "{said}");
}

#[tokio::test]
async fn a_timeout_outside_answers_while_the_handler_goes_on() {
    let gate = Gate::shut();
    let handler = Handler::gated(&gate);
    let (fixture, app) = piora_app(&handler);
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(50));
    let server = serve(router(&app).layer(timeout)).await;
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 504);
    request.send(server).await.is_not_now("in_flight");
    gate.open();
    eventually("the handler ends", || handler.ended() == 1).await;
    eventually("the claim is settled", || {
        !app.reports.all().is_empty() && app.reports.all().len() >= 2
    })
    .await;
    request.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn a_timeout_outside_that_cuts_a_body_off_is_reported() {
    let (fixture, app) = piora_app(&Handler::answering(200));
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(50));
    let server = serve(router(&app).layer(timeout)).await;
    let request = fixture.delivery(1);
    let mut connection = Connection::open(server).await;
    connection.write(&request.bytes()[..request.bytes().len() - 1]).await;
    assert_eq!(connection.reply().await.status, 504);
    assert_eq!(
        app.reports.all(),
        [(Outcome::Rejected, Some(Reason::Rejected(RejectionKind::BodyIncomplete)))]
    );
    assert_eq!(request.send(server).await.status, 200);
}

#[tokio::test]
async fn a_timeout_inside_cancels_the_handler_and_releases_the_claim() {
    let handler = Handler::new(|call| async move {
        if call.run == 1 {
            std::future::pending::<()>().await;
        }
        200
    });
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(50));
    let route: MethodRouter = route(&app).layer(timeout);
    let route = route.route_layer(WebhookLayer::from_receiver(app.receiver(&app.endpoints[0])));
    let server = serve(Router::new().route("/piora", route)).await;
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 504);
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(handler.runs(), 2);
}

#[tokio::test]
async fn a_body_limit_outside_is_told_as_too_large() {
    let (fixture, app) = piora_app(&Handler::answering(200));
    let server = serve(router(&app).layer(RequestBodyLimitLayer::new(50))).await;
    let request = fixture.delivery(1);
    let mut connection = Connection::open(server).await;
    connection.write(&request.chunked(10)).await;
    connection.reply().await.is_rejection(413, "body_too_large");
    assert_eq!(request.send(server).await.status, 413);
}

#[tokio::test]
async fn with_a_catch_panic_layer_a_panic_is_a_500_on_either_side() {
    for outside in [true, false] {
        let handler = Handler::new(|call| async move {
            assert!(call.run > 1, "the handler's own bug, on purpose");
            200
        });
        let (fixture, app) = piora_app(&handler);
        let server = if outside {
            serve(router(&app).layer(CatchPanicLayer::new())).await
        } else {
            let route: MethodRouter = route(&app).layer(CatchPanicLayer::new());
            let webhook = WebhookLayer::from_receiver(app.receiver(&app.endpoints[0]));
            serve(Router::new().route("/piora", route.route_layer(webhook))).await
        };
        let request = fixture.delivery(1);
        assert_eq!(request.send(server).await.status, 500);
        assert_eq!(request.send(server).await.status, 200);
        assert_eq!(handler.runs(), 2);
    }
}

/// The same middleware on `MethodRouter::layer`, which stands around the answers to other methods.
#[tokio::test]
async fn around_a_method_router_it_still_accepts_only_the_handlers_answer() {
    let (fixture, app) = piora_app(&Handler::answering(200));
    let webhook = WebhookLayer::from_receiver(app.receiver(&app.endpoints[0]));
    let fallback = || async { "any other method is fine too" };
    let route = route(&app).fallback(fallback).layer(webhook);
    let server = serve(Router::new().route("/piora", route)).await;
    let request = fixture.delivery(1);
    let reply = request.clone().method("GET").send(server).await;
    reply.is_rejection(405, "method_not_allowed");
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(app.handler.runs(), 1);
}
