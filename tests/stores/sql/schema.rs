//! A database for one test, which goes when the test ends, however it ends.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign_sqlx::{PostgresStore, SqliteStore};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, SqlitePool};

fn name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (process, number) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    // In a container, the next run may have the same process id as one that was killed.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    format!("countersign_sql_{process}_{now}_{number}")
}

fn options() -> PgConnectOptions {
    let url = std::env::var("DATABASE_URL");
    url.as_deref().unwrap_or("postgres://postgres@127.0.0.1/test").parse().unwrap()
}

/// A schema in PostgreSQL.
pub(crate) struct Schema {
    pub(crate) name: String,
    options: PgConnectOptions,
}

impl Schema {
    pub(crate) async fn new() -> Self {
        let name = name();
        let mut connection = PgConnection::connect_with(&options()).await.unwrap();
        let create = AssertSqlSafe(format!("CREATE SCHEMA {name}"));
        sqlx::raw_sql(create).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let options = options().application_name(&name).options([("search_path", &name)]);
        Self { name, options }
    }

    /// The schema with the store's table in it.
    pub(crate) async fn migrated() -> (Self, PostgresStore, PgPool) {
        let schema = Self::new().await;
        let pool = schema.pool(8);
        // By the `search_path`, as with the defaults.
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.unwrap();
        (schema, store, pool)
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    pub(crate) fn pool(&self, connections: u32) -> PgPool {
        self.pool_with(connections, |options| options)
    }

    pub(crate) fn pool_with(
        &self,
        connections: u32,
        settings: impl FnOnce(PgConnectOptions) -> PgConnectOptions,
    ) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(connections);
        let pool = pool.acquire_timeout(Duration::from_secs(20));
        pool.connect_lazy_with(settings(self.options.clone()))
    }

    pub(crate) fn store(&self, pool: &PgPool) -> PostgresStore {
        PostgresStore::builder(pool.clone()).schema(&self.name).build().unwrap()
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (name, options) = (self.name.clone(), options());
        let drop = async move {
            let mut connection = PgConnection::connect_with(&options).await.unwrap();
            // What the test left open would keep its locks.
            let sql = format!(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                WHERE application_name = '{name}'; \
                SET client_min_messages = warning; DROP SCHEMA {name} CASCADE"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        };
        // The test's own runtime stands still meanwhile.
        let thread = std::thread::spawn(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(drop);
        });
        if thread.join().is_err() && !std::thread::panicking() {
            panic!("the schema {} stays behind", self.name);
        }
    }
}

/// A folder for database files of SQLite.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(name());
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The file with the store's table in it, and a pool for handlers.
    pub(crate) async fn migrated() -> (Self, SqliteStore, SqlitePool) {
        let folder = Self::new();
        let store = SqliteStore::open(folder.file()).await.unwrap();
        let pool = folder.pool(8);
        (folder, store, pool)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("webhooks.db")
    }

    pub(crate) fn pool(&self, connections: u32) -> SqlitePool {
        self.pool_with(connections, |options| options)
    }

    pub(crate) fn pool_with(
        &self,
        connections: u32,
        settings: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions,
    ) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(self.file())
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_millis(1500));
        let pool = SqlitePoolOptions::new().max_connections(connections);
        pool.connect_lazy_with(settings(options))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let removed = std::fs::remove_dir_all(&self.0);
        if removed.is_err() && !std::thread::panicking() {
            panic!("{} stays behind", self.0.display());
        }
    }
}
