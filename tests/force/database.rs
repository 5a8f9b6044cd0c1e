//! The database that receivers write their effects to, looked at from outside.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

/// A table of effects, and its claims beside it, which go when this does.
pub struct Database {
    pub url: String,
    pub table: String,
    pool: Pool,
}

enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool, PathBuf),
}

/// The Postgres that tests share.
pub fn postgres_url() -> String {
    let default = || "postgres://postgres@127.0.0.1/test".to_owned();
    std::env::var("DATABASE_URL").unwrap_or_else(|_| default())
}

/// A name that no other run and no other test has. In a container, the next run may have the same process id.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    format!("{prefix}_{process}_{now}_{count}")
}

impl Database {
    pub async fn postgres() -> Self {
        Self::postgres_at(postgres_url()).await
    }

    pub async fn postgres_at(url: String) -> Self {
        let pool = PgPool::connect(&url).await.unwrap_or_else(|error| {
            panic!("no Postgres at {url}: {error}; `cargo xtask test` brings one")
        });
        let table = unique("force");
        let create = format!("CREATE TABLE {table} (event text NOT NULL)");
        sqlx::query(AssertSqlSafe(create)).execute(&pool).await.unwrap();
        Self { url, table, pool: Pool::Postgres(pool) }
    }

    pub async fn sqlite() -> Self {
        let table = unique("force");
        let directory = std::env::temp_dir().join(format!("countersign-{table}"));
        std::fs::create_dir_all(&directory).unwrap();
        let url = format!("sqlite:{}?mode=rwc", directory.join("effects.db").display());
        let pool = SqlitePool::connect(&url).await.unwrap();
        sqlx::query("PRAGMA journal_mode = WAL").execute(&pool).await.unwrap();
        let create = format!("CREATE TABLE {table} (event text NOT NULL)");
        sqlx::query(AssertSqlSafe(create)).execute(&pool).await.unwrap();
        Self { url, table, pool: Pool::Sqlite(pool, directory) }
    }

    /// How many events had an effect once, and how many more than once.
    pub async fn effects(&self) -> (usize, usize) {
        let counted = format!("SELECT count(*) AS n FROM {} GROUP BY event", self.table);
        let count = |condition| {
            AssertSqlSafe(format!("SELECT count(*) FROM ({counted}) AS c WHERE {condition}"))
        };
        let (once, more) = (count("n = 1"), count("n > 1"));
        let (once, more): (i64, i64) = match &self.pool {
            Pool::Postgres(pool) => (
                sqlx::query_scalar(once).fetch_one(pool).await.unwrap(),
                sqlx::query_scalar(more).fetch_one(pool).await.unwrap(),
            ),
            Pool::Sqlite(pool, _) => (
                sqlx::query_scalar(once).fetch_one(pool).await.unwrap(),
                sqlx::query_scalar(more).fetch_one(pool).await.unwrap(),
            ),
        };
        (once.try_into().unwrap(), more.try_into().unwrap())
    }

    /// Removes it all.
    pub async fn drop_all(self) {
        match self.pool {
            Pool::Postgres(pool) => {
                let claims =
                    format!("{0}_claims, {0}_claims_attempts, {0}_claims_watermarks", self.table);
                let drop = format!("DROP TABLE IF EXISTS {}, {claims}", self.table);
                sqlx::query(AssertSqlSafe(drop)).execute(&pool).await.unwrap();
            }
            Pool::Sqlite(pool, directory) => {
                pool.close().await;
                std::fs::remove_dir_all(directory).unwrap();
            }
        }
    }
}
