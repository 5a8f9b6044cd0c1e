//! Settings of a [`PostgresStore`].

use std::fmt;

use sqlx::PgPool;

use super::PostgresStore;
use crate::names::{self, ConfigError};

/// Makes a [`PostgresStore`]; start with [`PostgresStore::builder`].
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct PostgresStoreBuilder {
    pool: PgPool,
    schema: Option<String>,
    table: String,
    prepared: bool,
}

impl PostgresStoreBuilder {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, schema: None, table: names::DEFAULT_TABLE.to_owned(), prepared: false }
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
        Ok(PostgresStore::from_parts(self.pool, self.schema, self.table, self.prepared))
    }
}

impl fmt::Debug for PostgresStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("schema", &self.schema)
            .field("table", &self.table)
            .field("prepared_statements", &self.prepared)
            .finish_non_exhaustive()
    }
}
