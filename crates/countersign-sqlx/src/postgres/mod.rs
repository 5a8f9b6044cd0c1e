//! The store in PostgreSQL.

mod attempts;
mod batch;
mod builder;
mod call;
mod group;
mod in_transaction;
mod lanes;
mod operate;
mod place;
mod purge;
mod retry;
mod sql;
mod uuid;
mod waiting;
mod watermark;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign::{
    Attempt, ClaimToken, Claimed, EventKey, EventState, Forgotten, Parked, ParkedNote, Settled,
    Store, StoreError, StoreStats, Transactional,
};
use sqlx::PgPool;

pub use builder::PostgresStoreBuilder;

use self::call::{Answer, Ask, Rest, claimed, settled};
use self::lanes::{Lanes, Said};
use self::place::Place;
use self::retry::Waits;
use self::sql::outcome::COMPLETED;
use self::sql::{Statements, Table};
use crate::error::Failure;
use crate::purge::PurgeTask;
use crate::schema::SchemaState;
use crate::values::{Owner, micros};

/// A store in PostgreSQL 12 or later, on your own pool. Clones share it.
///
/// Every step is one statement on the database's clock, right at every isolation level and behind
/// PgBouncer in transaction mode. A duplicate is read and writes nothing.
///
/// Calls that come while others are under way go together in the next statement (one for claims, one
/// for completions, one for releases, up to 128 keys each), so many concurrent deliveries pay for few
/// commits. A call returns when the statement that asked for it has committed. Claims of one event that wait
/// together are asked once, and each is told what the answer means for it: however many duplicates of an
/// event come, its owner renews and settles its claim in time. Completions and releases of one event are
/// asked one by one. Keep one store and clone it: two stores share no statements.
///
/// Serialization failures, deadlocks and lock timeouts are tried again up to four times. If a
/// statement with many keys fails and one of them may be the reason (a conflict, a lock, a
/// `statement_timeout`, a trigger), each is asked alone, and one bad key does not fail the others. A row
/// that somebody has locked is skipped, and only its own call is asked again.
///
/// The first call looks for the table and at what is set for it, once.
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
/// CREATE TABLE IF NOT EXISTS "countersign_attempts" (
///     key uuid PRIMARY KEY,
///     owner uuid NOT NULL,
///     attempts integer NOT NULL,
///     first_at timestamptz NOT NULL,
///     parked_at timestamptz,
///     note text,
///     expires_at timestamptz NOT NULL
/// );
/// CREATE INDEX IF NOT EXISTS "countersign_a_expires" ON "countersign_attempts" (expires_at);
/// CREATE INDEX IF NOT EXISTS "countersign_parked_at" ON "countersign_attempts" (parked_at) WHERE parked_at IS NOT NULL;
/// CREATE TABLE IF NOT EXISTS "countersign_watermarks" (
///     entity uuid PRIMARY KEY,
///     version bytea NOT NULL,
///     key uuid NOT NULL,
///     expires_at timestamptz NOT NULL
/// );
/// CREATE INDEX IF NOT EXISTS "countersign_w_expires" ON "countersign_watermarks" (expires_at);
/// COMMENT ON TABLE "countersign" IS 'countersign schema 3, for programs from schema 1';
/// ```
///
/// The comment is the [schema's version](crate#the-schemas-version). The role needs `SELECT`, `INSERT` and
/// `UPDATE` on all three, and `DELETE` for the purge. The tables of attempts and of watermarks have rows only
/// for programs that count attempts, or order events with [`newest_in`](crate::NewestIn::newest_in). A key takes about 150
/// bytes with its indexes. A claim that is released leaves two such rows, which a purge drops after
/// [five minutes](countersign::RELEASED_FOR): the event's, with an `owner` of zeros, which any token may
/// claim, and one that says that this token was released, under a key of its own. Nothing of the kind is
/// written for an event that is handled.
///
/// `owner` is a digest of the claim's token: what is in the table, a backup or a log of statements
/// settles no claim.
///
/// A table that is `UNLOGGED`, or a connection whose `synchronous_commit` is `off`, would forget
/// events that were handled when the database crashes. The store refuses them at its first call, in
/// [`migrate`](Self::migrate) and in [`check`](Self::check), and says what to set.
///
/// # Partitions
///
/// Every statement names its keys, so the table can be split by the hash of the key: smaller indexes,
/// several places for autovacuum to work, and a tablespace for each partition if one disk does not do.
/// [`migrate`](Self::migrate) does not split a table, nor join one. Create this one first:
///
/// ```sql
/// CREATE TABLE "countersign" (
///     key uuid PRIMARY KEY,
///     owner uuid NOT NULL,
///     done boolean NOT NULL,
///     expires_at timestamptz NOT NULL
/// ) PARTITION BY HASH (key);
/// CREATE INDEX "countersign_expires_at" ON "countersign" (expires_at);
/// COMMENT ON TABLE "countersign" IS 'countersign schema 2, for programs from schema 1';
/// CREATE TABLE "countersign_0" PARTITION OF "countersign" FOR VALUES WITH (MODULUS 8, REMAINDER 0);
/// -- … and so on, to:
/// CREATE TABLE "countersign_7" PARTITION OF "countersign" FOR VALUES WITH (MODULUS 8, REMAINDER 7);
/// ```
///
/// [`migrate`](Self::migrate) then adds the tables beside it, which are not split. A partition that is
/// `UNLOGGED` is refused as such a table is. Do not split by `expires_at`: a key must be
/// unique in the whole table.
///
/// # The pool
///
/// Claims, completions and releases take one or two connections while there is something to do, and
/// none otherwise. Under constant load a connection is given back every 100 ms, so that handlers get
/// their turn: a pool of one connection is enough, also for handlers that need it. Only if a connection
/// has not answered for 250 ms another one is taken for the calls that wait, up to 16 in all.
///
/// sqlx asks a connection whether it is alive before it hands it out; with
/// [`test_before_acquire(false)`](sqlx::pool::PoolOptions::test_before_acquire) a lone claim takes one
/// round trip less, and the first one after the database restarted fails instead. Keep
/// [`acquire_timeout`](sqlx::pool::PoolOptions::acquire_timeout) below two seconds (sqlx says 30) if
/// the pool is the store's alone.
///
/// # Cancellation
///
/// Statements are sent by tasks in the runtime of a call that found none at work. No caller sends
/// another one's: a call whose future is dropped, or not polled any more, disturbs no other. If that
/// runtime ends, or is blocked, a call in another runtime that waits starts a task there. Calls whose
/// statement was under way when its runtime ended fail with
/// [`Unavailable`](countersign::StoreErrorKind::Unavailable).
///
/// A claim that is still queued when its future is dropped is not made. One that has been sent may or may
/// not have happened in the database, and runs out with its lease unless it is released: also a
/// release over another connection that arrives before its claim ends it. Completions and releases that
/// are queued are sent all the same, as long as the runtime of the task that sends them lives. A statement
/// that nobody waits for any more is given up after half a second, and its connection goes back to the
/// pool when the database has answered.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

/// The store, as `complete_in` and `newest_in` find it.
pub(crate) struct Inner {
    lanes: Arc<Lanes>,
    keep_watermarks: Duration,
    create: String,
    claim: String,
}

/// When to try a key again that somebody held locked all the time, though it may be free.
const LOCKED: Duration = Duration::from_secs(1);

const LEFT_OPEN: &str = "another transaction has changed the claim and is still open";

impl PostgresStore {
    /// A store in the table `countersign`.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        PostgresStoreBuilder::new(pool).store()
    }

    /// A store with settings of your own.
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(pool)
    }

    fn from_parts(pool: PgPool, table: Table, prepared: bool, keep_watermarks: Duration) -> Self {
        let (create, claim) = (table.create_sql(), Statements::new(&table).claim.plain.to_string());
        let lanes = Arc::new(Lanes::new(pool, prepared, Place::new(table)));
        Self(Arc::new(Inner { lanes, keep_watermarks, create, claim }))
    }

    /// Creates the table and its index where they are missing, brings an older table to this
    /// [version](crate#the-schemas-version), and [checks](Self::check) it. Any number of processes can do so
    /// at once. To create the table, the role needs the right to create tables in the schema, which
    /// must exist. To bring it forward, it has to own the table: else it stays as it is, with a line at
    /// `warn`. Other roles then need [rights](crate#the-tables) to tables that are new.
    ///
    /// Without a [`schema`](PostgresStoreBuilder::schema) of its own, a store takes the first table
    /// of its name in the connection's `search_path`, and makes one in the first schema only if
    /// there is none. If it made one, and there is one in a schema that is not in the `search_path`,
    /// it says so at `warn`: events that were handled may be there.
    ///
    /// # Errors
    ///
    /// If the database cannot answer, or forbids it, and what [`check`](Self::check) says.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.0.lanes.pool.acquire().await.map_err(Failure::postgres)?;
        Ok(self.0.lanes.place.migrate(&mut connection).await?)
    }

    /// Looks whether the table is there and what is written to it lasts, on one of the pool's
    /// connections. The store does so by itself before its first call.
    ///
    /// # Errors
    ///
    /// If the table is missing, `UNLOGGED`, temporary or [too new](SchemaState::TooNew), if
    /// `synchronous_commit` is `off` for the connection, or if the database cannot answer. The message says what to set.
    pub async fn check(&self) -> Result<(), StoreError> {
        let mut connection = self.0.lanes.pool.acquire().await.map_err(Failure::postgres)?;
        Ok(self.0.lanes.place.check(&mut connection).await?)
    }

    /// How the table stands to this version of the crate, and so what [`migrate`](Self::migrate) would
    /// do. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the database cannot answer.
    pub async fn schema(&self) -> Result<SchemaState, StoreError> {
        let mut connection = self.0.lanes.pool.acquire().await.map_err(Failure::postgres)?;
        Ok(self.0.lanes.place.schema(&mut connection).await?)
    }

    /// The `GRANT` statement that gives this pool's role the rights that it lacks to the store's
    /// tables; nothing where it has all. The owner of the tables, or a superuser, runs it. Changes nothing.
    ///
    /// A role that may use the first table alone handles events, and finds out about the others only when
    /// attempts are counted or a handler calls [`newest_in`](crate::NewestIn::newest_in). So ask
    /// before that, with the receiver's own pool: `countersign store STORE migrate --check` does.
    ///
    /// # Errors
    ///
    /// If the database cannot answer.
    pub async fn missing_rights(&self) -> Result<Option<String>, StoreError> {
        let mut connection = self.0.lanes.pool.acquire().await.map_err(Failure::postgres)?;
        Ok(self.0.lanes.place.missing_rights(&mut connection).await?)
    }

    /// What [`migrate`](Self::migrate) creates, as SQL for migrations of your own.
    #[must_use]
    pub fn schema_sql(&self) -> &str {
        &self.0.create
    }

    /// The statement that claims a key, for `EXPLAIN` and for measuring the database alone: `$1` is
    /// the key and `$2` the owner, both `uuid`, `$3` the lease in microseconds, and `$4` the key of
    /// the row that would say that the token was released, `uuid` too.
    #[must_use]
    pub fn claim_sql(&self) -> &str {
        &self.0.claim
    }

    /// Drops up to `limit` keys whose lease or retention has run out, then attempts and watermarks that
    /// are kept no longer, and gives how many it dropped. Any number of processes can do so at once; keys that are locked are left for the
    /// next time. A few hundred at a time keeps locks short.
    ///
    /// The store is right without it, and only grows.
    ///
    /// What was dropped stays in the table's and the index's pages until a vacuum, and a vacuum
    /// leaves what the oldest transaction in the database can still see. Under such a transaction (a
    /// long report, a dump, a forgotten `BEGIN`, a replication slot) each batch has more dead rows to
    /// pass by: with a few hundred thousand of them, 17 ms instead of 3. Claims are not slower.
    ///
    /// # Errors
    ///
    /// If the database cannot answer.
    pub async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        self.purge_some(limit).await
    }

    /// Purges in the background, now and then every so often, in batches of 500. What cannot be
    /// purged is logged and tried again.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn purge_every(&self, period: Duration) -> PurgeTask {
        let store = Arc::downgrade(&self.0);
        crate::purge::every(period, move || {
            let store = Self(store.upgrade()?);
            let open = !store.0.lanes.pool.is_closed();
            open.then_some(async move { store.purge(crate::purge::BATCH).await })
        })
    }

    /// Asks, again if another transaction came between.
    async fn ask(&self, ask: Ask, waits: &mut Waits) -> Result<Answer, StoreError> {
        let mut alone = false;
        loop {
            match self.0.lanes.ask(ask, alone).await? {
                Said::Answer(answer) => return Ok(answer),
                Said::Again(_) if waits.next().await => alone = true,
                Said::Again(failure) => return Err(failure.into()),
            }
        }
    }

    async fn settle(&self, ask: Ask) -> Result<Settled, StoreError> {
        let mut waits = Waits::new();
        loop {
            if let Some(settled) = settled(&self.ask(ask, &mut waits).await?) {
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
        let owner = Owner::of(token);
        let rest = Rest::MicrosAndReleased(micros(lease), owner.released(key));
        let ask = Ask { key, owner, rest };
        let mut waits = Waits::new();
        loop {
            let answer = self.ask(ask, &mut waits).await?;
            if let Some(claimed) = claimed(&answer) {
                return Ok(claimed);
            }
            if !waits.next().await {
                // Nobody else has the claim, and it could not be renewed.
                if answer.owner == Some(ask.owner) && answer.left > 0 {
                    return Err(Failure::other(LEFT_OPEN).into());
                }
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
        let rest = Rest::Micros(micros(retention));
        self.settle(Ask { key, owner: Owner::of(token), rest }).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        let owner = Owner::of(token);
        self.settle(Ask { key, owner, rest: Rest::Released(owner.released(key)) }).await
    }

    async fn is_completed(&self, key: EventKey, token: ClaimToken) -> Result<bool, StoreError> {
        let ask = Ask { key, owner: Owner::of(token), rest: Rest::None };
        Ok(self.ask(ask, &mut Waits::new()).await?.outcome == COMPLETED)
    }

    async fn forget(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        self.forget_one(key).await
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        self.count_attempt(key, token, keep).await
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        self.uncount_attempt(key, token).await
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        self.park_event(key, token, keep, note).await
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        self.list_parked(limit).await
    }

    async fn parked_event(&self, key: EventKey) -> Result<Option<Parked>, StoreError> {
        self.parked_one(key).await
    }

    async fn state(&self, key: EventKey) -> Result<EventState, StoreError> {
        self.state_of(key).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.stats_of().await
    }

    fn transactional(&self) -> Option<Transactional> {
        Some(Arc::<Inner>::clone(&self.0))
    }

    fn name(&self) -> &'static str {
        "postgres"
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("schema", &self.0.lanes.place.table.schema)
            .field("table", &self.0.lanes.place.table.name)
            .finish_non_exhaustive()
    }
}
