//! A 2xx whose body breaks off on its way to the sender. The status is the handler's word, and with it
//! the event is handled; the sender, who may not have heard it, sends again and hears of a duplicate.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::web::{self, post};
use actix_web::{App as Actix, HttpResponse};
use axum::Router;
use bytes::Bytes;
use countersign::Outcome;
use countersign_tower::WebhookLayer;
use futures_core::Stream;

use crate::fixtures::{self, Fixture};
use crate::harness::{App, Handler};
use crate::on_actix::middleware;
use crate::{on_actix, on_axum};

fn piora_app(handler: &Handler) -> (Fixture, App) {
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], handler);
    (fixture, app)
}

#[tokio::test]
async fn on_axum_it_has_acknowledged_the_event() {
    async fn breaks_off(_: countersign_tower::Webhook) -> axum::body::Body {
        axum::body::Body::from_stream(BreaksOff::default())
    }
    let (fixture, app) = piora_app(&Handler::answering(200));
    let webhook = WebhookLayer::from_receiver(app.receiver(&app.endpoints[0]));
    let route = axum::routing::post(breaks_off).route_layer(webhook);
    let server = on_axum::serve(Router::new().route("/piora", route)).await;
    let request = fixture.delivery(1);
    let reply = request.start(server).await.try_reply().await;
    assert!(reply.is_none(), "the sender does not hear the end: {reply:?}");
    assert_eq!(app.reports.all(), [(Outcome::Accepted, None)]);
    request.send(server).await.is_duplicate();
}

#[tokio::test]
async fn on_actix_it_has_acknowledged_the_event() {
    async fn breaks_off(_: countersign_actix::Webhook) -> HttpResponse {
        HttpResponse::Ok().streaming(BreaksOff::default())
    }
    let (fixture, app) = piora_app(&Handler::answering(200));
    let webhooks = middleware(&app, &app.endpoints[0]);
    let server = on_actix::serve!(move || {
        let resource = web::resource("/piora").wrap(webhooks.clone());
        Actix::new().service(resource.route(post().to(breaks_off)))
    })
    .0;
    let request = fixture.delivery(1);
    let reply = request.start(server).await.try_reply().await;
    assert!(reply.is_none(), "the sender does not hear the end: {reply:?}");
    assert_eq!(app.reports.all(), [(Outcome::Accepted, None)]);
    request.send(server).await.is_duplicate();
}

/// The body of an answer, of which there comes a piece and then an error.
#[derive(Default)]
struct BreaksOff(usize);

impl Stream for BreaksOff {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0 += 1;
        Poll::Ready(Some(match self.0 {
            1 => Ok(Bytes::from_static(b"thank ")),
            _ => Err(std::io::Error::other("out of words, on purpose")),
        }))
    }
}
