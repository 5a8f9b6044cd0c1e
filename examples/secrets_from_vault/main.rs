//! Tenants whose secrets are in HashiCorp Vault, read over HTTP without an SDK. Any service that answers over
//! HTTP is asked in the same way.
//!
//! ```text
//! cargo run --example secrets_from_vault
//! ```
//!
//! It starts a Vault that is a fake (`fake.rs`), sends itself signed deliveries while that is up, sealed,
//! silent and up again, and exits with 0 if each is answered as promised.

mod fake;
mod vault;

use std::time::Duration;

use axum::{Router, routing::post};
use countersign::testing::Signer;
use countersign::{Endpoint, MemoryStore, ResolvedSecrets, Secret, catalogue};
use countersign_examples::Exchange;
use countersign_tower::{Webhook, WebhookLayer};
use tokio::net::TcpListener;

use crate::fake::{FakeVault, State};
use crate::vault::Vault;

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn on_event(Webhook { delivery, .. }: Webhook) -> String {
    let tenant = delivery.tenant().unwrap_or_default();
    format!("{tenant}, with {}", delivery.secret_label().unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let fake = FakeVault::start().await?;
    let vault = Vault::new(&fake.address(), fake::TOKEN)?;
    let secrets = ResolvedSecrets::by_path("/webhooks/{tenant}/github", vault)
        // For the example, so that nobody waits for long. The default is longer.
        .fresh_for(Duration::from_millis(100));
    let github = catalogue::provider("github")?;
    let endpoint = Endpoint::builder("github", github.clone()).resolve(secrets).build()?;
    let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
    let app =
        Router::new().route("/webhooks/{tenant}/github", post(on_event).route_layer(webhooks));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app).into_future());

    let mut to_acme = Exchange::new(address, "/webhooks/acme/github");
    let mut to_globex = Exchange::new(address, "/webhooks/globex/github");
    let mut to_nobody = Exchange::new(address, "/webhooks/nobody/github");
    let sign = |secret: &str, body: &str| -> Result<_, Failure> {
        Ok(Signer::new(&github, &Secret::new(secret)?).sign(body))
    };
    let refused = r#"401 {"error":"signature_mismatch"}"#;
    let unavailable = r#"503 {"error":"secrets_unavailable"}"#;

    let headers = sign(fake::ACME.current, "{}")?;
    to_acme.send("acme", &headers, "{}", "200 acme, with current").await?;
    let headers = sign(fake::ACME.previous, "[1]")?;
    to_acme.send("acme, the secret before", &headers, "[1]", "200 acme, with previous").await?;
    let headers = sign("a guess", "{}")?;
    to_nobody.send("a tenant that is not known", &headers, "{}", refused).await?;

    let globex = sign(fake::GLOBEX.current, "{}")?;
    fake.set(State::Sealed);
    to_globex.send("Vault is sealed: globex is not known yet", &globex, "{}", unavailable).await?;
    tokio::time::sleep(Duration::from_millis(150)).await; // the secrets of acme are no longer fresh
    let headers = sign(fake::ACME.current, "[2]")?;
    to_acme.send("Vault is sealed: acme is", &headers, "[2]", "200 acme, with current").await?;
    fake.set(State::Silent);
    to_globex.send("Vault does not answer", &globex, "{}", unavailable).await?;
    fake.set(State::Up);
    // GitHub itself does not retry; others do after a 503.
    to_globex.send("Vault is up again", &globex, "{}", "200 globex, with current").await?;

    // What Vault has no right to say must not look as if there were no such tenant.
    fake.set(State::WrongMount);
    to_nobody.send("remembered: not known", &sign("a guess", "{}")?, "{}", refused).await?;
    let mut to_initech = Exchange::new(address, "/webhooks/initech/github");
    to_initech.send("the mount is wrong", &globex, "{}", unavailable).await?;

    for exchange in [to_acme, to_globex, to_nobody, to_initech] {
        exchange.finish()?;
    }
    Ok(())
}
