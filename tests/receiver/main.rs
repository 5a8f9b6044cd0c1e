//! A receiver as a process of its own, for tests that kill it.
//!
//! It takes Hostwares events at `POST /hostwares` and writes an effect for each into a database.
//! Its settings are in the environment; it says `listening on ADDRESS` on stdout.

mod effects;
mod on_actix;
mod on_axum;

use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use countersign::providers::hostwares;
use countersign::{DynStore, Endpoint, Receiver, Secret};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};

use crate::effects::Effects;

type Anything = Box<dyn Error + Send + Sync>;

/// What the environment says.
fn setting(name: &str) -> Result<String, Anything> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

#[tokio::main]
async fn main() -> Result<(), Anything> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(log_level()).init();
    let effects = Effects::open(&setting("EFFECTS")?, &setting("TABLE")?).await?;
    let store = store(&effects).await?;
    let lease = Duration::from_millis(setting("LEASE_MS")?.parse()?);
    let endpoint = Endpoint::builder("hostwares", hostwares::provider())
        .secret(Secret::new("a secret between processes")?)
        .lease(lease)
        .build()?;
    let receiver = Receiver::new(endpoint, store);
    let in_transaction = setting("COMPLETE")? == "in transaction";

    let listener = TcpListener::bind(setting("ADDR")?)?;
    println!("listening on {}", listener.local_addr()?);
    match &*setting("FRAMEWORK")? {
        "actix" => on_actix::serve(listener, receiver, effects, in_transaction).await,
        _ => on_axum::serve(listener, receiver, effects, in_transaction).await,
    }
}

/// What a store says when it is killed in the middle is the tests' own doing.
fn log_level() -> tracing::level_filters::LevelFilter {
    let level = std::env::var("LOG").ok().and_then(|level| level.parse().ok());
    level.unwrap_or(tracing::level_filters::LevelFilter::OFF)
}

/// The store: that in the effects' own database, or a Redis server.
async fn store(effects: &Effects) -> Result<Arc<dyn DynStore>, Anything> {
    if let Ok(url) = std::env::var("REDIS_STORE") {
        let builder = RedisStore::builder().prefix(setting("PREFIX")?);
        return Ok(Arc::new(builder.connect(url).await?));
    }
    Ok(match effects {
        Effects::Postgres { pool, table } => {
            let table = format!("{table}_claims");
            let store = PostgresStore::builder(pool.clone()).table(table).build()?;
            store.migrate().await?;
            Arc::new(store)
        }
        Effects::Sqlite { pool, table } => {
            let table = format!("{table}_claims");
            let store = SqliteStore::builder(pool.clone()).table(table).build()?;
            store.migrate().await?;
            Arc::new(store)
        }
    })
}
