//! The receiver. Its handler writes a deposit and the mark "handled" in one transaction.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::providers::hostwares;
use countersign::{Endpoint, Secret};
use countersign_sqlx::CompleteIn as _;
use countersign_tower::{Webhook, WebhookLayer};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::account::{self, Account};
use crate::{Failure, SECRET};

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Deposit,
}

#[derive(Deserialize)]
struct Deposit {
    amount: i64,
}

/// The handler, for an account in Postgres. If the process ends anywhere in it, neither the deposit
/// nor the mark is there, and the next delivery does it all; once it has committed, both are.
async fn in_postgres(pool: &sqlx::PgPool, webhook: &Webhook<Event>) -> Result<(), Failure> {
    let Event { id, data } = &webhook.event;
    let mut tx = pool.begin().await?;
    sqlx::query(account::ENTRY).bind(id).bind(data.amount).execute(&mut *tx).await?;
    sqlx::query(account::BALANCE).bind(data.amount).execute(&mut *tx).await?;
    webhook.complete_in(&mut tx).await?; // if the claim was lost, this ends here, uncommitted
    tx.commit().await?;
    Ok(())
}

/// The same in SQLite. A transaction that will write says so at its beginning.
async fn in_sqlite(pool: &sqlx::SqlitePool, webhook: &Webhook<Event>) -> Result<(), Failure> {
    let Event { id, data } = &webhook.event;
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(account::ENTRY).bind(id).bind(data.amount).execute(&mut *tx).await?;
    sqlx::query(account::BALANCE).bind(data.amount).execute(&mut *tx).await?;
    webhook.complete_in(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn on_event(State(account): State<Account>, webhook: Webhook<Event>) -> StatusCode {
    let done = match &account {
        Account::Postgres { pool, .. } => in_postgres(pool, &webhook).await,
        Account::Sqlite { pool, .. } => in_sqlite(pool, &webhook).await,
    };
    match done {
        Ok(()) => StatusCode::OK,
        // Not 2xx, so the deposit comes again.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(crate) async fn run() -> Result<(), Failure> {
    let account = Account::open(&std::env::var("ACCOUNT")?).await?;
    let endpoint = Endpoint::builder("bank", hostwares::provider())
        .secret(Secret::new(SECRET)?)
        // For the example, so that the event of a killed handler is accepted soon.
        .lease(Duration::from_millis(300))
        .build()?;
    let webhooks = WebhookLayer::new(endpoint, account.store().await?);
    let app = Router::new()
        .route("/webhooks/bank", post(on_event).route_layer(webhooks))
        .with_state(account);
    let listener = TcpListener::bind(std::env::var("ADDR")?).await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
