//! axum as an adapter under test.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::routing::{MethodRouter, any, post};
use axum::{Json, Router};
use bytes::Bytes;
use countersign::providers::{hostwares, piora};
use countersign::{DynStore, Endpoint, MemoryStore};
use countersign_tower::{Webhook, WebhookLayer, WebhookRejection};
use tokio::net::TcpListener;

use crate::client::Server;
use crate::extractor::{self, Item, Misfit, Own, Typed};
use crate::harness::{Adapter, App, Handler, Shape};

pub struct Axum<const HTTP2: bool>;

impl<const HTTP2: bool> Adapter for Axum<HTTP2> {
    const ADD: &'static str = "add `.route_layer(WebhookLayer::new(endpoint, store))` to the route";
    const REMOVE: &'static str = "remove `.layer(WebhookLayer…)` from the router";

    async fn serve(app: App) -> Server {
        let at_work = app.at_work.clone();
        let counted = from_fn(move |request: Request, next: Next| {
            let entered = at_work.enter();
            async move {
                let response = next.run(request).await;
                drop(entered);
                response
            }
        });
        Server { http2: HTTP2, ..serve(router(&app).layer(counted)).await }
    }

    async fn serve_extractors(endpoint: Endpoint) -> Server {
        Server { http2: HTTP2, ..serve(extractors(endpoint)).await }
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
    let around = app.endpoints.first().map(|endpoint| layer(app, endpoint)).unwrap();
    app.endpoints.iter().fold(Router::new(), |router, endpoint| {
        let (path, layer) = (format!("/{}", endpoint.name()), layer(app, endpoint));
        let state = app.handler.clone();
        match app.shape {
            Shape::Routes => router.route(&path, route(app).route_layer(layer)),
            Shape::WithHandshakes => router.route(&path, route(app).layer(layer)),
            Shape::AllMethods => router.route(&path, any(handle).with_state(state).layer(layer)),
            Shape::Twice => {
                router.route(&path, route(app).route_layer(layer)).layer(around.clone())
            }
            Shape::Around => router
                .route(&path, route(app))
                .route("/bytes", post(|_: Bytes| async {}))
                .route("/misfit", post(|_: Result<Webhook<Misfit>, WebhookRejection>| async {}))
                .route("/empty", any(|| async {}))
                .layer(around.clone()),
        }
    })
}

/// The application's middleware for one of its endpoints.
pub fn layer(app: &App, endpoint: &Endpoint) -> WebhookLayer<Arc<dyn DynStore>> {
    let mut layer = WebhookLayer::from_receiver(app.receiver(endpoint)).tasks(&app.tasks);
    if app.cancel_on_disconnect {
        layer = layer.cancel_on_disconnect();
    }
    let Some(make) = app.error_handler else { return layer };
    layer.error_handler(move |rejection| {
        let own = make(rejection);
        let mut response = http::Response::builder().status(own.status);
        for (name, value) in own.headers {
            response = response.header(name, value);
        }
        response.body(own.body).unwrap()
    })
}

/// The application's handler as a route, with nothing around it.
pub fn route(app: &App) -> MethodRouter {
    post(handle).with_state(app.handler.clone())
}

async fn handle(State(handler): State<Handler>, webhook: Webhook, body: Bytes) -> StatusCode {
    StatusCode::from_u16(handler.run(webhook.delivery, body).await).unwrap()
}

/// A route for each way to take a delivery.
fn extractors(endpoint: Endpoint) -> Router {
    let layer = WebhookLayer::new(endpoint, MemoryStore::new());
    let guarded = Router::new()
        .route("/event", post(|hook: Webhook<piora::Event>| async { extractor::event(hook.event) }))
        .route("/own", post(own))
        .route("/raw", post(|hook: Webhook| async move { extractor::raw(&hook.event) }))
        .route("/typed", post(|hook: Webhook<Typed>| async move { extractor::typed(&hook.event) }))
        .route(
            "/items",
            post(|hook: Webhook<Vec<Item>>| async move { extractor::items(&hook.event) }),
        )
        .route("/foreign", post(|_: Webhook<hostwares::Event>| async {}))
        .route("/misfit", post(|_: Webhook<Misfit>| async {}))
        .route("/result", post(result))
        .route_layer(layer);
    guarded.route("/unguarded", post(|_: Webhook| async {}))
}

async fn own(
    Webhook { event, delivery, .. }: Webhook<Own>,
    Json(json): Json<serde_json::Value>,
) -> String {
    extractor::own(event, &delivery, &json)
}

async fn result(webhook: Result<Webhook<Misfit>, WebhookRejection>) -> (StatusCode, String) {
    (StatusCode::IM_A_TEAPOT, extractor::refused(webhook.unwrap_err().error()))
}
