//! Public keys that a provider publishes as a JSON Web Key Set, and that each delivery names.
//!
//! ```text
//! cargo run --example published_keys
//! ```
//!
//! It publishes a key at an address of its own, sends itself signed deliveries while the provider adds a new key
//! and takes the old one away, and exits with 0 if each is answered as promised.

mod fetch;
mod published;

use std::time::{Duration, SystemTime};

use axum::{Router, routing::post};
use countersign::testing::Signer;
use countersign::{Endpoint, ManualClock, MemoryStore, Provider, ResolvedSecrets, Signature};
use countersign_examples::Exchange;
use countersign_tower::{Webhook, WebhookLayer};
use tokio::net::TcpListener;

use crate::fetch::KeySet;
use crate::published::{Key, Published};

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn on_event(Webhook { delivery, .. }: Webhook) -> String {
    format!("key {}", delivery.secret_label().unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (first, second) = (Key::new("2025", 1)?, Key::new("2026", 2)?);
    let published = Published::start().await?;
    published.set(&[&first]);

    let acme = Provider::builder("acme")
        .ed25519(Signature::header("x-acme-signature"))
        .event_id("id")
        .build()?;
    let keys = ResolvedSecrets::for_all(KeySet::at(&published.url())?).key_id_header("x-acme-key");
    // For the example, so that nobody waits for a minute. Leave the clock out in your own program.
    let clock = ManualClock::at(SystemTime::now());
    let endpoint = Endpoint::builder("acme", acme.clone()).resolve(keys).clock(clock.clone());
    let endpoint = endpoint.build()?;
    let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
    let app = Router::new().route("/webhooks/acme", post(on_event).route_layer(webhooks));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app).into_future());

    let mut to_us = Exchange::new(address, "/webhooks/acme");
    let sign = |key: &Key, named: &str, body: &str| {
        let mut headers = Signer::new(&acme, &key.private).sign(body);
        headers.push(("x-acme-key".to_owned(), named.to_owned()));
        headers
    };
    let one = r#"{"id":"evt_1"}"#;
    let headers = sign(&first, "2025", one);
    to_us.send("signed with the first key", &headers, one, "200 key 2025").await?;
    let two = r#"{"id":"evt_2"}"#;
    let refused = r#"401 {"error":"signature_mismatch"}"#;
    let headers = sign(&second, "2025", two);
    to_us.send("a signature of another key", &headers, two, refused).await?;

    // A careful provider publishes a key long before it signs with it. This one is not careful.
    published.set(&[&second, &first]);
    let unavailable = r#"503 {"error":"secrets_unavailable"}"#;
    let headers = sign(&second, "2026", two);
    to_us.send("a new key, too soon to fetch again", &headers, two, unavailable).await?;
    clock.advance(Duration::from_secs(60));
    to_us.send("its retry, a minute later", &headers, two, "200 key 2026").await?;
    let three = r#"{"id":"evt_3"}"#;
    let headers = sign(&first, "2025", three);
    to_us.send("the first key is still there", &headers, three, "200 key 2025").await?;

    published.take_down();
    clock.advance(Duration::from_secs(60));
    let four = r#"{"id":"evt_4"}"#;
    let headers = sign(&second, "2026", four);
    to_us.send("the address is down", &headers, four, "200 key 2026").await?;
    let headers = sign(&second, "forged", four);
    to_us.send("and a name that is not known", &headers, four, unavailable).await?;
    println!("fetched {} times", published.fetched());
    to_us.finish()?;
    Ok(())
}
