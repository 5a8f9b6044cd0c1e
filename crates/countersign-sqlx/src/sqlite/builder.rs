//! Settings of a [`SqliteStore`].

use std::fmt;
use std::time::Duration;

use sqlx::SqlitePool;

use super::SqliteStore;
use crate::names::{self, ConfigError};
use crate::values::WATERMARKS_KEPT;

/// Makes a [`SqliteStore`]; start with [`SqliteStore::builder`].
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct SqliteStoreBuilder {
    pool: SqlitePool,
    table: String,
    keep_watermarks: Duration,
}

impl SqliteStoreBuilder {
    pub(super) fn new(pool: SqlitePool) -> Self {
        let table = names::DEFAULT_TABLE.to_owned();
        Self { pool, table, keep_watermarks: WATERMARKS_KEPT }
    }

    /// The table. Defaults to `countersign`.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
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

    /// Makes the store. Does not open the database.
    ///
    /// # Errors
    ///
    /// If the name is more than ASCII letters, digits and `_`, begins with a digit or `sqlite_`,
    /// or is longer than 50 bytes.
    pub fn build(self) -> Result<SqliteStore, ConfigError> {
        names::check("table", &self.table, names::LONGEST_TABLE, "sqlite_")?;
        Ok(self.store())
    }

    /// The name has been checked.
    pub(super) fn store(self) -> SqliteStore {
        SqliteStore::from_parts(self.pool, self.table, self.keep_watermarks)
    }
}

impl fmt::Debug for SqliteStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStoreBuilder")
            .field("table", &self.table)
            .field("keep_watermarks", &self.keep_watermarks)
            .finish_non_exhaustive()
    }
}
