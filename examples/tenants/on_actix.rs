//! Many tenants behind one route on actix-web: each has secrets of its own, and all of them are in Postgres.
//!
//! ```text
//! DATABASE_URL=postgres://postgres@127.0.0.1/test cargo run --example tenants_actix
//! ```
//!
//! It sends itself signed deliveries over a real socket, changes a tenant's secret while deliveries come
//! in, and exits with 0 if each is answered as promised. `on_axum.rs` is the same on axum.

mod database;
mod secrets;
mod traffic;

use std::net::{SocketAddr, TcpListener};

use actix_web::{App, HttpServer, web};
use countersign::{Endpoint, MemoryStore};
use countersign_actix::{Webhook, WebhookMiddleware};

use crate::database::{Database, Failure};

/// Runs only for a delivery that was proven with a secret of this tenant.
async fn on_event(Webhook { delivery, .. }: Webhook) -> String {
    // The tenant is as the resolver names it. Do not take it from the path again: the path is not signed.
    let tenant = delivery.tenant().unwrap_or_default();
    let event = delivery.unverified().event_type().unwrap_or_default();
    format!("{tenant}: {event}")
}

fn start(endpoint: Endpoint) -> Result<SocketAddr, Failure> {
    // Made once: all workers share it, with what was looked up.
    let webhooks = WebhookMiddleware::new(endpoint, MemoryStore::new());
    let app = move || {
        let github = web::resource("/webhooks/{tenant}/github").wrap(webhooks.clone());
        App::new().service(github.route(web::post().to(on_event)))
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    tokio::spawn(HttpServer::new(app).workers(2).disable_signals().listen(listener)?.run());
    Ok(address)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let database = Database::create().await?;
    let endpoint = secrets::endpoint(database.pool())?;
    let address = start(endpoint.clone())?;
    let played = traffic::play(address, &endpoint, &database).await;
    database.remove().await?;
    played
}
