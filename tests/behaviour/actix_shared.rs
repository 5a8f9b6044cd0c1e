//! Outer middleware of actix-web that meddles with the request: it holds a clone, or its payload
//! panics.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, post};
use actix_web::{App as Actix, Error, HttpMessage as _};
use bytes::Bytes;
use countersign::{Outcome, Reason, RejectionKind};
use futures_core::Stream;

use crate::fixtures;
use crate::harness::{App, Handler};
use crate::on_actix::{configure, handle, middleware, serve};
use crate::panics::Panics;

/// Holds a clone of the request while it is handled.
async fn hold(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let held = request.request().clone();
    let answer = next.call(request).await;
    drop(held);
    answer
}

#[tokio::test]
async fn a_delivery_is_handled_though_an_outer_middleware_holds_the_request() {
    for fixture in fixtures::all() {
        let panics = Panics::watch();
        let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
        let webhooks = middleware(&app, &app.endpoints[0]);
        let script = Data::new(app.handler.clone());
        let server = serve!(move || {
            let resource = web::resource("/{name}").route(post().to(handle));
            let resource = resource.wrap(webhooks.clone()).wrap(from_fn(hold));
            Actix::new().app_data(script.clone()).service(resource)
        })
        .0;
        for number in 1..=3 {
            let request = fixture.delivery(number);
            assert_eq!(request.send(server).await.status, 200, "{}", fixture.name);
            request.send(server).await.is_duplicate();
        }
        let expected = [
            (Outcome::Accepted, None),
            (Outcome::Duplicate, Some(Reason::Rejected(RejectionKind::Duplicate))),
        ];
        assert_eq!(app.reports.all(), expected.repeat(3));
        // actix-web says by a panic that the request cannot be changed. Once is enough.
        let told = panics.count(|panic| panic.file.contains("/actix-web-"));
        assert_eq!(told, usize::from(!fixture.signs_the_body()), "{}", fixture.name);
    }
}

/// A body that panics when it is read.
struct Panicking;

impl Stream for Panicking {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        panic!("an outer middleware's own bug, on purpose");
    }
}

#[tokio::test]
async fn a_body_whose_reading_panics_is_reported() {
    async fn replace(
        mut request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        drop(request.take_payload());
        request.set_payload(Payload::Stream { payload: Box::pin(Panicking) });
        next.call(request).await
    }
    for fixture in [fixtures::piora(), fixtures::all().swap_remove(4)] {
        let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
        let configure = configure(&app);
        let make = move || Actix::new().configure(configure.clone()).wrap(from_fn(replace));
        let server = serve!(make).0;
        assert!(fixture.delivery(1).start(server).await.try_reply().await.is_none());
        assert_eq!(
            app.reports.all(),
            [(Outcome::Rejected, Some(Reason::Rejected(RejectionKind::BodyIncomplete)))]
        );
        assert_eq!(app.handler.runs(), 0);
    }
}
