//! Deduplication stores for [`countersign`] in PostgreSQL and SQLite, on your own
//! [sqlx](https://docs.rs/sqlx) 0.9 pool.
//!
//! With one of these, events that were handled are remembered across restarts, and an event is
//! handled once at a time across all processes that share the database.
//!
//! | store | for | a claim costs |
//! |---|---|---|
//! | [`PostgresStore`] | any number of hosts | a share of one statement and its commit |
//! | [`SqliteStore`] | the processes of one machine | a share of one commit |
//!
//! Take the database that your handlers write to: only there can an effect and the mark "handled"
//! commit together. Where they write to none, or it is another one, take what you run anyway.
//!
//! ```no_run
//! # #[cfg(feature = "postgres")] mod example {
//! use countersign::{Endpoint, Receiver, Secret, providers::hostwares};
//! use countersign_sqlx::PostgresStore;
//! use std::time::Duration;
//!
//! # async fn start(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
//! let store = PostgresStore::new(pool);
//! store.migrate().await?;
//! store.purge_every(Duration::from_secs(60)).detach();
//!
//! let endpoint = Endpoint::builder("hostwares", hostwares::provider())
//!     .secret(Secret::from_env("HOSTWARES_WEBHOOK_SECRET")?)
//!     .build()?;
//! let receiver = Receiver::new(endpoint, store);
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! In SQLite, the store has a connection of its own to the file:
//!
//! ```no_run
//! # #[cfg(feature = "sqlite")] mod example {
//! use countersign_sqlx::SqliteStore;
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqliteStore::open("/var/lib/app/app.db").await?;
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! # Exactly once, for effects in the same database
//!
//! Between a handler's effect and the mark "handled" a crash can come, and then the effect happens
//! twice. [`complete_in`](CompleteIn::complete_in) sets the mark inside the handler's own
//! transaction, so that both commit or neither does:
//!
//! ```
//! # #[cfg(feature = "postgres")] mod example {
//! # type Webhook = countersign::Delivery;
//! use countersign_sqlx::CompleteIn as _;
//!
//! async fn on_payment(pool: &sqlx::PgPool, webhook: Webhook) -> Result<(), Failed> {
//!     let mut tx = pool.begin().await?;
//!     sqlx::query("UPDATE account SET balance = balance + 1").execute(&mut *tx).await?;
//!     webhook.complete_in(&mut tx).await?;
//!     tx.commit().await?;
//!     Ok(())
//! }
//! # type Failed = Box<dyn std::error::Error + Send + Sync>;
//! # }
//! ```
//!
//! If the answer to a `COMMIT` is lost (the connection broke, a timeout), it is not known whether it was
//! carried out. Run the whole transaction again: `complete_in` answers a second one that the first has
//! committed, and then there is nothing left to do but to answer 2xx.
//!
//! ```
//! # #[cfg(feature = "postgres")] mod example {
//! # type Webhook = countersign::Delivery;
//! use countersign_sqlx::{CompleteError, CompleteIn as _};
//!
//! async fn on_payment(pool: &sqlx::PgPool, webhook: Webhook) -> Result<(), Failed> {
//!     let mut tries = 0;
//!     loop {
//!         tries += 1;
//!         match try_payment(pool, &webhook).await {
//!             Ok(()) => return Ok(()),
//!             // `try_payment` has rolled back. The effect is there, from the try before.
//!             Err(Failed::Complete(CompleteError::AlreadyCompleted)) => return Ok(()),
//!             // The lease is not ours any more, or never was.
//!             Err(Failed::Complete(CompleteError::Lost)) => return Err(CompleteError::Lost.into()),
//!             Err(error) if tries == 3 => return Err(error),
//!             Err(_) => {}
//!         }
//!     }
//! }
//!
//! async fn try_payment(pool: &sqlx::PgPool, webhook: &Webhook) -> Result<(), Failed> {
//!     let mut tx = pool.begin().await?;
//!     sqlx::query("UPDATE account SET balance = balance + 1").execute(&mut *tx).await?;
//!     webhook.complete_in(&mut tx).await?;
//!     tx.commit().await?;
//!     Ok(())
//! }
//!
//! enum Failed {
//!     Database(sqlx::Error),
//!     Complete(CompleteError),
//! }
//! # impl From<sqlx::Error> for Failed {
//! #     fn from(error: sqlx::Error) -> Self { Self::Database(error) }
//! # }
//! # impl From<CompleteError> for Failed {
//! #     fn from(error: CompleteError) -> Self { Self::Complete(error) }
//! # }
//! # }
//! ```
//!
//! The same transaction can hand the delivery over for later work: write it into a table, or a job
//! queue in the same database. Then a provider that hangs up early, or never retries, is answered at
//! once, and nothing is lost.
//!
//! In SQLite, begin such a transaction with [`SqliteStore::begin`]: it waits for its turn instead of
//! competing with the store for the write lock. Elsewhere use `BEGIN IMMEDIATE`. A transaction that
//! reads first and writes later cannot write any more if another connection wrote in between, and the store
//! often does:
//!
//! ```
//! # #[cfg(feature = "sqlite")] mod example {
//! # type Webhook = countersign::Delivery;
//! use countersign_sqlx::{CompleteIn as _, SqliteStore};
//!
//! async fn on_payment(
//!     store: &SqliteStore,
//!     pool: &sqlx::SqlitePool,
//!     webhook: Webhook,
//! ) -> Result<(), Failed> {
//!     let mut tx = store.begin(pool).await?;
//!     sqlx::query("UPDATE account SET balance = balance + 1").execute(&mut *tx).await?;
//!     webhook.complete_in(&mut tx).await?;
//!     tx.commit().await?;
//!     Ok(())
//! }
//! # type Failed = Box<dyn std::error::Error + Send + Sync>;
//! # }
//! ```
//!
//! # The tables
//!
//! | table | what is in it |
//! |---|---|
//! | `countersign`, or a name of yours | events in flight and handled, and released tokens |
//! | `…_attempts` | attempts and parked events: rows only for endpoints that [count](countersign::EndpointBuilder::count_attempts) or [park](countersign::EndpointBuilder::park), and for handlers that [park](countersign::Delivery::park) |
//! | `…_watermarks` | the newest version of each entity: rows only for handlers that call [`newest_in`](NewestIn::newest_in) |
//!
//! `migrate()` makes all three. A role in PostgreSQL that does not own them needs the same rights to each:
//! `SELECT`, `INSERT`, `UPDATE`, and `DELETE` for the purge. The last two came with the schema version 3: after a
//! migration from an older one, their owner has to grant these anew. Until then events are handled as before, and
//! what needs the new tables fails.
//!
//! # The schema's version
//!
//! A table says its version, [`SchemaState::CURRENT`], and the oldest one whose programs may work with it:
//! in PostgreSQL in the table's comment (other words in it stay), in SQLite in a view named after the
//! table. Both are part of a dump. A table that says nothing has version 1.
//!
//! `migrate()` brings every older table forward, also one that is split into partitions, and leaves newer ones as
//! they are. Processes that start together migrate once. Processes of the versions before and after work on one
//! table meanwhile, so an upgrade needs no pause: start the new version, process by process. A process that is
//! too old for its table says so at its first call, and which version it needs. `schema()` says what
//! `migrate()` would do, as does `countersign store STORE migrate --check`.
//!
//! With migrations of your own, run what `schema_sql()` adds to that of the version before. A table of version 1
//! may stay as it is: this version works with it.
//!
//! # Behind PgBouncer
//!
//! In transaction mode the store works as it is: by default
//! ([`prepared_statements`](PostgresStoreBuilder::prepared_statements)) it prepares nothing, and needs
//! nothing of a session. Name the table's [`schema`](PostgresStoreBuilder::schema): a store looks for
//! its table once and stays with it, but the `search_path` at that moment may be another client's. sqlx
//! itself sends `extra_float_digits` when it connects: add it to PgBouncer's
//! `ignore_startup_parameters`. Your own queries with values need PgBouncer 1.21 and its
//! `max_prepared_statements`.
//!
//! With an older PgBouncer, a name such as `sqlx_s_1` means different statements on different
//! connections to the server, and **PostgreSQL then runs another statement than the one that was
//! asked for**, if the values fit. With `prepared_statements(true)` most calls of the store fail there. None
//! does what another one was asked to: each statement takes a tag as one of its values, changes
//! nothing for another tag, and answers with its own. Your own queries have no such tag: what you
//! asked for may be carried out by a statement of yours that takes values of the same types.
//!
//! # Promises
//!
//! Those of [`Store`](countersign::Store), and:
//!
//! 1. A call returns only when its effect is durable, as far as the database is configured to be.
//! 2. Time is the database's. Leases and retentions of more than a hundred years are cut to that.
//! 3. Dropping a call's future breaks no connection and no other call.
//! 4. The database sees a digest of a claim's token, never the token.
//! 5. Nothing panics. A database without room is
//!    [`StoreErrorKind::Full`](countersign::StoreErrorKind::Full); all else that goes wrong is
//!    [`Unavailable`](countersign::StoreErrorKind::Unavailable), with the database's own words.
//! 6. `complete_in` succeeds in one transaction that commits, and says
//!    [`AlreadyCompleted`](CompleteError::AlreadyCompleted) in the next one.
//!
//! # Limits
//!
//! 1. The primary, not a replica: what a replica has not heard of yet would be handled twice. The
//!    same goes for a failover to a standby that was replicated to asynchronously.
//! 2. The database's clock is its machine's. If it is set forward by more than a lease, a second
//!    delivery may be accepted while the first is being handled; `complete_in` is answered
//!    [`Lost`](CompleteError::Lost) then. A retention is shortened by as much as the clock is set
//!    forward, so an event that was handled may be handled again. If the clock is set back, both last
//!    longer by as much.
//! 3. SQLite has one writer: while your own transaction holds the write lock, claims wait, and are
//!    refused after `busy_timeout`. Not on a network file system. That the file was replaced while it
//!    was open is noticed on Unix only.
//! 4. Keys that have run out stay in the table until a purge.
//!
//! # Feature flags
//!
//! Choose at least one.
//!
//! | flag | default | |
//! |---|---|---|
//! | `postgres` | off | [`PostgresStore`]. For TLS, choose one of sqlx's `tls-…` features in your own `Cargo.toml` |
//! | `sqlite` | off | [`SqliteStore`], with SQLite built from source, which takes a C compiler |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
compile_error!("choose a database: enable the feature `postgres` or `sqlite` of countersign-sqlx");

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod complete_in;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod error;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod names;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod newest_in;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod purge;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod room;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod schema;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod values;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod version;

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use complete_in::{CompleteIn, SqlConnection};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use countersign::CompleteError;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use names::ConfigError;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use newest_in::{NewestIn, Order};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresStoreBuilder};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use purge::PurgeTask;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use schema::SchemaState;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreBuilder, SqliteTurn};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use version::Version;

#[cfg(all(doctest, feature = "postgres"))]
#[doc = include_str!("../README.md")]
struct Readme;
