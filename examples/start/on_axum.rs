//! The program of the page [Start](../../docs/start.md), on axum. Here it takes its address from the
//! environment, and prints it, so that a test can start it.

use axum::{Router, http::StatusCode, routing::post};
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_tower::{Webhook, WebhookLayer};

#[derive(Debug, serde::Deserialize)]
struct Event {
    r#type: String,
}

/// Runs only for an event that is genuine, fresh and not handled before.
async fn on_event(webhook: Webhook<Event>) -> StatusCode {
    println!("{} {:?}", webhook.event.r#type, webhook.delivery.id());
    StatusCode::OK // handled: do not send it again
}

fn app() -> Result<Router, Box<dyn std::error::Error>> {
    let endpoint = Endpoint::builder("stripe", catalogue::provider("stripe")?)
        .secret(Secret::from_env("STRIPE_SECRET")?)
        .build()?;
    let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
    Ok(Router::new().route("/webhooks/stripe", post(on_event).route_layer(webhooks)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // the log, which says why a delivery was refused
    let listener = tokio::net::TcpListener::bind(std::env::var("ADDR")?).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app()?).await?;
    Ok(())
}
