//! Settings of a [`SqliteStore`].

use std::fmt;

use sqlx::SqlitePool;

use super::SqliteStore;
use crate::names::{self, ConfigError};

/// Makes a [`SqliteStore`]; start with [`SqliteStore::builder`].
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct SqliteStoreBuilder {
    pool: SqlitePool,
    table: String,
}

impl SqliteStoreBuilder {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool, table: names::DEFAULT_TABLE.to_owned() }
    }

    /// The table. Defaults to `countersign`.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Makes the store. Does not open the database.
    ///
    /// # Errors
    ///
    /// If the name is more than ASCII letters, digits and `_`, begins with a digit or `sqlite_`,
    /// or is longer than 50 bytes.
    pub fn build(self) -> Result<SqliteStore, ConfigError> {
        names::check("table", &self.table, names::LONGEST_TABLE, "sqlite_")?;
        Ok(SqliteStore::from_parts(self.pool, self.table))
    }
}

impl fmt::Debug for SqliteStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStoreBuilder").field("table", &self.table).finish_non_exhaustive()
    }
}
