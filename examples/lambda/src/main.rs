//! A receiver of GitHub's webhooks on AWS Lambda.
//!
//! `lambda_http` makes an HTTP request of the event and decodes a base64 body. From there on it is a
//! router like every other: the layer does not know that it runs on Lambda.

use axum::{Router, http::StatusCode, routing::post};
use countersign::{Endpoint, Secret, Store, catalogue};
use countersign_redis::RedisStore;
use countersign_tower::{Webhook, WebhookLayer};
use lambda_http::Error;

#[derive(serde::Deserialize)]
struct Event {
    action: String,
}

async fn on_event(Webhook { event, delivery, .. }: Webhook<Event>) -> StatusCode {
    // From X-GitHub-Event, which GitHub does not sign: to choose what to do, not to decide.
    let claimed = delivery.unverified().event_type().unwrap_or_default();
    println!("{claimed} {}", event.action);
    // All work is done before the answer: Lambda freezes the process after it.
    StatusCode::OK
}

fn app(store: impl Store) -> Result<Router, Error> {
    let endpoint = Endpoint::builder("github", catalogue::provider("github")?)
        .secret(Secret::from_env("GITHUB_WEBHOOK_SECRET")?)
        .build()?;
    let webhooks = WebhookLayer::new(endpoint, store);
    Ok(Router::new().route("/webhooks/github", post(on_event).route_layer(webhooks)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Outside of the function: each copy of it has a memory of its own, and forgets it.
    let mut store = RedisStore::builder();
    // Where several programs share a Redis without sharing their events.
    if let Ok(prefix) = std::env::var("REDIS_PREFIX") {
        store = store.prefix(prefix);
    }
    let store = store.connect(std::env::var("REDIS_URL")?).await?;
    lambda_http::run(app(store)?).await
}
