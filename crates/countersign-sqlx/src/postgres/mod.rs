//! The store in PostgreSQL.

mod builder;
mod call;
mod retry;
mod statements;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign::{
    ClaimToken, Claimed, EventKey, InTransaction, Settled, Store, StoreError, Transactional,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

pub use builder::PostgresStoreBuilder;

use self::call::{Call, claimed, settled};
use self::retry::{Waits, may_succeed_again};
use self::statements::Statements;
use crate::error::{Failure, NO_TRANSACTION};
use crate::names;
use crate::purge::{self, PurgeTask};
use crate::values::{Owner, micros};

/// A store in PostgreSQL 12 or later, on your own pool. Clones share it.
///
/// Every step is one statement on the database's clock, right at every isolation level and behind
/// PgBouncer in transaction mode. Serialization failures and deadlocks are tried again up to four
/// times. A duplicate is read and writes nothing.
///
/// ```no_run
/// use countersign_sqlx::PostgresStore;
/// use std::time::Duration;
///
/// # async fn start(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::builder(pool).schema("app").table("webhooks").build()?;
/// store.migrate().await?;
/// store.purge_every(Duration::from_secs(60)).detach();
/// # Ok(())
/// # }
/// ```
///
/// # The table
///
/// [`migrate`](Self::migrate) creates it. With migrations of your own, take this, or what
/// [`schema_sql`](Self::schema_sql) gives for your names:
///
/// ```sql
/// CREATE TABLE IF NOT EXISTS "countersign" (
///     key uuid PRIMARY KEY,
///     owner uuid NOT NULL,
///     done boolean NOT NULL,
///     expires_at timestamptz NOT NULL
/// );
/// CREATE INDEX IF NOT EXISTS "countersign_expires_at" ON "countersign" (expires_at);
/// ```
///
/// The role needs `SELECT`, `INSERT`, `UPDATE` and `DELETE`. A key takes about 150 bytes with its
/// indexes. `owner` is a digest of the claim's token: what is in the table, a backup or a log of
/// statements settles no claim. The table must not be `UNLOGGED`, and `synchronous_commit` must not
/// be `off`, or a crash of the database forgets events that were handled.
///
/// # The pool
///
/// A claim, a completion and a release take a connection each for one statement. sqlx asks a
/// connection whether it is alive before it hands it out; with
/// [`test_before_acquire(false)`](sqlx::pool::PoolOptions::test_before_acquire) a claim takes one
/// round trip less, and the first one after the database restarted fails instead. Keep
/// [`acquire_timeout`](sqlx::pool::PoolOptions::acquire_timeout) below two seconds (sqlx says 30) if
/// the pool is the store's alone.
///
/// # Cancellation
///
/// A call whose future is dropped may or may not have happened in the database. The connection
/// stays usable. A claim that nobody knows of runs out with its lease.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

/// The store, as `complete_in` finds it.
pub(crate) struct Inner {
    pool: PgPool,
    schema: Option<String>,
    table: String,
    prepared: bool,
    statements: Statements,
}

impl Inner {
    /// [`Store::complete`] inside the transaction that the connection is in.
    pub(crate) async fn complete_in(
        &self,
        connection: &mut PgConnection,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<InTransaction, StoreError> {
        if !connection.is_in_transaction() {
            return Err(Failure::other(NO_TRANSACTION).into());
        }
        let (statement, micros) = (&self.statements.complete_in, Some(micros(retention)));
        let call = Call { statement, key, owner: Owner::of(token), micros };
        let row = call.run(connection, self.prepared).await.map_err(Failure::postgres_in)?;
        Ok(match settled(row).map_err(Failure::postgres)? {
            Some(Settled::Settled) => InTransaction::Completed,
            _ => InTransaction::Lost,
        })
    }
}

/// When to try a key again that somebody held locked all the time.
const LOCKED: Duration = Duration::from_secs(1);

const LEFT_OPEN: &str = "another transaction has changed the claim and is still open";

impl PostgresStore {
    /// A store in the table `countersign`.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self::from_parts(pool, None, names::DEFAULT_TABLE.to_owned(), false)
    }

    /// A store with settings of your own.
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(pool)
    }

    fn from_parts(pool: PgPool, schema: Option<String>, table: String, prepared: bool) -> Self {
        let statements = Statements::new(schema.as_deref(), &table);
        Self(Arc::new(Inner { pool, schema, table, prepared, statements }))
    }

    /// Creates the table and its index where they are missing. Any number of processes can do so
    /// at once. The role needs the right to create tables in the schema, which must exist.
    ///
    /// # Errors
    ///
    /// If the database cannot answer, or forbids it.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let sql = AssertSqlSafe(self.0.statements.migrate.as_str());
        sqlx::raw_sql(sql).execute(&self.0.pool).await.map_err(Failure::postgres)?;
        Ok(())
    }

    /// What [`migrate`](Self::migrate) creates, as SQL for migrations of your own.
    #[must_use]
    pub fn schema_sql(&self) -> &str {
        &self.0.statements.schema
    }

    /// The statement that claims a key, for `EXPLAIN` and for measuring the database alone: `$1` is
    /// the key and `$2` the owner, both `uuid`, and `$3` the lease in microseconds.
    #[must_use]
    pub fn claim_sql(&self) -> &str {
        &self.0.statements.claim
    }

    /// Drops up to `limit` keys whose lease or retention has run out, and tells how many it
    /// dropped. Any number of processes can do so at once; keys that are locked are left for the
    /// next time. A few hundred at a time keeps locks short.
    ///
    /// The store is right without it, and only grows.
    ///
    /// # Errors
    ///
    /// If the database cannot answer.
    pub async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        let sql = self.0.statements.purge.replace("$1", &limit.to_string());
        let mut waits = Waits::new();
        loop {
            match sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&self.0.pool).await {
                Ok(done) => return Ok(done.rows_affected()),
                Err(error) if may_succeed_again(&error) && waits.next().await => {}
                Err(error) => return Err(Failure::postgres(error).into()),
            }
        }
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
            let open = !store.0.pool.is_closed();
            open.then_some(async move { store.purge(purge::BATCH).await })
        })
    }

    /// Runs a statement in a transaction of its own, again if another one came between.
    async fn run(&self, call: &Call<'_>, waits: &mut Waits) -> Result<Option<PgRow>, Failure> {
        loop {
            let mut connection = self.0.pool.acquire().await.map_err(Failure::postgres)?;
            let answer = call.run(&mut connection, self.0.prepared).await;
            drop(connection);
            match answer {
                Err(error) if may_succeed_again(&error) && waits.next().await => {}
                answer => return answer.map_err(Failure::postgres),
            }
        }
    }

    async fn settle(&self, call: &Call<'_>) -> Result<Settled, StoreError> {
        let mut waits = Waits::new();
        loop {
            let row = self.run(call, &mut waits).await?;
            if let Some(settled) = settled(row).map_err(Failure::postgres)? {
                return Ok(settled);
            }
            if !waits.next().await {
                return Err(Failure::other(LEFT_OPEN).into());
            }
        }
    }
}

impl Store for PostgresStore {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        let statement = &self.0.statements.claim;
        let call = Call { statement, key, owner: Owner::of(token), micros: Some(micros(lease)) };
        let mut waits = Waits::new();
        loop {
            let row = self.run(&call, &mut waits).await?;
            if let Some(claimed) = claimed(row).map_err(Failure::postgres)? {
                return Ok(claimed);
            }
            if !waits.next().await {
                return Ok(Claimed::InFlight { retry_after: LOCKED });
            }
        }
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        let (statement, micros) = (&self.0.statements.complete, Some(micros(retention)));
        self.settle(&Call { statement, key, owner: Owner::of(token), micros }).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        let statement = &self.0.statements.release;
        self.settle(&Call { statement, key, owner: Owner::of(token), micros: None }).await
    }

    fn transactional(&self) -> Option<Transactional> {
        Some(Arc::<Inner>::clone(&self.0))
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("schema", &self.0.schema)
            .field("table", &self.0.table)
            .finish_non_exhaustive()
    }
}
