//! GitHub's webhooks on axum, read with the event types of octocrab.
//!
//! ```text
//! cargo run --example github
//! ```
//!
//! It sends itself signed deliveries over a real socket and exits with 0 if each is answered as
//! promised.

use std::error::Error;

use axum::{Router, http::StatusCode, routing::post};
use countersign::testing::Signer;
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_examples::Exchange;
use countersign_tower::{Webhook, WebhookLayer};
use octocrab::models::webhook_events::{WebhookEvent, WebhookEventPayload};
use tokio::net::TcpListener;

async fn on_event(Webhook { delivery, .. }: Webhook) -> (StatusCode, String) {
    // GitHub signs the body, and writes the event's type into a header that it does not sign. So the
    // type is in `unverified`. It may choose how to read the body: that GitHub sent these bytes is
    // proven, and whoever sends them again under another type has to find one whose shape they have.
    // It must not decide anything else. What the handler acts on has to be in the body.
    let claimed = delivery.unverified().event_type().unwrap_or_default();
    match WebhookEvent::try_from_header_and_body(claimed, delivery.body()) {
        Ok(event) => {
            let repository = event.repository.map(|repository| repository.name);
            let repository = repository.unwrap_or_default();
            let happened = match event.specific {
                WebhookEventPayload::Star(star) => format!("{repository} star {:?}", star.action),
                WebhookEventPayload::Push(push) => format!("{repository} push to {}", push.r#ref),
                // `ping` comes when a webhook is made. Any 2xx is the right answer to it, and to all
                // that does not matter here.
                _ => format!("passed over: {claimed}"),
            };
            (StatusCode::OK, happened)
        }
        // GitHub lists it as failed. The event is not handled: sent again by hand, it is accepted.
        Err(_) => (StatusCode::UNPROCESSABLE_ENTITY, format!("not the shape of {claimed}")),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::new("typed into the form of the webhook")?;
    let github = catalogue::provider("github")?;
    let endpoint = Endpoint::builder("github", github.clone()).secret(secret.clone()).build()?;
    let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
    let app = Router::new().route("/webhooks/github", post(on_event).route_layer(webhooks));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut github_sends = Exchange::new(listener.local_addr()?, "/webhooks/github");
    tokio::spawn(axum::serve(listener, app).into_future());

    let url = "https://api.github.test/repos/octo/cat";
    let repository = format!(r#"{{"id":1,"name":"cat","url":"{url}"}}"#);
    let star = format!(r#"{{"action":"created","repository":{repository}}}"#);
    let ping = r#"{"zen":"Design for failure.","hook_id":1}"#;
    let star_as = |kind: &str, delivery_id: &str, secret: &Secret| {
        let signer = Signer::new(&github, secret).header("X-GitHub-Event", kind);
        signer.header("X-GitHub-Delivery", delivery_id).sign(&star)
    };
    let pinged = Signer::new(&github, &secret).header("X-GitHub-Event", "ping").sign(ping);

    github_sends.send("ping", &pinged, ping, "200 passed over: ping").await?;
    let genuine = star_as("star", "1", &secret);
    github_sends.send("genuine", &genuine, &star, "200 cat star Created").await?;
    let duplicate = r#"200 {"status":"duplicate"}"#;
    github_sends.send("sent again", &genuine, &star, duplicate).await?;
    // The delivery's id is in a header that is not signed either, so it makes no new event.
    let renamed = star_as("star", "2", &secret);
    github_sends.send("under another id", &renamed, &star, duplicate).await?;
    let retyped = star_as("issues", "1", &secret);
    github_sends.send("as another type", &retyped, &star, "422 not the shape of issues").await?;
    let forged = star_as("star", "3", &Secret::new("a guess")?);
    let refused = r#"401 {"error":"signature_mismatch"}"#;
    github_sends.send("forged", &forged, &star, refused).await?;
    Ok(github_sends.finish()?)
}
