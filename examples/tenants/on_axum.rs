//! Many tenants behind one route on axum: each has secrets of its own, and all of them are in Postgres.
//!
//! ```text
//! DATABASE_URL=postgres://postgres@127.0.0.1/test cargo run --example tenants_axum
//! ```
//!
//! It sends itself signed deliveries over a real socket, changes a tenant's secret while deliveries come
//! in, and exits with 0 if each is answered as promised. `on_actix.rs` is the same on actix-web.

mod database;
mod secrets;
mod traffic;

use std::net::SocketAddr;

use axum::{Router, routing::post};
use countersign::{Endpoint, MemoryStore};
use countersign_tower::{Webhook, WebhookLayer};
use tokio::net::TcpListener;

use crate::database::{Database, Failure};

/// Runs only for a delivery that was proven with a secret of this tenant.
async fn on_event(Webhook { delivery, .. }: Webhook) -> String {
    // The tenant is as the resolver names it. Do not take it from the path again: the path is not signed.
    let tenant = delivery.tenant().unwrap_or_default();
    let event = delivery.unverified().event_type().unwrap_or_default();
    format!("{tenant}: {event}")
}

async fn start(endpoint: Endpoint) -> Result<SocketAddr, Failure> {
    let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
    let app =
        Router::new().route("/webhooks/{tenant}/github", post(on_event).route_layer(webhooks));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(address)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let database = Database::create().await?;
    let endpoint = secrets::endpoint(database.pool())?;
    let address = start(endpoint.clone()).await?;
    let played = traffic::play(address, &endpoint, &database).await;
    database.remove().await?;
    played
}
