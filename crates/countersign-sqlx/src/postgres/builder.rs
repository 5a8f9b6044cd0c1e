//! Settings of a [`PostgresStore`].

use std::fmt;
use std::time::Duration;

use sqlx::PgPool;

use super::PostgresStore;
use super::sql::Table;
use crate::names::{self, ConfigError};
use crate::values::WATERMARKS_KEPT;

/// Makes a [`PostgresStore`]; start with [`PostgresStore::builder`].
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct PostgresStoreBuilder {
    pool: PgPool,
    schema: Option<String>,
    table: String,
    prepared: bool,
    keep_watermarks: Duration,
}

impl PostgresStoreBuilder {
    pub(super) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            schema: None,
            table: names::DEFAULT_TABLE.to_owned(),
            prepared: false,
            keep_watermarks: WATERMARKS_KEPT,
        }
    }

    /// The schema that the table is in, which must exist. Defaults to where the connection's
    /// `search_path` has it when the store makes its first call; the store stays with that. A program
    /// that is started with another `search_path` finds another table, and an empty one knows of no
    /// event that was handled: name the schema in production.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// The table. Defaults to `countersign`. Its case counts.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Whether the database keeps the store's statements prepared for each connection. Defaults to
    /// no.
    ///
    /// About twice as many claims per second of the database's processors. Say yes if connections
    /// go straight to PostgreSQL, or through PgBouncer 1.21 and later with
    /// `max_prepared_statements` above 0. Behind an older PgBouncer in transaction mode most calls would
    /// fail: with `prepared statement "…" already exists` or `does not exist`, or because
    /// [another statement](crate#behind-pgbouncer) answered, which is noticed and has changed nothing.
    pub fn prepared_statements(mut self, on: bool) -> Self {
        self.prepared = on;
        self
    }

    /// How long the newest version of an entity is remembered after its last event, for
    /// [`newest_in`](crate::NewestIn::newest_in). Defaults to 30 days, and is at least the endpoint's
    /// retention. An event that comes later than that is not known to be late: keep watermarks for as long as
    /// the provider retries, and as you may have events sent again by hand.
    pub fn keep_watermarks(mut self, duration: Duration) -> Self {
        self.keep_watermarks = duration;
        self
    }

    /// Makes the store. Does not talk to the database.
    ///
    /// # Errors
    ///
    /// If a name is more than ASCII letters, digits and `_`, begins with a digit or `pg_`, or is
    /// longer than 50 bytes (63 for the schema).
    pub fn build(self) -> Result<PostgresStore, ConfigError> {
        if let Some(schema) = &self.schema {
            names::check("schema", schema, names::LONGEST_SCHEMA, "pg_")?;
        }
        names::check("table", &self.table, names::LONGEST_TABLE, "pg_")?;
        Ok(self.store())
    }

    /// The names have been checked.
    pub(super) fn store(self) -> PostgresStore {
        let table = Table { schema: self.schema, name: self.table };
        PostgresStore::from_parts(self.pool, table, self.prepared, self.keep_watermarks)
    }
}

impl fmt::Debug for PostgresStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("schema", &self.schema)
            .field("table", &self.table)
            .field("prepared_statements", &self.prepared)
            .field("keep_watermarks", &self.keep_watermarks)
            .finish_non_exhaustive()
    }
}
