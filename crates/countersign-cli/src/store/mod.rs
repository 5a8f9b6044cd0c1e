//! `--store`: what remembers handled events.

mod address;

use std::sync::Arc;
use std::time::Duration;

use countersign::{DynStore, ErrorChain, MemoryStore, StoreError};
use sqlx::Connection as _;

pub(crate) use address::Address;

use crate::env_files::EnvFiles;

/// A store that is open, with what keeps it tidy.
pub(crate) struct OpenStore {
    pub(crate) store: Arc<dyn DynStore>,
    #[expect(dead_code, reason = "purges until it is dropped")]
    purging: Option<countersign_sqlx::PurgeTask>,
}

/// How often what need not be remembered any more is dropped from a database.
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// How the command line of `listen` names it.
const OPTION: &str = "--store";

/// Opens the store that the command line asks for. An error is one sentence without a password.
pub(crate) async fn open(given: &str, env: &EnvFiles) -> Result<OpenStore, String> {
    match Address::parse(given, OPTION, env)? {
        Address::Memory => Ok(keep(MemoryStore::new(), None)),
        Address::Sqlite(path) => sqlite(&path).await,
        Address::Postgres(url) => postgres(&url).await,
        Address::Redis(url) => redis(&url).await,
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
    let pool = postgres_pool(url, POSTGRES_CONNECTION, OPTION).await?;
    let store = countersign_sqlx::PostgresStore::new(pool);
    store.migrate().await.map_err(|error| {
        format!("--store: cannot make the table in Postgres: {}", ErrorChain::of(&error))
    })?;
    let purging = store.purge_every(PURGE_EVERY);
    Ok(keep(store, Some(purging)))
}

/// A pool that is connected.
pub(crate) async fn postgres_pool(
    url: &str,
    patience: Duration,
    of: &str,
) -> Result<sqlx::PgPool, String> {
    let cannot =
        |why: &dyn std::fmt::Display| format!("{of}: cannot use the Postgres database: {why}");
    // A pool tries until its patience ends, and then does not say what is wrong.
    let first = tokio::time::timeout(patience, first_connection(url)).await;
    let first = first.map_err(|_| cannot(&format!("no answer within {patience:?}")))?;
    drop(first.map_err(|error| cannot(&ErrorChain::of(&error)))?);
    let pool = sqlx::postgres::PgPoolOptions::new().acquire_timeout(patience).connect(url).await;
    pool.map_err(|error| cannot(&ErrorChain::of(&error)))
}

/// Tries again for a moment while the database is starting.
async fn first_connection(url: &str) -> Result<sqlx::PgConnection, sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(200);
    for _ in 0..5 {
        match sqlx::PgConnection::connect(url).await {
            Err(error) if is_starting(&error) => tokio::time::sleep(PAUSE).await,
            connected => return connected,
        }
    }
    sqlx::PgConnection::connect(url).await
}

fn is_starting(error: &sqlx::Error) -> bool {
    /// `cannot_connect_now`.
    const STARTING: &str = "57P03";
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().as_deref() == Some(STARTING),
        _ => false,
    }
}

async fn redis(url: &str) -> Result<OpenStore, String> {
    let store = countersign_redis::RedisStore::connect(url).await.map_err(|error| {
        format!("--store: cannot use the Redis server: {}", ErrorChain::of(&error))
    })?;
    Ok(keep(store, None))
}
