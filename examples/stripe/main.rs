//! Stripe's webhooks on actix-web, with a type of your own for the events that matter to you.
//!
//! ```text
//! cargo run --example stripe
//! ```
//!
//! Types of your own, because a handler reads few fields of few events, and such a type also survives
//! the next version of Stripe's API. `async-stripe-webhook` has types of all of them: read
//! `delivery.body()` with it. It is not used here because it takes about two minutes of one core to
//! compile, with two of its nine groups of types.
//!
//! It sends itself signed deliveries over a real socket and exits with 0 if each is answered as
//! promised.

use std::error::Error;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use actix_web::{App, HttpServer, web};
use countersign::testing::Signer;
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_actix::{Webhook, WebhookMiddleware};
use countersign_examples::Exchange;
use serde::Deserialize;

/// Stripe's `Event`: its `type` says what is in `data.object`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Event {
    #[serde(rename = "invoice.paid")]
    InvoicePaid { data: Data<Invoice> },
    #[serde(rename = "customer.subscription.deleted")]
    SubscriptionDeleted { data: Data<Subscription> },
    // Stripe sends every type that the endpoint is subscribed to. Without this, one that is not
    // listed above would be refused with a 400, and sent again for three days.
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Data<T> {
    object: T,
}

#[derive(Debug, Deserialize)]
struct Invoice {
    customer: String,
    amount_paid: i64,
    currency: String,
}

#[derive(Debug, Deserialize)]
struct Subscription {
    customer: String,
}

async fn on_event(Webhook { event, delivery, .. }: Webhook<Event>) -> String {
    match event {
        Event::InvoicePaid { data: Data { object: invoice } } => {
            format!("{} paid {} {}", invoice.customer, invoice.amount_paid, invoice.currency)
        }
        Event::SubscriptionDeleted { data } => format!("{} left", data.object.customer),
        // Type and id are in the body, so they are proven.
        Event::Other => format!("passed over: {}", delivery.event_type().unwrap_or_default()),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // All of it is the secret, `whsec_` too.
    let secret = Secret::new("whsec_shown_for_the_endpoint_in_the_dashboard")?;
    let stripe = catalogue::provider("stripe")?;
    let endpoint = Endpoint::builder("stripe", stripe.clone()).secret(secret.clone()).build()?;
    // Made once: the app below is made for each worker, and all workers share this.
    let webhooks = WebhookMiddleware::new(endpoint, MemoryStore::new());
    let app = move || {
        let stripe = web::resource("/webhooks/stripe").wrap(webhooks.clone());
        App::new().service(stripe.route(web::post().to(on_event)))
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stripe_sends = Exchange::new(listener.local_addr()?, "/webhooks/stripe");
    actix_web::rt::spawn(HttpServer::new(app).disable_signals().listen(listener)?.run());

    let now = SystemTime::now();
    let sign = |body, secret, time| Signer::new(&stripe, secret).at(time).sign(body);
    let invoice = r#"{"customer":"cus_7","amount_paid":4200,"currency":"eur"}"#;
    let paid = format!(
        r#"{{"id":"evt_1","object":"event","type":"invoice.paid","data":{{"object":{invoice}}}}}"#
    );
    let other = r#"{"id":"evt_2","object":"event","type":"charge.updated","data":{"object":{}}}"#;
    let first = sign(paid.as_str(), &secret, now);
    stripe_sends.send("genuine", &first, &paid, "200 cus_7 paid 4200 eur").await?;
    // Each attempt is signed anew, with a time of its own. So a window of five minutes is enough for
    // attempts that go on for three days. The event's id is the same.
    let retry = sign(&paid, &secret, now + Duration::from_secs(60));
    let duplicate = r#"200 {"status":"duplicate"}"#;
    stripe_sends.send("retried", &retry, &paid, duplicate).await?;
    let unlisted = sign(other, &secret, now);
    stripe_sends.send("not listed", &unlisted, other, "200 passed over: charge.updated").await?;
    let guess = Secret::new("whsec_a_guess")?;
    let forged = sign(&paid, &guess, now);
    let refused = r#"401 {"error":"signature_mismatch"}"#;
    stripe_sends.send("forged", &forged, &paid, refused).await?;
    let old = sign(&paid, &secret, now - Duration::from_secs(301));
    stripe_sends.send("captured", &old, &paid, r#"401 {"error":"timestamp_stale"}"#).await?;
    Ok(stripe_sends.finish()?)
}
