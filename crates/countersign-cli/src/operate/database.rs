//! A store that is open, as it is: opening it changes nothing.

use std::time::Duration;

use countersign::{
    ErrorChain, EventKey, EventState, Forgotten, Parked, Store, StoreError, StoreStats,
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SchemaState, SqliteStore};

use super::args::{StoreArgs, StoreCommand};
use crate::env_files::EnvFiles;
use crate::store::{Address, postgres_pool};

/// How the command line names it.
const ARGUMENT: &str = "STORE";

/// A person waits.
const CONNECTION: Duration = Duration::from_secs(10);

/// How many keys are dropped at a time, so that deliveries are not held up.
const BATCH: u32 = 500;

pub(super) enum Database {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
    Redis(RedisStore),
}

/// Opens the store that the command line names. An error is one sentence without a password. Only a
/// migration makes a file that is missing.
pub(super) async fn open(args: &StoreArgs) -> Result<Database, String> {
    let env = EnvFiles::new(args.env_files.iter().cloned());
    let address = Address::parse(&args.store, ARGUMENT, &env)?;
    match (&address, &args.table, &args.prefix) {
        (Address::Redis(_), Some(_), _) => {
            return Err("--table is for Postgres and SQLite; Redis has --prefix".to_owned());
        }
        (Address::Sqlite(_) | Address::Postgres(_), _, Some(_)) => {
            return Err("--prefix is for Redis; Postgres and SQLite have --table".to_owned());
        }
        _ => {}
    }
    let table = args.table.as_deref();
    match address {
        Address::Memory => {
            Err("STORE is memory, which is inside of the program that receives, and \
                                nobody else can look into it: use a store that outlives the program"
                .to_owned())
        }
        Address::Sqlite(path) => {
            let makes = matches!(args.command, StoreCommand::Migrate { check: false });
            sqlite(&path, table, makes)
        }
        Address::Postgres(url) => postgres(&url, table).await,
        Address::Redis(url) => redis(&url, args.prefix.as_deref()).await,
    }
}

fn sqlite(path: &str, table: Option<&str>, makes: bool) -> Result<Database, String> {
    // Not emptied if it is there.
    std::fs::OpenOptions::new()
        .read(true)
        .append(makes)
        .create(makes)
        .open(path)
        .map_err(|error| format!("{ARGUMENT}: cannot use the SQLite file {path}: {error}"))?;
    let mut store = SqliteStore::existing(path);
    if let Some(table) = table {
        store = store.table(table);
    }
    store.build().map(Database::Sqlite).map_err(|error| format!("--table: {error}"))
}

async fn postgres(url: &str, table: Option<&str>) -> Result<Database, String> {
    let pool = postgres_pool(url, CONNECTION, ARGUMENT).await?;
    let mut store = PostgresStore::builder(pool);
    if let Some(table) = table {
        store = match table.split_once('.') {
            Some((schema, table)) => store.schema(schema).table(table),
            None => store.table(table),
        };
    }
    store.build().map(Database::Postgres).map_err(|error| format!("--table: {error}"))
}

async fn redis(url: &str, prefix: Option<&str>) -> Result<Database, String> {
    let mut store = RedisStore::builder().timeout(CONNECTION);
    if let Some(prefix) = prefix {
        store = store.prefix(prefix);
    }
    let connected = store.connect(url).await;
    connected.map(Database::Redis).map_err(|error| {
        format!("{ARGUMENT}: cannot use the Redis server: {}", ErrorChain::of(&error))
    })
}

/// What is wrong, in a sentence.
fn said(error: &StoreError) -> String {
    format!("{ARGUMENT}: {}", ErrorChain::of(error))
}

impl Database {
    pub(super) async fn stats(&self) -> Result<StoreStats, String> {
        let stats = match self {
            Self::Sqlite(store) => store.stats().await,
            Self::Postgres(store) => store.stats().await,
            Self::Redis(store) => store.stats().await,
        };
        stats.map_err(|error| said(&error))
    }

    pub(super) async fn state(&self, key: EventKey) -> Result<EventState, String> {
        let state = match self {
            Self::Sqlite(store) => store.state(key).await,
            Self::Postgres(store) => store.state(key).await,
            Self::Redis(store) => store.state(key).await,
        };
        state.map_err(|error| said(&error))
    }

    pub(super) async fn parked(&self, limit: u32) -> Result<Vec<Parked>, String> {
        let parked = match self {
            Self::Sqlite(store) => store.parked(limit).await,
            Self::Postgres(store) => store.parked(limit).await,
            Self::Redis(store) => store.parked(limit).await,
        };
        parked.map_err(|error| said(&error))
    }

    /// What is kept of an event, if it is parked.
    pub(super) async fn parked_event(&self, key: EventKey) -> Result<Option<Parked>, String> {
        let parked = match self {
            Self::Sqlite(store) => store.parked_event(key).await,
            Self::Postgres(store) => store.parked_event(key).await,
            Self::Redis(store) => store.parked_event(key).await,
        };
        parked.map_err(|error| said(&error))
    }

    pub(super) async fn forget(&self, key: EventKey) -> Result<Forgotten, String> {
        let forgotten = match self {
            Self::Sqlite(store) => store.forget(key).await,
            Self::Postgres(store) => store.forget(key).await,
            Self::Redis(store) => store.forget(key).await,
        };
        forgotten.map_err(|error| said(&error))
    }

    /// Drops everything that has run out, and tells how much; nothing where the store does it by itself.
    pub(super) async fn purge(&self) -> Result<Option<u64>, String> {
        let mut dropped = 0_u64;
        loop {
            let batch = match self {
                Self::Sqlite(store) => store.purge(BATCH).await,
                Self::Postgres(store) => store.purge(BATCH).await,
                Self::Redis(_) => return Ok(None),
            };
            let batch = batch.map_err(|error| said(&error))?;
            dropped = dropped.saturating_add(batch);
            if batch < u64::from(BATCH) {
                return Ok(Some(dropped));
            }
        }
    }

    /// Nothing where the store has no schema.
    pub(super) async fn schema(&self) -> Result<Option<SchemaState>, String> {
        let schema = match self {
            Self::Sqlite(store) => store.schema().await,
            Self::Postgres(store) => store.schema().await,
            Self::Redis(_) => return Ok(None),
        };
        schema.map(Some).map_err(|error| said(&error))
    }

    /// The statement that gives the rights that the role lacks, where stores have roles.
    pub(super) async fn missing_rights(&self) -> Result<Option<String>, String> {
        let rights = match self {
            Self::Postgres(store) => store.missing_rights().await,
            Self::Sqlite(_) | Self::Redis(_) => return Ok(None),
        };
        rights.map_err(|error| said(&error))
    }

    pub(super) async fn migrate(&self) -> Result<(), String> {
        let migrated = match self {
            Self::Sqlite(store) => store.migrate().await,
            Self::Postgres(store) => store.migrate().await,
            Self::Redis(_) => Ok(()),
        };
        migrated.map_err(|error| said(&error))
    }
}
