//! [Standard Webhooks](https://www.standardwebhooks.com) on actix-web, with an enum of your own. Many
//! providers send like this: OpenAI, Anthropic, Clerk, Resend … `countersign providers` lists them.
//!
//! ```text
//! cargo run --example standard_webhooks
//! ```
//!
//! It sends itself signed deliveries over a real socket and exits with 0 if each is answered as
//! promised.

use std::error::Error;
use std::net::TcpListener;

use actix_web::{App, HttpServer, web};
use countersign::testing::Signer;
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_actix::{Webhook, WebhookMiddleware};
use countersign_examples::Exchange;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

/// The specification's body: `{"type": …, "timestamp": …, "data": …}`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Event {
    #[serde(rename = "user.created")]
    UserCreated { name: String },
    #[serde(rename = "invoice.paid")]
    InvoicePaid { amount: u64 },
    // Types that are sent but not listed. `other` alone would refuse those that have `data`.
    #[serde(other, deserialize_with = "any")]
    Other,
}

fn any<'de, D: Deserializer<'de>>(data: D) -> Result<(), D::Error> {
    IgnoredAny::deserialize(data).map(drop)
}

async fn on_event(Webhook { event, delivery, .. }: Webhook<Event>) -> String {
    // The id is signed, and is the same for each attempt.
    let id = delivery.id().unwrap_or_default();
    match event {
        Event::UserCreated { name } => format!("{id}: {name} is new"),
        Event::InvoicePaid { amount } => format!("{id}: {amount} paid"),
        Event::Other => format!("{id}: passed over"),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // As the provider shows it: the key is what follows `whsec_`, in base64.
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    let provider = catalogue::provider("standard-webhooks")?;
    let endpoint = Endpoint::builder("acme", provider.clone()).secret(secret.clone()).build()?;
    // Made once: the app below is made for each worker, and all workers share this.
    let webhooks = WebhookMiddleware::new(endpoint, MemoryStore::new());
    let app = move || {
        let acme = web::resource("/webhooks/acme").wrap(webhooks.clone());
        App::new().service(acme.route(web::post().to(on_event)))
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut acme_sends = Exchange::new(listener.local_addr()?, "/webhooks/acme");
    actix_web::rt::spawn(HttpServer::new(app).disable_signals().listen(listener)?.run());

    let sign = |id, body, secret| Signer::new(&provider, secret).id(id).sign(body);
    let created =
        r#"{"type":"user.created","timestamp":"2026-11-28T12:00:00Z","data":{"name":"Ada"}}"#;
    let other = r#"{"type":"user.sneezed","timestamp":"2026-11-28T12:00:00Z","data":{"times":2}}"#;
    let genuine = sign("msg_1", created, &secret);
    acme_sends.send("genuine", &genuine, created, "200 msg_1: Ada is new").await?;
    let duplicate = r#"200 {"status":"duplicate"}"#;
    acme_sends.send("retried", &sign("msg_1", created, &secret), created, duplicate).await?;
    let unlisted = sign("msg_2", other, &secret);
    acme_sends.send("not listed", &unlisted, other, "200 msg_2: passed over").await?;
    let guess = Secret::new("whsec_YSBndWVzcyBvZiAyNCBieXRlcyBoZXJl")?;
    let forged = sign("msg_3", created, &guess);
    let refused = r#"401 {"error":"signature_mismatch"}"#;
    acme_sends.send("forged", &forged, created, refused).await?;
    Ok(acme_sends.finish()?)
}
