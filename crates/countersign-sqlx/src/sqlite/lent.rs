//! A connection of the pool in a transaction of the store's.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};

use super::settings::BUSY_TIMEOUT;

/// A connection of the pool. Its transactions are begun and ended as statements, past sqlx: where
/// SQLite rolls back by itself (no room, an I/O error), sqlx goes on believing that a transaction is
/// open, and refuses every later `BEGIN` on this connection.
pub(super) struct Lent {
    connection: PoolConnection<Sqlite>,
    /// A transaction is open, or may be.
    open: bool,
}

impl Lent {
    pub(super) async fn by(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            match pool.acquire().await {
                Ok(connection) => return Ok(Self { connection, open: false }),
                // Several open a new file at once and switch it to its write-ahead log. Who would
                // wait for one that waits for them fails at once, whatever `busy_timeout` is.
                Err(error) if is_busy(&error) && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the write lock.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.open = true;
        let begun = self.execute("BEGIN IMMEDIATE").await;
        // Somebody may have left a transaction open that sqlx does not know of: `BEGIN` would fail on
        // this connection for ever.
        self.open = begun.as_ref().err().is_none_or(is_misuse);
        begun
    }

    /// Commits if all is well, rolls back otherwise.
    pub(super) async fn end<T>(&mut self, ran: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let ended = match ran {
            Ok(value) => self.execute("COMMIT").await.map(|()| value),
            Err(error) => Err(error),
        };
        self.open = match ended {
            Ok(_) => false,
            // SQLite says that none is open if it has rolled back by itself.
            Err(_) => self.execute("ROLLBACK").await.is_err_and(|error| !is_misuse(&error)),
        };
        ended
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(&mut *self.connection).await.map(drop)
    }
}

/// `SQLITE_ERROR`: a `BEGIN` inside a transaction, a `ROLLBACK` outside of one.
fn is_misuse(error: &sqlx::Error) -> bool {
    crate::error::code(error).as_deref() == Some("1")
}

/// `SQLITE_BUSY`, of any kind.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = crate::error::code(error).and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

impl Deref for Lent {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.open {
            // Its transaction would hold the write lock as long as the connection is open.
            self.connection.close_on_drop();
        }
    }
}
