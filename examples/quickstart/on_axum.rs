//! The receiver on axum: five routes, each behind the layer for its provider, all on one store.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::{ConfigError, Endpoint, MemoryStore};
use countersign_examples::Sender;
use countersign_tower::{Webhook, WebhookLayer};
use tokio::net::TcpListener;

use crate::work::Work;

/// Starts the receiver on a free port and tells which.
pub(crate) async fn start(senders: &[Sender; 5], work: Work) -> Result<SocketAddr, Box<dyn Error>> {
    let store = MemoryStore::new();
    let [piora, hostwares, percher, pingara, pakyas] = senders;
    let app = Router::new()
        .route("/webhooks/piora", post(on_piora).route_layer(layer(piora, &store)?))
        .route("/webhooks/hostwares", post(on_hostwares).route_layer(layer(hostwares, &store)?))
        .route("/webhooks/percher", post(on_percher).route_layer(layer(percher, &store)?))
        .route("/webhooks/pingara", post(on_pingara).route_layer(layer(pingara, &store)?))
        .route("/webhooks/pakyas", post(on_pakyas).route_layer(layer(pakyas, &store)?))
        .with_state(work);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(address)
}

/// The layer for one provider: its secret, and everything else as the provider needs it.
fn layer(sender: &Sender, store: &MemoryStore) -> Result<WebhookLayer<MemoryStore>, ConfigError> {
    let endpoint = Endpoint::builder(sender.name(), sender.provider().clone())
        .secret(sender.secret().clone())
        .build()?;
    Ok(WebhookLayer::new(endpoint, store.clone()))
}

// The handlers. Each gets its provider's typed event, and gets it only if the delivery is
// genuine, fresh and not handled before.

async fn on_piora(State(work): State<Work>, webhook: Webhook<piora::Event>) -> StatusCode {
    answer(work.handle(webhook.event.event_type.as_str()).await)
}

async fn on_hostwares(State(work): State<Work>, webhook: Webhook<hostwares::Event>) -> StatusCode {
    answer(work.handle(webhook.event.event_type.as_str()).await)
}

async fn on_percher(State(work): State<Work>, webhook: Webhook<percher::Event>) -> StatusCode {
    // Percher documents no payload, so there may be no type in it.
    let event_type = webhook.event.event_type.as_ref();
    answer(work.handle(event_type.map_or("", percher::EventType::as_str)).await)
}

async fn on_pingara(State(work): State<Work>, webhook: Webhook<pingara::Event>) -> StatusCode {
    answer(work.handle(webhook.event.event_type.as_str()).await)
}

async fn on_pakyas(State(work): State<Work>, webhook: Webhook<pakyas::Event>) -> StatusCode {
    answer(work.handle(webhook.event.event_type.as_str()).await)
}

fn answer(done: bool) -> StatusCode {
    if done { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}
