//! Slack's events and slash commands on axum.
//!
//! ```text
//! cargo run --example slack
//! ```
//!
//! It sends itself signed deliveries over a real socket and exits with 0 if each is answered as
//! promised.

use std::error::Error;

use axum::{Router, routing::post};
use countersign::testing::Signer;
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_examples::Exchange;
use countersign_tower::{Webhook, WebhookLayer};
use serde::Deserialize;
use tokio::net::TcpListener;

/// What comes to the URL under "Event Subscriptions".
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Outer {
    EventCallback {
        event: Event,
    },
    // Types that are sent but not listed.
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    AppMention {
        user: String,
        text: String,
    },
    #[serde(other)]
    Other,
}

/// Slack waits 3 seconds, and then sends the event again: answer at once, work later.
async fn on_event(Webhook { event, delivery, .. }: Webhook<Outer>) -> String {
    match event {
        Outer::EventCallback { event: Event::AppMention { user, text } } => {
            format!("{user} said: {text}")
        }
        _ => format!("passed over: {}", delivery.id().unwrap_or_default()),
    }
}

/// What comes to the URL of a slash command: a form, and not JSON.
#[derive(Debug, Deserialize)]
struct Command {
    command: String,
    text: String,
    user_name: String,
}

/// The answer is what the user sees.
async fn on_command(Webhook { event: command, .. }: Webhook<Command>) -> String {
    format!("{} wants {} {}", command.user_name, command.command, command.text)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::new("the signing secret, under Basic Information")?;
    let slack = catalogue::provider("slack")?;
    // One app, one secret, but two URLs: an endpoint for each. One store serves both.
    let store = MemoryStore::new();
    let webhooks = |name| {
        let endpoint = Endpoint::builder(name, slack.clone()).secret(secret.clone()).build()?;
        Ok::<_, countersign::ConfigError>(WebhookLayer::new(endpoint, store.clone()))
    };
    let app = Router::new()
        .route("/slack/events", post(on_event).route_layer(webhooks("slack-events")?))
        .route("/slack/commands", post(on_command).route_layer(webhooks("slack-commands")?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut events = Exchange::new(listener.local_addr()?, "/slack/events");
    let mut commands = Exchange::new(listener.local_addr()?, "/slack/commands");
    tokio::spawn(axum::serve(listener, app).into_future());

    let sign = |body: &str, secret| Signer::new(&slack, secret).sign(body);
    let guess = Secret::new("a guess")?;
    // Slack sends this when the URL is typed in. No handler runs: the layer answers it.
    let challenge = r#"{"type":"url_verification","challenge":"3eZbrw1aBm"}"#;
    events.send("challenge", &sign(challenge, &secret), challenge, "200 3eZbrw1aBm").await?;
    let refused = r#"401 {"error":"signature_mismatch"}"#;
    events.send("forged challenge", &sign(challenge, &guess), challenge, refused).await?;

    let mention = r#"{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention","user":"U7","text":"hello"}}"#;
    let duplicate = r#"200 {"status":"duplicate"}"#;
    events.send("mention", &sign(mention, &secret), mention, "200 U7 said: hello").await?;
    events.send("retried", &sign(mention, &secret), mention, duplicate).await?;
    events.send("forged", &sign(mention, &guess), mention, refused).await?;

    let weather = "command=%2Fweather&text=in+Oslo&user_name=ada&trigger_id=1.2";
    let form = |secret| {
        let mut headers = sign(weather, secret);
        headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
        headers
    };
    commands.send("command", &form(&secret), weather, "200 ada wants /weather in Oslo").await?;
    commands.send("replayed", &form(&secret), weather, duplicate).await?;
    commands.send("forged", &form(&guess), weather, refused).await?;
    events.finish()?;
    Ok(commands.finish()?)
}
