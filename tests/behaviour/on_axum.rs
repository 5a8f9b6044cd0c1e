//! axum as an adapter under test.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use countersign_tower::{Webhook, WebhookLayer};
use tokio::net::TcpListener;

use crate::client::Server;
use crate::harness::{Adapter, App, Handler};

pub struct Axum<const HTTP2: bool>;

impl<const HTTP2: bool> Adapter for Axum<HTTP2> {
    async fn serve(app: App) -> Server {
        Server { http2: HTTP2, ..serve(router(&app)).await }
    }
}

/// Serves a router on a free port.
pub async fn serve(router: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address.into()
}

/// The application as a router.
pub fn router(app: &App) -> Router {
    app.endpoints.iter().fold(Router::new(), |router, endpoint| {
        let mut layer = WebhookLayer::from_receiver(app.receiver(endpoint));
        if app.cancel_on_disconnect {
            layer = layer.cancel_on_disconnect();
        }
        router.route(&format!("/{}", endpoint.name()), route(app).layer(layer))
    })
}

/// The application's handler as a route, with nothing around it.
pub fn route(app: &App) -> MethodRouter {
    post(handle).with_state(app.handler.clone())
}

async fn handle(State(handler): State<Handler>, webhook: Webhook, body: Bytes) -> StatusCode {
    StatusCode::from_u16(handler.run(webhook.delivery, body).await).unwrap()
}
