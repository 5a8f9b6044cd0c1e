//! The store in SQLite.

mod attempts;
mod batch;
mod builder;
mod file;
mod gather;
mod in_transaction;
mod lent;
mod look;
mod reader;
mod settings;
mod statements;
mod thread;
mod turn;
mod version;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::{
    Attempt, ClaimToken, Claimed, EventKey, EventState, Forgotten, Parked, ParkedNote,
    RELEASED_FOR, Settled, Store, StoreError, StoreStats, Transactional,
};
use sqlx::SqlitePool;

pub use builder::SqliteStoreBuilder;
pub(crate) use in_transaction::Inner;
pub use turn::SqliteTurn;

use self::attempts::Park;
use self::batch::Ask;
use self::statements::Statements;
use self::thread::Worker;
use crate::error::{Failure, NO_ATTEMPTS};
use crate::purge::{self, PurgeTask};
use crate::schema::SchemaState;
use crate::values::{Owner, millis};

/// A store in an SQLite file, for the processes of one machine. Clones share it.
///
/// Calls that come while another commit is under way are committed together (group commit), so
/// many concurrent deliveries pay for few commits. Where several callers are at work, a commit waits
/// a little for those that are about to ask: at most a tenth of the last commit's time and half a
/// millisecond, and not for a caller that is alone. A call returns only when its effect is on the disk.
/// That holds for claims too, so that an event that is being handled is not accepted a second time after
/// a power failure. Keep one store and clone it: two stores in a process compete for
/// the file's write lock.
///
/// ```no_run
/// use countersign_sqlx::SqliteStore;
/// use std::time::Duration;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::open("/var/lib/app/webhooks.db").await?;
/// store.purge_every(Duration::from_secs(60)).detach();
/// # Ok(())
/// # }
/// ```
///
/// # The table
///
/// [`open`](Self::open) and [`migrate`](Self::migrate) create it. With migrations of your own, take
/// this, or what [`schema_sql`](Self::schema_sql) gives for your name:
///
/// ```sql
/// CREATE TABLE IF NOT EXISTS "countersign" (
///     key BLOB PRIMARY KEY NOT NULL,
///     owner BLOB NOT NULL,
///     done INTEGER NOT NULL,
///     expires_at INTEGER NOT NULL
/// ) STRICT, WITHOUT ROWID;
/// CREATE INDEX IF NOT EXISTS "countersign_expires_at" ON "countersign" (expires_at);
/// CREATE TABLE IF NOT EXISTS "countersign_attempts" (
///     key BLOB PRIMARY KEY NOT NULL,
///     owner BLOB NOT NULL,
///     attempts INTEGER NOT NULL,
///     first_at INTEGER NOT NULL,
///     parked_at INTEGER,
///     note TEXT,
///     expires_at INTEGER NOT NULL
/// ) STRICT, WITHOUT ROWID;
/// CREATE INDEX IF NOT EXISTS "countersign_a_expires" ON "countersign_attempts" (expires_at);
/// CREATE INDEX IF NOT EXISTS "countersign_parked_at" ON "countersign_attempts" (parked_at) WHERE parked_at IS NOT NULL;
/// CREATE TABLE IF NOT EXISTS "countersign_watermarks" (
///     entity BLOB PRIMARY KEY NOT NULL,
///     version BLOB NOT NULL,
///     key BLOB NOT NULL,
///     expires_at INTEGER NOT NULL
/// ) STRICT, WITHOUT ROWID;
/// CREATE INDEX IF NOT EXISTS "countersign_w_expires" ON "countersign_watermarks" (expires_at);
/// DROP VIEW IF EXISTS "countersign_schema";
/// CREATE VIEW "countersign_schema" AS
///     SELECT 'countersign schema 3, for programs from schema 1' AS version;
/// ```
///
/// The view is the [schema's version](crate#the-schemas-version). The tables of attempts and of watermarks have
/// rows only for programs that count attempts, or order events with
/// [`newest_in`](crate::NewestIn::newest_in). Times are in milliseconds since 1970 by the machine's clock; a clock that is set back
/// makes leases and retention longer by as much. `owner` is a digest of the claim's token: what is in
/// the file or a backup settles no claim.
///
/// # The pool
///
/// With [`builder`](Self::builder) and [`new`](Self::new) the store works on your own pool, and looks
/// at its settings before it writes. It refuses to work, with an error that says what to set, unless
/// `journal_mode` is WAL and `synchronous` is FULL (or EXTRA): anything less may forget a handled
/// event when the power fails. A database in memory is refused as well.
///
/// Leave `locking_mode` at NORMAL: the store reads on a connection of its own, with the pool's options.
///
/// # A handler's transaction
///
/// Begin it with [`begin`](Self::begin), or with `pool.begin_with("BEGIN IMMEDIATE")`: one that only
/// reads at first may find at its first write that another connection wrote meanwhile, and cannot write at
/// all then. [`complete_in`](crate::CompleteIn::complete_in) looks at the settings of its connection
/// too.
///
/// SQLite has one writer at a time. While another connection has a transaction open that has
/// written, the store waits for up to the connection's `busy_timeout` (sqlx says 5 s: a sender does
/// not wait that long, set 1.5 s) and then cannot answer. Keep such transactions short.
///
/// A `COMMIT` can fail, or be given up by a timeout of yours, and may still have happened.
/// Run the transaction again then. If the first one did commit,
/// [`AlreadyCompleted`](crate::CompleteError::AlreadyCompleted) says so, and nothing happens twice:
///
/// ```
/// # type Webhook = countersign::Delivery;
/// # type Failed = Box<dyn std::error::Error + Send + Sync>;
/// use countersign_sqlx::{CompleteError, CompleteIn as _, SqliteStore};
/// use std::time::Duration;
///
/// async fn on_payment(
///     store: &SqliteStore,
///     pool: &sqlx::SqlitePool,
///     webhook: Webhook,
/// ) -> Result<(), Failed> {
///     for _ in 0..3 {
///         let mut tx = store.begin(pool).await?;
///         sqlx::query("UPDATE account SET balance = balance + 1").execute(&mut *tx).await?;
///         match webhook.complete_in(&mut tx).await {
///             Ok(()) => {}
///             // The effect is there. Dropped, this transaction is rolled back.
///             Err(CompleteError::AlreadyCompleted) => return Ok(()),
///             Err(error) => return Err(error.into()),
///         }
///         if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(1), tx.commit()).await {
///             return Ok(());
///         }
///     }
///     Err("not committed".into())
/// }
/// ```
///
/// # A full disk
///
/// While there is no room, claims are answered
/// [`StoreErrorKind::Full`](countersign::StoreErrorKind::Full), and settling goes on as long as the
/// write-ahead log has room for it. As soon as there is room, or the disk works again after an I/O
/// error, the store does too. A release that has no room to be remembered frees its key, and does not
/// keep its own token from claiming.
///
/// In such a case SQLite rolls back by itself, and sqlx 0.9 does not notice: it never begins on that
/// connection again. The store's own transactions and [`begin`](Self::begin) do not mind. For those
/// that you begin otherwise, let the pool look:
///
/// ```
/// use sqlx::{Connection, sqlite::SqlitePoolOptions};
///
/// let options = SqlitePoolOptions::new().after_release(|connection, _| {
///     Box::pin(async move {
///         connection.ping().await?; // Comes after a rollback.
///         Ok(!connection.is_in_transaction())
///     })
/// });
/// ```
///
/// # The file
///
/// [`open`](Self::open) makes a new file with pages of 1 KiB: an event changes few bytes at a random place,
/// and a page is what each change writes. A claim with its completion writes about 4 KB, log and file
/// together. A file that is there keeps its pages. A key takes about 90 bytes in the file.
///
/// The write-ahead log (`-wal`) grows to 4 MiB, and by what one commit adds. Then the commit that
/// finds it full moves its pages to the file, and the calls of that moment wait for it: some tens
/// of milliseconds on a disk that syncs in a millisecond. While another connection reads in one long
/// transaction, the log cannot begin anew, and grows beyond that.
///
/// On a pool of your own these are yours to set: `page_size`, `wal_autocheckpoint`, and `temp_store`, which
/// [`open`](Self::open) sets to `MEMORY` so that no statement writes its undo to a file.
///
/// A database file that is moved, deleted or replaced while it is open would split the memory in
/// two: this process goes on with the old file, another one has the new. On Unix the store notices (by
/// device and inode, when it writes or reads and in `complete_in`) and answers an error that says so
/// until the process starts anew. To bring a backup back, stop the processes first, and remove the
/// old file's `-wal` and `-shm` with it.
///
/// # Threads and cancellation
///
/// The store works on a thread of its own, which starts with the first call and ends with the last
/// clone, after what was queued is written. So a caller that blocks its runtime stops no other call,
/// and the end of a runtime does neither. Calls need no runtime.
///
/// A call whose future is dropped disturbs no other. A claim that is still queued then is not made;
/// one that is being written runs out with its lease. Settling is still done.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

fn ask(key: EventKey, token: ClaimToken, time: Duration) -> Ask {
    Ask { key, owner: Owner::of(token), millis: millis(time) }
}

fn no_attempts() -> StoreError {
    Failure::other(NO_ATTEMPTS).into()
}

impl SqliteStore {
    /// A store in a file of its own: opens it with a connection that is set right, creates the file
    /// and the table where they are missing.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or is not a database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let store = Self::new(settings::open(path.as_ref(), true));
        store.migrate().await?;
        Ok(store)
    }

    /// Settings of a store in a file that is there, opened as [`open`](Self::open) does and as it is:
    /// nothing is created or migrated. For tools. If there is no such file, calls fail.
    pub fn existing(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        Self::builder(settings::open(path.as_ref(), false))
    }

    /// A store in the table `countersign`.
    #[must_use]
    pub fn new(pool: SqlitePool) -> Self {
        SqliteStoreBuilder::new(pool).store()
    }

    /// A store with settings of your own.
    pub fn builder(pool: SqlitePool) -> SqliteStoreBuilder {
        SqliteStoreBuilder::new(pool)
    }

    fn from_parts(pool: SqlitePool, table: String, keep_watermarks: Duration) -> Self {
        let worker = Worker::new(pool, Statements::new(&table));
        Self(Arc::new(Inner { worker, table, keep_watermarks }))
    }

    /// Creates the table and its index where they are missing, and brings an older table to this
    /// [version](crate#the-schemas-version). Any number of processes can do so at once.
    ///
    /// # Errors
    ///
    /// If the database cannot answer, its settings are not what the store needs, or the table is [too
    /// new](SchemaState::TooNew).
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.0.worker.write(|batch| &mut batch.migrations, ()).await
    }

    /// How the table stands to this version of the crate, and so what [`migrate`](Self::migrate) would
    /// do. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the database cannot answer.
    pub async fn schema(&self) -> Result<SchemaState, StoreError> {
        Ok(look::schema_of(&self.0.worker.0).await?)
    }

    /// What [`migrate`](Self::migrate) creates, as SQL for migrations of your own.
    #[must_use]
    pub fn schema_sql(&self) -> &str {
        &self.0.worker.0.statements.schema
    }

    /// Begins a transaction on your pool when it is its turn: the store's own writes and all that
    /// is begun with this are served in the order in which they come. SQLite's write lock alone keeps no
    /// order: a connection that finds it taken sleeps and tries again.
    ///
    /// The pool must be one to the store's file. The transaction begins with `BEGIN IMMEDIATE`, so it
    /// has the write lock. A turn is waited for at most 1.5 s; after that, SQLite's lock
    /// decides as without turns. Other processes know nothing of this one's turns.
    ///
    /// If this future is dropped, the turn goes to the next, and nothing is begun.
    ///
    /// # Errors
    ///
    /// What the pool or SQLite says.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time enabled, as sqlx does.
    pub async fn begin(&self, pool: &SqlitePool) -> Result<SqliteTurn, sqlx::Error> {
        SqliteTurn::begin(&self.0.worker.0.turn, pool).await
    }

    /// Drops up to `limit` keys whose lease or retention has run out, then attempts and watermarks that
    /// are kept no longer, and gives how many it dropped. Nothing else is written meanwhile: a few hundred at a time keeps that short.
    ///
    /// The store is right without it, and only grows.
    ///
    /// # Errors
    ///
    /// If the database cannot answer.
    pub async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        self.0.worker.write(|batch| &mut batch.purges, limit).await
    }

    /// Purges in the background, now and then every so often, in batches of 500. What cannot be
    /// purged is logged and tried again.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn purge_every(&self, period: Duration) -> PurgeTask {
        let store = Arc::downgrade(&self.0);
        purge::every(period, move || {
            let store = Self(store.upgrade()?);
            let open = !store.0.worker.0.pool.is_closed();
            open.then_some(async move { store.purge(purge::BATCH).await })
        })
    }
}

impl Store for SqliteStore {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.0.worker.write(|batch| &mut batch.claims, ask(key, token, lease)).await
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        self.0.worker.write(|batch| &mut batch.completions, ask(key, token, retention)).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        self.0.worker.write(|batch| &mut batch.releases, ask(key, token, RELEASED_FOR)).await
    }

    async fn is_completed(&self, key: EventKey, token: ClaimToken) -> Result<bool, StoreError> {
        self.0.worker.is_completed(ask(key, token, Duration::ZERO)).await
    }

    async fn forget(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        self.0.worker.write(|batch| &mut batch.forgets, key).await
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        let counted = self.0.worker.write(|batch| &mut batch.attempts, ask(key, token, keep));
        counted.await?.ok_or_else(no_attempts)
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        let ask = ask(key, token, Duration::ZERO);
        self.0.worker.write(|batch| &mut batch.uncounts, ask).await
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        let park = Park { ask: ask(key, token, keep), note: note.to_json() };
        self.0.worker.write(|batch| &mut batch.parks, park).await?.ok_or_else(no_attempts)
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        look::parked_of(&self.0.worker.0, None, limit).await?.ok_or_else(no_attempts)
    }

    async fn parked_event(&self, key: EventKey) -> Result<Option<Parked>, StoreError> {
        let parked = look::parked_of(&self.0.worker.0, Some(key), 1).await?;
        Ok(parked.unwrap_or_default().pop())
    }

    async fn state(&self, key: EventKey) -> Result<EventState, StoreError> {
        Ok(look::state_of(&self.0.worker.0, key).await?)
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        Ok(look::stats_of(&self.0.worker.0).await?)
    }

    fn transactional(&self) -> Option<Transactional> {
        Some(Arc::<Inner>::clone(&self.0))
    }

    fn name(&self) -> &'static str {
        "sqlite"
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("table", &self.0.table).finish_non_exhaustive()
    }
}
