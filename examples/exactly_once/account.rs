//! The account: entries and a balance, in Postgres or SQLite, with the store beside them.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use countersign::DynStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::Failure;

pub(crate) const ENTRY: &str = "INSERT INTO entry (event, amount) VALUES ($1, $2)";
pub(crate) const BALANCE: &str = "UPDATE account SET balance = balance + $1";

const TABLES: &str = "
    CREATE TABLE entry (event text NOT NULL, amount bigint NOT NULL);
    CREATE TABLE account (balance bigint NOT NULL);
    INSERT INTO account VALUES (0);
";

#[derive(Clone)]
pub(crate) enum Account {
    /// In a schema of its own.
    Postgres {
        pool: PgPool,
        url: String,
        schema: String,
    },
    Sqlite {
        pool: SqlitePool,
        folder: PathBuf,
    },
}

impl Account {
    /// A new account in the Postgres at `DATABASE_URL`, or in a file.
    pub(crate) async fn create() -> Result<Self, Failure> {
        let id = std::process::id();
        if let Ok(url) = std::env::var("DATABASE_URL") {
            let schema = format!("countersign_example_{id}");
            let create = format!("CREATE SCHEMA {schema}");
            let pool = PgPool::connect(&url).await?;
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&pool).await?;
            let account = Self::open(&format!("{schema} {url}")).await?;
            if let Self::Postgres { pool, .. } = &account {
                sqlx::raw_sql(TABLES).execute(pool).await?;
            }
            return Ok(account);
        }
        let folder = std::env::temp_dir().join(format!("countersign-example-{id}"));
        std::fs::create_dir_all(&folder)?;
        let account = Self::open(folder.to_str().ok_or("a strange temporary folder")?).await?;
        if let Self::Sqlite { pool, .. } = &account {
            sqlx::raw_sql(TABLES).execute(pool).await?;
        }
        Ok(account)
    }

    /// For [`open`](Self::open) in another process.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Postgres { url, schema, .. } => format!("{schema} {url}"),
            Self::Sqlite { folder, .. } => folder.display().to_string(),
        }
    }

    pub(crate) async fn open(address: &str) -> Result<Self, Failure> {
        if let Some((schema, url)) = address.split_once(' ') {
            let options =
                sqlx::postgres::PgConnectOptions::from_str(url)?.options([("search_path", schema)]);
            let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await?;
            return Ok(Self::Postgres { pool, url: url.to_owned(), schema: schema.to_owned() });
        }
        let folder = PathBuf::from(address);
        let options = SqliteConnectOptions::new()
            .filename(folder.join("account.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_millis(1500));
        Ok(Self::Sqlite { pool: SqlitePool::connect_with(options).await?, folder })
    }

    /// The store, in the same database: that is what lets one transaction hold both.
    pub(crate) async fn store(&self) -> Result<Arc<dyn DynStore>, Failure> {
        Ok(match self {
            Self::Postgres { pool, .. } => {
                let store = PostgresStore::new(pool.clone());
                store.migrate().await?;
                Arc::new(store)
            }
            Self::Sqlite { pool, .. } => {
                let store = SqliteStore::new(pool.clone());
                store.migrate().await?;
                Arc::new(store)
            }
        })
    }

    /// How many entries there are, and the balance.
    pub(crate) async fn read(&self) -> Result<(usize, usize), Failure> {
        let sql = "SELECT (SELECT count(*) FROM entry), (SELECT balance FROM account)";
        let (entries, balance): (i64, i64) = match self {
            Self::Postgres { pool, .. } => sqlx::query_as(sql).fetch_one(pool).await?,
            Self::Sqlite { pool, .. } => sqlx::query_as(sql).fetch_one(pool).await?,
        };
        Ok((entries.try_into()?, balance.try_into()?))
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Postgres { .. } => "Postgres",
            Self::Sqlite { .. } => "SQLite",
        }
    }

    pub(crate) async fn remove(self) -> Result<(), Failure> {
        match self {
            Self::Postgres { pool, schema, .. } => {
                let drop =
                    format!("SET client_min_messages = warning; DROP SCHEMA {schema} CASCADE");
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(&pool).await?;
            }
            Self::Sqlite { pool, folder } => {
                pool.close().await;
                std::fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }
}
