//! What the handler does: one row for each time that it handled an event.

use std::str::FromStr;
use std::time::Duration;

use countersign_sqlx::{CompleteError, CompleteIn};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::Anything;

#[derive(Clone)]
pub(crate) enum Effects {
    Postgres { pool: PgPool, table: String },
    Sqlite { pool: SqlitePool, table: String },
}

impl Effects {
    pub(crate) async fn open(url: &str, table: &str) -> Result<Self, Anything> {
        let table = table.to_owned();
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(5));
            let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await?;
            return Ok(Self::Sqlite { pool, table });
        }
        let pool = PgPoolOptions::new().max_connections(8).connect(url).await?;
        Ok(Self::Postgres { pool, table })
    }

    /// Handles the event `id`; tells whether it did.
    pub(crate) async fn handle<W>(&self, webhook: &W, id: &str, in_transaction: bool) -> bool
    where
        W: AsRef<countersign::Delivery> + Sync,
    {
        let handled = match (self, in_transaction) {
            (Self::Postgres { pool, table }, true) => {
                postgres_in_transaction(pool, table, webhook, id).await
            }
            (Self::Sqlite { pool, table }, true) => {
                sqlite_in_transaction(pool, table, webhook, id).await
            }
            (_, false) => self.write(id).await,
        };
        if let Err(error) = &handled {
            tracing::error!(id, %error, "not handled");
        }
        handled.is_ok()
    }

    async fn write(&self, id: &str) -> Result<(), Anything> {
        match self {
            Self::Postgres { pool, table } => {
                sqlx::query(AssertSqlSafe(insert(table))).bind(id).execute(pool).await?;
            }
            Self::Sqlite { pool, table } => {
                sqlx::query(AssertSqlSafe(insert(table))).bind(id).execute(pool).await?;
            }
        }
        Ok(())
    }
}

fn insert(table: &str) -> String {
    format!("INSERT INTO {table} (event) VALUES ($1)")
}

async fn postgres_in_transaction<W>(
    pool: &PgPool,
    table: &str,
    webhook: &W,
    id: &str,
) -> Result<(), Anything>
where
    W: AsRef<countersign::Delivery> + Sync,
{
    let mut tx = pool.begin().await?;
    sqlx::query(AssertSqlSafe(insert(table))).bind(id).execute(&mut *tx).await?;
    complete(webhook.complete_in(&mut tx).await)?;
    tx.commit().await?;
    Ok(())
}

async fn sqlite_in_transaction<W>(
    pool: &SqlitePool,
    table: &str,
    webhook: &W,
    id: &str,
) -> Result<(), Anything>
where
    W: AsRef<countersign::Delivery> + Sync,
{
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(AssertSqlSafe(insert(table))).bind(id).execute(&mut *tx).await?;
    complete(webhook.complete_in(&mut tx).await)?;
    tx.commit().await?;
    Ok(())
}

fn complete(completed: Result<(), CompleteError>) -> Result<(), Anything> {
    completed.map_err(Into::into)
}
