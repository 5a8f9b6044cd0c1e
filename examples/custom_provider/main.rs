//! A provider of your own, in ten lines: one that signs as Stripe does, with the time in the
//! signature's header and an id in the body; and its secret is being rotated.
//!
//! ```text
//! cargo run --example custom_provider
//! ```
//!
//! It sends itself deliveries over a real socket and exits with 0 if all went as expected.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use axum::{Router, routing::post};
use countersign::testing::Signer;
use countersign::{
    ConfigError, Endpoint, MemoryStore, Part, Provider, Retries, Secret, Signature, Timestamp,
};
use countersign_examples::Client;
use countersign_tower::{Webhook, WebhookLayer};
use serde::Deserialize;
use tokio::net::TcpListener;

/// `Acme-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256(secret, t "." body)>`
fn acme() -> Result<Provider, ConfigError> {
    Provider::builder("acme")
        .hmac_sha256(Signature::header("Acme-Signature").separator(',').prefix("v1="))
        .timestamp(Timestamp::header_item("Acme-Signature", ',', "t="))
        .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
        .event_type("type")
        .event_id("id")
        .retries(Retries::after([60, 600, 3600].map(Duration::from_secs)))
        .build()
}

/// Acme's events: whatever serde can read.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Event {
    #[serde(rename = "invoice.paid")]
    InvoicePaid { amount: u64 },
    #[serde(rename = "customer.left")]
    CustomerLeft { customer: String },
    // Acme will send types that it does not send today. Without this, they would be refused.
    #[serde(other)]
    Unknown,
}

async fn on_event(Webhook { event, delivery, .. }: Webhook<Event>) -> String {
    let happened = match event {
        Event::InvoicePaid { amount } => format!("paid: {amount}"),
        Event::CustomerLeft { customer } => format!("left: {customer}"),
        Event::Unknown => format!("passed over: {}", delivery.event_type().unwrap_or("no type")),
    };
    // Once no delivery is signed with the old secret any more, it can be dropped.
    format!("{happened} (secret {})", delivery.secret_label().unwrap_or("without a label"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let new = Secret::new("made this month")?.labeled("2026-11");
    let old = Secret::new("made a year ago")?.labeled("2025-11");
    let endpoint =
        Endpoint::builder("acme", acme()?).secrets([new.clone(), old.clone()]).build()?;
    let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
    let app = Router::new().route("/webhooks/acme", post(on_event).route_layer(webhooks));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app).into_future());

    let paid = r#"{"id":"evt_1","type":"invoice.paid","amount":4200}"#;
    let left = r#"{"id":"evt_2","type":"customer.left","customer":"cus_7"}"#;
    let other = r#"{"id":"evt_3","type":"invoice.sent"}"#;
    let unknown = Secret::new("a guess")?;
    let mut failures = 0;
    for (body, secret, status, expected) in [
        (paid, &new, 200, "paid: 4200 (secret 2026-11)"),
        (paid, &old, 200, "duplicate"),
        (left, &old, 200, "left: cus_7 (secret 2025-11)"),
        (other, &new, 200, "passed over: invoice.sent (secret 2026-11)"),
        (paid, &unknown, 401, "signature_mismatch"),
    ] {
        let answer = send(address, body, secret).await?;
        let as_expected = answer.0 == status && answer.1.contains(expected);
        failures += usize::from(!as_expected);
        println!("{body}\n  -> {} {}", answer.0, answer.1);
        if !as_expected {
            println!("  expected {status} {expected}");
        }
    }
    if failures == 0 { Ok(()) } else { Err(format!("{failures} not as expected").into()) }
}

/// Sends a delivery as Acme would.
async fn send(
    address: SocketAddr,
    body: &str,
    secret: &Secret,
) -> Result<(u16, String), Box<dyn Error>> {
    let headers = Signer::new(&acme()?, secret).at(SystemTime::now()).sign(body);
    let answer = Client::connect(address).await?.post("/webhooks/acme", &headers, body).await?;
    Ok((answer.status, answer.body))
}
