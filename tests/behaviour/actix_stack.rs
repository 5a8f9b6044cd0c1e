//! What belongs to actix-web alone: other middleware on either side, and what is wrapped.

use std::sync::{Arc, Mutex};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{
    Compress, ErrorHandlerResponse, ErrorHandlers, Logger, Next, NormalizePath, from_fn,
};
use actix_web::web::{self, Bytes, Data, PayloadConfig, post};
use actix_web::{App as Actix, Error, HttpMessage, HttpRequest, HttpResponse};
use countersign::{Delivery, Outcome, Reason, Rejection};
use countersign_actix::Webhook;
use tracing::level_filters::LevelFilter;

use crate::actix_parts::{LimitedPayload, access_log, gunzip};
use crate::client::{Connection, Request};
use crate::fixtures::{self, Fixture};
use crate::harness::{App, Handler, eventually};
use crate::logs::Logs;
use crate::on_actix::{configure, handle, middleware, serve};

fn piora_app(handler: &Handler) -> (Fixture, App) {
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], handler);
    (fixture, app)
}

const FAILED: (Outcome, Option<Reason>) = (Outcome::Failed, Some(Reason::HandlerStatus));

#[tokio::test]
async fn a_logger_outside_logs_refusals_and_no_token() {
    access_log();
    let (logs, _guard) = Logs::capture(LevelFilter::TRACE);
    let fixture = fixtures::all().swap_remove(4);
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
    let configure = configure(&app);
    let make = move || Actix::new().configure(configure.clone()).wrap(Logger::default());
    let server = serve!(make).0;
    assert_eq!(fixture.delivery(1).send(server).await.status, 200);
    let forged = fixture.delivery(1).with_value(fixture.proof_header, |_| fixture.forged.into());
    forged.send(server).await.is_rejection(401, "token_mismatch");
    eventually("both are logged", || {
        logs.text().contains("\"POST /pingara HTTP/1.1\" 200")
            && logs.text().contains("\"POST /pingara HTTP/1.1\" 401")
    })
    .await;
    assert!(!logs.text().contains(fixtures::SECRET) && !logs.text().contains(fixture.forged));
}

#[tokio::test]
async fn compression_outside_packs_answers_and_leaves_the_delivery_alone() {
    async fn echo(
        delivery: Data<Mutex<Option<Delivery>>>,
        request: HttpRequest,
        body: Bytes,
    ) -> Bytes {
        *delivery.lock().unwrap() = request.extensions().get::<Delivery>().cloned();
        body
    }
    let (fixture, app) = piora_app(&Handler::answering(200));
    let delivery = Data::new(Mutex::new(None::<Delivery>));
    let (seen, webhooks) = (delivery.clone(), middleware(&app, &app.endpoints[0]));
    let server = serve!(move || {
        let resource = web::resource("/piora").wrap(webhooks.clone()).route(post().to(echo));
        Actix::new().app_data(seen.clone()).service(resource).wrap(Compress::default())
    })
    .0;
    let now = std::time::SystemTime::now();
    let padding = format!("{{{}", " ".repeat(10_000));
    let request = fixture.signed(fixture.body(1, now).replacen('{', &padding, 1), now);
    let asking = request.clone().header("accept-encoding", "gzip");
    let reply = asking.send(server).await;
    assert_eq!((reply.status, reply.header("content-encoding")), (200, Some("gzip")));
    assert!(reply.raw_body.len() < 1_000, "{}", reply.raw_body.len());
    assert_eq!(gunzip(&reply.raw_body), request.body);
    assert_eq!(delivery.lock().unwrap().as_ref().unwrap().body(), &*request.body);
    let refused = asking.without(fixture.proof_header).send(server).await;
    assert_eq!((refused.status, refused.header("content-encoding")), (401, Some("gzip")));
    assert_eq!(gunzip(&refused.raw_body), br#"{"error":"signature_missing"}"#);
}

/// Whatever an unproven header makes an extractor do, no event is lost.
#[tokio::test]
async fn a_lie_about_the_bodys_encoding_releases_the_claim() {
    let (fixture, app) = piora_app(&Handler::answering(200));
    let configure = configure(&app);
    let server = serve!(move || Actix::new().configure(configure.clone())).0;
    let request = fixture.delivery(1);
    let lie = request.clone().header("content-encoding", "gzip").send(server).await;
    assert!((400..500).contains(&lie.status), "{lie:?}");
    assert_eq!(app.reports.all(), [FAILED]);
    assert_eq!(request.send(server).await.status, 200);
}

#[tokio::test]
async fn a_normalized_path_around_the_app_reaches_the_resource() {
    let handler = Handler::answering(200);
    let (fixture, app) = piora_app(&handler);
    let configure = configure(&app);
    let make = move || Actix::new().configure(configure.clone()).wrap(NormalizePath::trim());
    let server = serve!(make).0;
    let request = Request { path: "//piora/".to_owned(), ..fixture.delivery(1) };
    request
        .clone()
        .without(fixture.proof_header)
        .send(server)
        .await
        .is_rejection(401, "signature_missing");
    assert_eq!(request.send(server).await.status, 200);
    Request { path: "/piora".to_owned(), ..request }.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 1);
}

/// Replaces the body of an error.
fn own_body<B>(response: ServiceResponse<B>) -> Result<ErrorHandlerResponse<B>, Error> {
    let (request, response) = response.into_parts();
    let response = ServiceResponse::new(request, response.set_body("my own words"));
    let response = response.map_into_boxed_body().map_into_right_body();
    Ok(ErrorHandlerResponse::Response(response))
}

#[tokio::test]
async fn error_handlers_outside_may_change_a_refusals_body() {
    let (fixture, app) = piora_app(&Handler::answering_in_turn(&[500, 200]));
    let configure = configure(&app);
    let handlers = || ErrorHandlers::new().default_handler(own_body);
    let server = serve!(move || Actix::new().configure(configure.clone()).wrap(handlers())).0;
    let request = fixture.delivery(1);
    for (request, status) in
        [(request.clone().without(fixture.proof_header), 401), (request.clone(), 500)]
    {
        let reply = request.send(server).await;
        assert_eq!((reply.status, &*reply.body), (status, "my own words"));
    }
    assert_eq!(request.send(server).await.status, 200);
    request.send(server).await.is_duplicate();
}

#[tokio::test]
async fn error_handlers_inside_see_the_handlers_answers_only_and_settle_the_claim() {
    let handler = Handler::answering_in_turn(&[500, 503, 200]);
    let (fixture, app) = piora_app(&handler);
    let webhooks = middleware(&app, &app.endpoints[0]);
    let script = Data::new(handler.clone());
    let server = serve!(move || {
        let forgiving = |mut response: ServiceResponse<_>| {
            *response.response_mut().status_mut() = StatusCode::ACCEPTED;
            Ok(ErrorHandlerResponse::Response(response.map_into_left_body()))
        };
        let handlers = ErrorHandlers::new()
            .handler(StatusCode::UNAUTHORIZED, own_body)
            .handler(StatusCode::INTERNAL_SERVER_ERROR, own_body)
            .handler(StatusCode::SERVICE_UNAVAILABLE, forgiving);
        let resource = web::resource("/piora").route(post().to(handle)).wrap(handlers);
        Actix::new().app_data(script.clone()).service(resource.wrap(webhooks.clone()))
    })
    .0;
    let request = fixture.delivery(1);
    let unsigned = request.clone().without(fixture.proof_header);
    unsigned.send(server).await.is_rejection(401, "signature_missing");
    let reply = request.send(server).await;
    assert_eq!((reply.status, &*reply.body), (500, "my own words"));
    assert_eq!(request.send(server).await.status, 202, "a 503 that somebody made a 202 of");
    request.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 2);
}

#[tokio::test]
async fn a_payload_config_limits_extractors_only() {
    async fn no_extractor(_: Webhook) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    let (fixture, app) = piora_app(&Handler::answering(200));
    let webhooks = middleware(&app, &app.endpoints[0]);
    let script = Data::new(app.handler.clone());
    let server = serve!(move || {
        let resource = |path, route| web::resource(path).wrap(webhooks.clone()).route(route);
        Actix::new()
            .app_data(script.clone())
            .app_data(PayloadConfig::new(50))
            .service(resource("/piora", post().to(handle)))
            .service(resource("/bare", post().to(no_extractor)))
    })
    .0;
    let request = fixture.delivery(1);
    let reply = request.send(server).await;
    assert_eq!(reply.status, 413);
    assert!(!reply.body.contains("body_too_large"), "the extractor's word: {}", reply.body);
    assert_eq!(app.reports.all(), [FAILED]);
    let bare = request.to("/bare");
    assert_eq!(bare.send(server).await.status, 200, "the claim is free, the body is read");
    assert_eq!(app.handler.runs(), 0);
}

#[tokio::test]
async fn the_endpoints_own_limit_is_its_max_body() {
    let fixture = fixtures::piora();
    let app =
        App::new([fixture.endpoint().max_body(50).build().unwrap()], &Handler::answering(200));
    let configure = configure(&app);
    let server = serve!(move || {
        Actix::new().app_data(PayloadConfig::new(1 << 20)).configure(configure.clone())
    })
    .0;
    fixture.delivery(1).send(server).await.is_rejection(413, "body_too_large");
}

#[tokio::test]
async fn a_body_limit_outside_is_told_as_too_large() {
    async fn limit(
        mut request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let payload = LimitedPayload { payload: request.take_payload(), left: 50 };
        request.set_payload(Payload::Stream { payload: Box::pin(payload) });
        next.call(request).await
    }
    let (fixture, app) = piora_app(&Handler::answering(200));
    let configure = configure(&app);
    let server = serve!(move || Actix::new().configure(configure.clone()).wrap(from_fn(limit))).0;
    let request = fixture.delivery(1);
    request.send(server).await.is_rejection(413, "body_too_large");
    let mut connection = Connection::open(server).await;
    connection.write(&request.chunked(10)).await;
    connection.reply().await.is_rejection(413, "body_too_large");
    assert_eq!(app.handler.runs(), 0);
}

#[tokio::test]
async fn every_extractor_of_a_body_still_gets_it() {
    async fn json(body: web::Json<serde_json::Value>) -> String {
        body["event"].as_str().unwrap().to_owned()
    }
    let (fixture, app) = piora_app(&Handler::answering(200));
    let webhooks = middleware(&app, &app.endpoints[0]);
    let server = serve!(move || {
        let guarded = |path, route| web::resource(path).wrap(webhooks.clone()).route(route);
        Actix::new()
            .service(guarded("/json", post().to(json)))
            .service(guarded("/bytes", post().to(|body: Bytes| async { body })))
            .service(guarded("/text", post().to(|body: String| async { body })))
            .service(guarded(
                "/stream",
                post().to(|body: web::Payload| async { body.to_bytes().await.unwrap() }),
            ))
    })
    .0;
    for (number, path) in ["/json", "/bytes", "/text", "/stream"].into_iter().enumerate() {
        let request = fixture.delivery(u32::try_from(number).unwrap());
        let request = Request { path: path.to_owned(), ..request };
        // In chunks, so that no header tells how long it is.
        let mut connection = Connection::open(server).await;
        connection
            .write(&request.clone().header("content-type", "application/json").chunked(7))
            .await;
        let reply = connection.reply().await;
        let body = if path == "/json" { b"deployment.failed" } else { &*request.body };
        assert_eq!((reply.status, reply.raw_body.as_slice()), (200, body), "{path}");
    }
}

#[tokio::test]
async fn an_outer_middleware_finds_the_rejection() {
    let codes = Arc::new(Mutex::new(Vec::new()));
    let (fixture, app) = piora_app(&Handler::answering(200));
    let (configure, found) = (configure(&app), Arc::clone(&codes));
    let server = serve!(move || {
        let found = Arc::clone(&found);
        Actix::new().configure(configure.clone()).wrap(from_fn(
            move |request: ServiceRequest, next: Next<_>| {
                let found = Arc::clone(&found);
                async move {
                    let response: ServiceResponse<_> = next.call(request).await?;
                    let code = response.response().extensions().get().map(Rejection::code);
                    found.lock().unwrap().push(code);
                    Ok::<_, Error>(response)
                }
            },
        ))
    })
    .0;
    let request = fixture.delivery(1);
    request.clone().without(fixture.proof_header).send(server).await;
    request.clone().with_value(fixture.proof_header, |_| fixture.forged.into()).send(server).await;
    request.send(server).await;
    request.send(server).await.is_duplicate();
    let found = [Some("signature_missing"), Some("signature_mismatch"), None, Some("duplicate")];
    assert_eq!(*codes.lock().unwrap(), found);
}
