//! What of actix-web a middleware may be wrapped around, and what may stand inside of it.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::error::{ErrorGatewayTimeout, ErrorInternalServerError, InternalError};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{self, Data, get, post};
use actix_web::{App as Actix, Error, HttpMessage, HttpRequest};
use countersign::{Delivery, Outcome, Reason};
use countersign_actix::Webhook;

use crate::client::Request;
use crate::fixtures::{self, Fixture};
use crate::harness::{App, Gate, Handler, eventually};
use crate::on_actix::{configure, handle, middleware, serve};

const ACCEPTED: (Outcome, Option<Reason>) = (Outcome::Accepted, None);
const FAILED: (Outcome, Option<Reason>) = (Outcome::Failed, Some(Reason::HandlerStatus));

fn piora_app(handler: &Handler) -> (Fixture, App) {
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], handler);
    (fixture, app)
}

/// A handler whose first run never ends.
fn hanging_once() -> Handler {
    Handler::new(|call| async move {
        if call.run == 1 {
            std::future::pending::<()>().await;
        }
        200
    })
}

#[tokio::test]
async fn a_token_is_marked_as_sensitive_for_the_handler() {
    async fn show(_: Webhook, request: HttpRequest) -> String {
        format!("{:?}", request.headers())
    }
    for (number, header) in [(4, "x-pingara-secret"), (5, "authorization")] {
        let fixture = fixtures::all().swap_remove(number);
        let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
        let webhooks = middleware(&app, &app.endpoints[0]);
        let server = serve!(move || {
            let resource = web::resource("/{name}").wrap(webhooks.clone());
            Actix::new().service(resource.route(post().to(show)))
        })
        .0;
        let reply = fixture.delivery(1).send(server).await;
        assert_eq!(reply.status, 200);
        assert!(reply.body.contains(header), "{}", reply.body);
        assert!(reply.body.contains("Sensitive"), "{}", reply.body);
        assert!(!reply.body.contains(fixtures::SECRET), "{}", reply.body);
    }
}

#[tokio::test]
async fn all_methods_of_a_resource_are_behind_it() {
    let fixture = fixtures::piora();
    let endpoint = fixture.endpoint().methods(["POST", "PUT", "GET"]).build().unwrap();
    let app = App::new([endpoint], &Handler::answering(200));
    let (webhooks, script) = (middleware(&app, &app.endpoints[0]), Data::new(app.handler.clone()));
    let server = serve!(move || {
        let resource = web::resource("/piora").wrap(webhooks.clone()).route(post().to(handle));
        let resource = resource.route(get().to(|_: Webhook| async { "got" }));
        Actix::new().app_data(script.clone()).service(resource)
    })
    .0;
    let request = fixture.delivery(1);
    for method in ["GET", "PUT"] {
        let unsigned = request.clone().without(fixture.proof_header).method(method);
        unsigned.send(server).await.is_rejection(401, "signature_missing");
    }
    // Accepted by the endpoint, and by no route of the resource.
    assert_eq!(request.clone().method("PUT").send(server).await.status, 405);
    assert_eq!(app.reports.all()[2..], [FAILED], "its claim is free again");
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(fixture.delivery(2).method("GET").send(server).await.body, "got");
    assert_eq!(app.handler.runs(), 1);
}

#[tokio::test]
async fn a_scope_and_a_whole_app_may_be_wrapped() {
    let (fixture, app) = piora_app(&Handler::answering(200));
    let (webhooks, script) = (middleware(&app, &app.endpoints[0]), Data::new(app.handler.clone()));
    let around_scope = serve!({
        let (webhooks, script) = (webhooks.clone(), script.clone());
        move || {
            let inner = web::scope("/piora").route("/in", post().to(handle));
            let scope = web::scope("/hooks").wrap(webhooks.clone()).service(inner);
            let open = web::resource("/open").to(|| async { "open" });
            Actix::new().app_data(script.clone()).service(scope).service(open)
        }
    })
    .0;
    let around_app = serve!(move || {
        let resource = web::resource("/hooks/piora/in").route(post().to(handle));
        Actix::new().app_data(script.clone()).service(resource).wrap(webhooks.clone())
    })
    .0;
    for (number, server) in [(1, around_scope), (2, around_app)] {
        let to = |path: &str| Request { path: path.to_owned(), ..fixture.delivery(number) };
        for path in ["/hooks/piora/in", "/hooks/nowhere"] {
            let unsigned = to(path).without(fixture.proof_header);
            unsigned.send(server).await.is_rejection(401, "signature_missing");
        }
        let request = to("/hooks/piora/in");
        let astray = Request { path: "/hooks/nowhere".to_owned(), ..request.clone() };
        assert_eq!(astray.send(server).await.status, 404);
        assert_eq!(request.send(server).await.status, 200, "what went astray is not handled");
        astray.send(server).await.is_duplicate();
    }
    assert_eq!(app.handler.runs(), 2);
    let open = Request::post("open", Vec::new(), "");
    assert_eq!(open.send(around_scope).await.body, "open");
    open.send(around_app).await.is_rejection(401, "signature_missing");
}

#[tokio::test]
async fn an_inner_middlewares_error_counts_by_its_status() {
    async fn fail(
        request: ServiceRequest,
        _: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse, Error> {
        request.extensions().get::<Delivery>().unwrap().mark_taken();
        let path = request.path().to_owned();
        Err(match &*path {
            "/fails" => ErrorInternalServerError("out of order"),
            _ => InternalError::new("taken", StatusCode::ACCEPTED).into(),
        })
    }
    let (fixture, app) = piora_app(&Handler::answering(200));
    let webhooks = middleware(&app, &app.endpoints[0]);
    let server = serve!(move || {
        let resource = web::resource(["/fails", "/succeeds"]).route(post().to(handle));
        Actix::new().service(resource.wrap(from_fn(fail)).wrap(webhooks.clone()))
    })
    .0;
    let fails = Request { path: "/fails".to_owned(), ..fixture.delivery(1) };
    for _ in 0..2 {
        let reply = fails.send(server).await;
        assert_eq!((reply.status, &*reply.body), (500, "out of order"));
    }
    let succeeds = Request { path: "/succeeds".to_owned(), ..fails };
    let reply = succeeds.send(server).await;
    assert_eq!((reply.status, &*reply.body), (202, "taken"));
    succeeds.send(server).await.is_duplicate();
    assert_eq!(app.reports.all()[..3], [FAILED, FAILED, ACCEPTED]);
}

async fn in_fifty_milliseconds(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let answer = actix_web::rt::time::timeout(Duration::from_millis(50), next.call(request)).await;
    answer.unwrap_or_else(|_| Err(ErrorGatewayTimeout("late")))
}

#[tokio::test]
async fn a_timeout_inside_cancels_the_handler_and_releases_the_claim() {
    let (fixture, app) = piora_app(&hanging_once());
    let (webhooks, script) = (middleware(&app, &app.endpoints[0]), Data::new(app.handler.clone()));
    let server = serve!(move || {
        let resource = web::resource("/piora").route(post().to(handle));
        let resource = resource.wrap(from_fn(in_fifty_milliseconds)).wrap(webhooks.clone());
        Actix::new().app_data(script.clone()).service(resource)
    })
    .0;
    let request = fixture.delivery(1);
    let reply = request.send(server).await;
    assert_eq!((reply.status, &*reply.body), (504, "late"));
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(app.reports.all(), [FAILED, ACCEPTED]);
}

#[tokio::test]
async fn a_timeout_outside_answers_while_the_handler_goes_on() {
    let gate = Gate::shut();
    let (fixture, app) = piora_app(&Handler::gated(&gate));
    let configure = configure(&app);
    let server = serve!(move || {
        Actix::new().configure(configure.clone()).wrap(from_fn(in_fifty_milliseconds))
    })
    .0;
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 504);
    request.send(server).await.is_not_now("in_flight");
    gate.open();
    eventually("the claim is settled", || app.reports.all().contains(&ACCEPTED)).await;
    request.send(server).await.is_duplicate();
    assert_eq!((app.handler.runs(), app.handler.ended()), (1, 1));
}

/// The request as actix-web's own test helpers take it.
fn in_process(request: &Request) -> TestRequest {
    let mut builder = TestRequest::post().uri(&request.path).set_payload(request.body.clone());
    for (name, value) in &request.headers {
        builder = builder.append_header((name.as_str(), value.as_slice()));
    }
    builder
}

#[actix_web::test]
async fn it_works_in_process() {
    let (fixture, app) = piora_app(&Handler::answering(202));
    let service = init_service(Actix::new().configure(configure(&app))).await;
    let request = fixture.delivery(1);
    let unsigned = request.clone().without(fixture.proof_header);
    assert_eq!(call_service(&service, in_process(&unsigned).to_request()).await.status(), 401);
    assert_eq!(call_service(&service, in_process(&request).to_request()).await.status(), 202);
    let again = call_service(&service, in_process(&request).to_request()).await;
    assert_eq!(
        (again.status().as_u16(), &*read_body(again).await),
        (200, &br#"{"status":"duplicate"}"#[..])
    );
    assert_eq!(app.handler.seen()[0].1, request.body);
}

#[actix_web::test]
async fn in_process_a_dropped_response_leaves_the_handler_running() {
    let gate = Gate::shut();
    let (fixture, app) = piora_app(&Handler::gated(&gate));
    let service = init_service(Actix::new().configure(configure(&app))).await;
    let call = service.call(in_process(&fixture.delivery(1)).to_request());
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    assert_eq!((app.handler.runs(), app.tasks.running()), (1, 1));
    gate.open();
    tokio::time::timeout(Duration::from_secs(10), app.tasks.finished()).await.unwrap();
    assert_eq!(app.reports.all(), [ACCEPTED]);
}
