//! What the database file and its connections must be set to.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Row, SqliteConnection};

use crate::error::Failure;

/// How long the store's own connection waits for somebody else's write lock. A sender waits for
/// a few seconds.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_millis(1500);

/// The bytes of a page, for a file that is new. A claim changes one page, at a place that no other
/// claim is likely to be near, so a page is what it writes: to the log, and now and then to the file.
/// SQLite's own size, 4 KiB, makes that three times as much.
const PAGE: u32 = 1024;

/// How many pages the write-ahead log takes before they are moved to the file: 4 MiB, as many bytes as
/// SQLite's own 1 000 pages of 4 KiB. The writes of that moment are the longest that a call waits
/// for, and twice as many pages would make them twice as long, for a tenth less to write.
const CHECKPOINT: u32 = 4000;

/// A pool for one file, set as [`check`] wants it. It opens the file when it is first used, on the
/// store's own thread: nothing of it depends on the runtime of whoever opens the store. `create` is
/// whether the file may be made.
pub(super) fn open(path: &Path, create: bool) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .page_size(PAGE)
        .pragma("wal_autocheckpoint", CHECKPOINT.to_string())
        // Where a statement's undo is kept: outside of a file, it is never written.
        .pragma("temp_store", "MEMORY");
    // There is one writer. Its connection is a thread of this process, which needs no test and
    // does not grow old; to look after either, a pool wants a task in the caller's runtime.
    let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
    pool.idle_timeout(None).max_lifetime(None).connect_lazy_with(options)
}

/// `synchronous` is a connection's, and from `FULL` on a commit is on the disk when it returns.
const FULL: i64 = 2;

/// Refuses a database that would forget what it has answered, or lose it between connections.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), Failure> {
    let sql = "SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous";
    let row = sqlx::query(sql).fetch_one(connection).await.map_err(Failure::sqlite)?;
    let journal: String = row.try_get(0).map_err(Failure::sqlite)?;
    let synchronous: i64 = row.try_get(1).map_err(Failure::sqlite)?;
    if journal == "memory" {
        return Err(Failure::other(
            "the database is in memory: use a file, or `MemoryStore` for one process",
        ));
    }
    if journal != "wal" {
        return Err(Failure::other(format!(
            "the database's journal_mode is `{journal}`: set it once to `wal`, with \
             `SqliteConnectOptions::journal_mode` or `PRAGMA journal_mode = WAL`"
        )));
    }
    if synchronous < FULL {
        return Err(Failure::other(
            "the connection's `synchronous` is below FULL, so a handled event could be forgotten: \
             set `SqliteConnectOptions::synchronous(SqliteSynchronous::Full)`, or give the store a \
             pool of its own with `SqliteStore::open`",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;

    #[test]
    fn a_connection_of_the_stores_own_is_set() {
        let name = format!("countersign-settings-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let pool = open(&folder.join("webhooks.db"), true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let set: Vec<i64> = runtime.block_on(async {
            let mut set = Vec::new();
            for pragma in ["page_size", "wal_autocheckpoint", "temp_store", "synchronous"] {
                let sql = AssertSqlSafe(format!("PRAGMA {pragma}"));
                set.push(sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap());
            }
            check(&mut pool.acquire().await.unwrap()).await.unwrap();
            pool.close().await;
            set
        });
        std::fs::remove_dir_all(folder).unwrap();
        assert_eq!(set, [1024, 4000, 2, 2]);
    }
}
