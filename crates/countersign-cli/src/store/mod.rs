//! `--store`: what remembers handled events.

use std::sync::Arc;
use std::time::Duration;

use countersign::{DynStore, ErrorChain, MemoryStore, StoreError};

/// A store that is open, with what keeps it tidy.
pub(crate) struct OpenStore {
    pub(crate) store: Arc<dyn DynStore>,
    #[expect(dead_code, reason = "purges until it is dropped")]
    purging: Option<countersign_sqlx::PurgeTask>,
}

/// How often what need not be remembered any more is dropped from a database.
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// Opens the store that the command line asks for. An error is one sentence without a password.
pub(crate) async fn open(given: &str) -> Result<OpenStore, String> {
    let address = match given.strip_prefix("env:") {
        None => given.to_owned(),
        Some(variable) => std::env::var(variable)
            .map_err(|_| format!("--store: the environment variable {variable} is not set"))?,
    };
    match address.split_once(':') {
        None if address == "memory" => Ok(keep(MemoryStore::new(), None)),
        Some(("sqlite", path)) if !path.is_empty() => sqlite(path).await,
        Some(("postgres" | "postgresql", _)) => postgres(&address).await,
        Some(("redis" | "rediss" | "redis+unix" | "unix", _)) => redis(&address).await,
        // It does not repeat what was given, which may hold a password.
        _ => Err("--store is memory, sqlite:PATH, postgres://…, redis://…, or env:VARIABLE with \
                  one of these in it"
            .to_owned()),
    }
}

/// What kind of store that is, without what may be secret in it.
pub(crate) fn kind(given: &str) -> &str {
    match given.split_once(':') {
        None => given,
        Some(("sqlite", _)) | Some(("env", _)) => given,
        Some((kind, _)) => kind,
    }
}

fn keep(store: impl DynStore, purging: Option<countersign_sqlx::PurgeTask>) -> OpenStore {
    OpenStore { store: Arc::new(store), purging }
}

async fn sqlite(path: &str) -> Result<OpenStore, String> {
    let path = path.strip_prefix("//").unwrap_or(path);
    let cannot = |error: StoreError| {
        format!("--store: cannot use the SQLite file {path}: {}", ErrorChain::of(&error))
    };
    let store = countersign_sqlx::SqliteStore::open(path).await.map_err(cannot)?;
    store.migrate().await.map_err(cannot)?;
    let purging = store.purge_every(PURGE_EVERY);
    Ok(keep(store, Some(purging)))
}

/// Shorter than the receiver waits for a store, so that the log says what is missing: a connection.
const POSTGRES_CONNECTION: Duration = Duration::from_millis(1_500);

async fn postgres(url: &str) -> Result<OpenStore, String> {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .acquire_timeout(POSTGRES_CONNECTION)
        .connect(url)
        .await
        .map_err(|error| {
            format!("--store: cannot use the Postgres database: {}", ErrorChain::of(&error))
        })?;
    let store = countersign_sqlx::PostgresStore::new(pool);
    store.migrate().await.map_err(|error| {
        format!("--store: cannot make the table in Postgres: {}", ErrorChain::of(&error))
    })?;
    let purging = store.purge_every(PURGE_EVERY);
    Ok(keep(store, Some(purging)))
}

async fn redis(url: &str) -> Result<OpenStore, String> {
    let store = countersign_redis::RedisStore::connect(url).await.map_err(|error| {
        format!("--store: cannot use the Redis server: {}", ErrorChain::of(&error))
    })?;
    Ok(keep(store, None))
}
