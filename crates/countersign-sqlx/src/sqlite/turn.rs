//! Taking turns at writing, for all in this process that write to one file.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, SqlSafeStr, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a turn is waited for. Whoever had it longer holds the write lock as well, or has
/// forgotten about it; then SQLite's own lock decides.
const LONGEST: Duration = Duration::from_millis(1500);

/// A queue, first come, first served. SQLite has none: who finds the write lock taken sleeps
/// longer and longer, while who comes next may find it free.
pub(super) struct Turn(Arc<Semaphore>);

impl Default for Turn {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Turn {
    /// Waits for the turn, which ends when what this gives is dropped. Nothing if it took too long.
    pub(super) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.0).acquire_owned();
        tokio::time::timeout(LONGEST, turn).await.ok()?.ok()
    }
}

/// A transaction of your own that waits for its turn instead of competing for SQLite's write lock;
/// [`SqliteStore::begin`](super::SqliteStore::begin) gives it.
///
/// Use it as sqlx's own transaction: `&mut *tx` runs queries, and
/// [`complete_in`](crate::CompleteIn::complete_in) takes `&mut tx`. Dropped without
/// [`commit`](Self::commit), it is rolled back.
#[must_use = "dropped, the transaction is rolled back"]
pub struct SqliteTurn {
    // In this order: the rollback is on its way before the next one has its turn.
    transaction: Transaction<'static, Sqlite>,
    _turn: Option<OwnedSemaphorePermit>,
}

impl SqliteTurn {
    pub(super) async fn begin(turn: &Turn, pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        let turn = turn.take().await;
        loop {
            let connection = pool.acquire().await?;
            if connection.is_in_transaction() {
                // Nobody has it: SQLite has rolled back by itself, for want of room or after an I/O
                // error, and sqlx does not know. It would never begin on it again.
                connection.close().await?;
                continue;
            }
            // Not `Pool::begin_with`, which takes any connection.
            let begin = Some("BEGIN IMMEDIATE".into_sql_str());
            let transaction = Transaction::begin(connection, begin).await?;
            return Ok(Self { transaction, _turn: turn });
        }
    }

    /// Commits the transaction. If this future is dropped, it is committed or rolled back.
    ///
    /// # Errors
    ///
    /// What SQLite says. The transaction is rolled back then, except that after an I/O error a
    /// crash may bring it back; [`complete_in`](crate::CompleteIn::complete_in) in the next try
    /// knows which.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    ///
    /// What SQLite says: for example that it has rolled back by itself, because there was no room.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.transaction.rollback().await
    }
}

impl Deref for SqliteTurn {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for SqliteTurn {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

impl fmt::Debug for SqliteTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTurn").finish_non_exhaustive()
    }
}
