//! Stripe's events into a stream of NATS JetStream.
//!
//! The handler publishes an event and answers 2xx when the stream has it. The event's key is the
//! message's id (`Nats-Msg-Id`), so both sides of the hand-off are covered: the store against the
//! provider's retries, and the stream against a second publication of one event. That happens when
//! the process dies between the publication and the mark "handled", or when the stream's
//! acknowledgement is lost.

use std::error::Error;
use std::time::Duration;

use async_nats::HeaderValue;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{Context, stream};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::post};
use countersign::{Delivery, Endpoint, ErrorChain, MemoryStore, Secret, catalogue};
use countersign_tower::{Webhook, WebhookLayer};
use tokio::net::TcpListener;

type Failure = Box<dyn Error + Send + Sync>;

/// How long the stream remembers the ids of its messages. At least the lease: after a crash the event
/// comes again when its lease has ended.
const DUPLICATES: Duration = Duration::from_secs(10 * 60);

/// How long to wait for the stream. Less than the provider waits for us.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(4);

async fn on_event(State(stream): State<Context>, webhook: Webhook) -> StatusCode {
    match publish(&stream, &webhook.delivery).await {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            // Perhaps it is in the stream all the same. Its next delivery has the same id.
            eprintln!("not published: {}", ErrorChain::of(&*error));
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// Ends when the stream has the event, whether this publication brought it or one before.
async fn publish(stream: &Context, delivery: &Delivery) -> Result<(), Failure> {
    let mut message = PublishMessage::build()
        .payload(delivery.body().clone())
        .message_id(delivery.key().to_string());
    // One with a line break would be further headers.
    if let Some(Ok(event_type)) = delivery.event_type().map(str::parse::<HeaderValue>) {
        message = message.header("Webhook-Type", event_type);
    }
    let subject = format!("webhooks.{}", delivery.endpoint());
    let acknowledged = stream.send_publish(subject, message).await?;
    let known = if acknowledged.await?.duplicate { ", again" } else { "" };
    println!("published {}{known}", delivery.key());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let client = async_nats::connect(std::env::var("NATS_URL")?).await?;
    let stream = ContextBuilder::new().timeout(ACKNOWLEDGED_WITHIN).build(client);
    stream
        .get_or_create_stream(stream::Config {
            name: "WEBHOOKS".to_owned(),
            subjects: vec!["webhooks.>".to_owned()],
            duplicate_window: DUPLICATES,
            ..Default::default()
        })
        .await?;

    let endpoint = Endpoint::builder("stripe", catalogue::provider("stripe")?)
        .secret(Secret::from_env("STRIPE_WEBHOOK_SECRET")?)
        .build()?;
    // For one process; several share a store. The stream catches what a restart forgets.
    let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
    let app = Router::new()
        .route("/webhooks/stripe", post(on_event).route_layer(webhooks))
        .with_state(stream);
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
