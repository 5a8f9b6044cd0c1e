//! An inner middleware's error on actix-web: the response that is judged is the one that is sent.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpMessage as _;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, post};
use actix_web::{App as Actix, Error, HttpResponse, ResponseError, error::InternalError};
use countersign::{Outcome, Reason};

use crate::client::Request;
use crate::fixtures;
use crate::harness::{App, Handler};
use crate::on_actix::{handle, middleware, serve};

const ACCEPTED: (Outcome, Option<Reason>) = (Outcome::Accepted, None);
const FAILED: (Outcome, Option<Reason>) = (Outcome::Failed, Some(Reason::HandlerStatus));

/// An error whose two words on its status differ.
#[derive(Debug)]
struct TwoFaced {
    says: StatusCode,
    sends: StatusCode,
    made: Arc<AtomicUsize>,
}

impl fmt::Display for TwoFaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two-faced")
    }
}

impl ResponseError for TwoFaced {
    fn status_code(&self) -> StatusCode {
        self.says
    }

    fn error_response(&self) -> HttpResponse {
        self.made.fetch_add(1, Ordering::SeqCst);
        HttpResponse::build(self.sends).insert_header(("x-own", "1")).body("own words")
    }
}

/// What answers for the handler takes the delivery for it.
fn take(request: &ServiceRequest) {
    request.extensions().get::<countersign::Delivery>().unwrap().mark_taken();
}

/// What the errors of this module say to whoever stands outside.
async fn expect_the_error(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let answer = next.call(request).await;
    match &answer {
        Err(error) => assert_eq!(error.to_string(), "two-faced"),
        // A duplicate, or what was refused before.
        Ok(response) => assert!(response.response().error().is_none()),
    }
    answer
}

#[tokio::test]
async fn an_inner_middlewares_error_counts_by_the_response_that_is_sent() {
    let fixture = fixtures::piora();
    for (says, sends) in [(500, 202), (503, 200), (200, 503), (202, 500), (404, 500)] {
        let made = Arc::new(AtomicUsize::new(0));
        let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
        let webhooks = middleware(&app, &app.endpoints[0]);
        let counted = Arc::clone(&made);
        let server = serve!(move || {
            let made = Arc::clone(&counted);
            let fail = from_fn(move |request: ServiceRequest, _: Next<_>| {
                take(&request);
                let made = Arc::clone(&made);
                let says = StatusCode::from_u16(says).unwrap();
                let sends = StatusCode::from_u16(sends).unwrap();
                async move {
                    Err::<ServiceResponse<actix_web::body::BoxBody>, Error>(
                        TwoFaced { says, sends, made }.into(),
                    )
                }
            });
            let resource = web::resource("/piora").route(post().to(handle)).wrap(fail);
            Actix::new().service(resource.wrap(webhooks.clone()).wrap(from_fn(expect_the_error)))
        })
        .0;
        let request = fixture.delivery(1);
        let reply = request.send(server).await;
        assert_eq!((reply.status, &*reply.body), (sends, "own words"), "says {says}");
        assert_eq!(reply.header("x-own"), Some("1"));
        assert_eq!(made.load(Ordering::SeqCst), 1, "the response is made once");
        if sends < 300 {
            request.send(server).await.is_duplicate();
            assert_eq!(app.reports.all()[0], ACCEPTED);
        } else {
            assert_eq!(request.send(server).await.status, sends, "it is handled again");
            assert_eq!(app.reports.all(), [FAILED, FAILED]);
        }
    }
}

/// `InternalError` gives its response away once, and a 500 from then on.
#[tokio::test]
async fn an_error_that_has_its_response_once_sends_it() {
    async fn fail(
        request: ServiceRequest,
        _: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<actix_web::body::BoxBody>, Error> {
        take(&request);
        let response = HttpResponse::Accepted().body("taken");
        Err(InternalError::from_response("taken", response).into())
    }
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
    let webhooks = middleware(&app, &app.endpoints[0]);
    let server = serve!(move || {
        let resource = web::resource("/piora").route(post().to(handle)).wrap(from_fn(fail));
        Actix::new().service(resource.wrap(webhooks.clone()))
    })
    .0;
    let request: Request = fixture.delivery(1);
    let reply = request.send(server).await;
    assert_eq!((reply.status, &*reply.body), (202, "taken"));
    request.send(server).await.is_duplicate();
}
