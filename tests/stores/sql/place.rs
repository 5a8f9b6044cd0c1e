//! PostgreSQL: which table it is, and whether what is written there lasts.

use std::sync::{Arc, Mutex};

use countersign::{Claimed, Store, StoreErrorKind};
use countersign_sqlx::PostgresStore;
use sqlx::{AssertSqlSafe, PgPool};
use tracing::subscriber::DefaultGuard;

use super::{LEASE, Schema, failure, is_in_flight, key, look, token};

/// A pool with other settings than the schema's.
fn with(schema: &Schema, settings: &[(&str, &str)]) -> PgPool {
    schema.pool_with(1, |options| options.options(settings.iter().copied()))
}

#[tokio::test]
async fn a_table_that_a_crash_empties_is_refused() {
    let (schema, store, pool) = Schema::migrated().await;
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
    let set = async |persistence: &str| {
        let set = AssertSqlSafe(format!("ALTER TABLE countersign SET {persistence}"));
        sqlx::query(set).execute(&pool).await.unwrap();
    };
    set("UNLOGGED").await;
    // One that starts, by each of its ways.
    let starting = schema.store(&pool);
    for answer in [
        starting.migrate().await,
        starting.check().await,
        starting.claim(key(2), token(), LEASE).await.map(drop),
        store.check().await,
    ] {
        let (kind, text) = failure(answer);
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("UNLOGGED") && text.contains("SET LOGGED"), "{text}");
    }
    set("LOGGED").await;
    starting.check().await.unwrap();
    assert_eq!(look(&starting, key(2)).await, Claimed::Fresh);
}

#[tokio::test]
async fn a_temporary_table_is_refused() {
    let schema = Schema::new().await;
    let pool = schema.pool(1);
    let store = PostgresStore::new(pool.clone());
    let temporary = store.schema_sql().replacen("CREATE TABLE", "CREATE TEMPORARY TABLE", 1);
    sqlx::raw_sql(AssertSqlSafe(temporary)).execute(&pool).await.unwrap();
    for answer in [store.migrate().await, store.claim(key(1), token(), LEASE).await.map(drop)] {
        let (_, text) = failure(answer);
        assert!(text.contains("temporary"), "{text}");
    }
}

#[tokio::test]
async fn a_commit_that_is_not_waited_for_is_refused() {
    let (schema, _, _) = Schema::migrated().await;
    for (level, refused) in [("off", true), ("local", false), ("remote_apply", false)] {
        let store = schema.store(&with(&schema, &[("synchronous_commit", level)]));
        for answer in [
            store.migrate().await,
            store.check().await,
            store.claim(key(1), token(), LEASE).await.map(drop),
        ] {
            if refused {
                let (kind, text) = failure(answer);
                assert_eq!(kind, StoreErrorKind::Unavailable);
                assert!(text.contains("synchronous_commit is off"), "{text}");
                assert!(text.contains("set it to `on`"), "{text}");
            } else {
                answer.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_missing_table_is_said_until_it_is_there() {
    let schema = Schema::new().await;
    let store = PostgresStore::new(schema.pool(2));
    for answer in [store.check().await, store.purge(1).await.map(drop)] {
        let (_, text) = failure(answer);
        assert!(text.contains("migrate()"), "{text}");
    }
    store.migrate().await.unwrap();
    store.check().await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
}

/// What is remembered stays remembered when the `search_path` of a running program's connections
/// becomes another one, as behind a pooler.
#[tokio::test]
async fn a_store_stays_with_its_table() {
    let (schema, _, _) = Schema::migrated().await;
    let (other, _, other_pool) = Schema::migrated().await;
    let pool = schema.pool(1);
    let store = PostgresStore::new(pool.clone());
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
    let set = AssertSqlSafe(format!("SET search_path = {}", other.name));
    sqlx::query(set).execute(&pool).await.unwrap();
    assert!(is_in_flight(look(&store, key(1)).await));
    assert_eq!(look(&store, key(2)).await, Claimed::Fresh);
    let rows = "SELECT count(*) FROM countersign";
    assert_eq!(sqlx::query_scalar::<_, i64>(rows).fetch_one(&other_pool).await.unwrap(), 0);
}

/// A schema that comes before the table's in the `search_path` is no reason for another table.
#[tokio::test]
async fn a_table_anywhere_in_the_search_path_is_taken() {
    let (schema, before, _) = Schema::migrated().await;
    assert_eq!(look(&before, key(1)).await, Claimed::Fresh);
    let newer = Schema::new().await;
    let path = format!("{},{}", newer.name, schema.name);
    let store = PostgresStore::new(with(&schema, &[("search_path", &path)]));
    store.migrate().await.unwrap();
    assert!(is_in_flight(look(&store, key(1)).await));
}

/// Where it is not in the `search_path` any more, a new table is made, and that is said.
#[tokio::test]
async fn an_empty_table_beside_another_is_said() {
    let (schema, _, _) = Schema::migrated().await;
    let newer = Schema::new().await;
    let (log, _guard) = Log::capture();
    let store = PostgresStore::new(newer.pool(1));
    store.migrate().await.unwrap();
    let said = log.take();
    assert!(said.contains(&format!("made the table \"{}\".\"countersign\"", newer.name)), "{said}");
    assert!(said.contains("set the store's `schema`"), "{said}");
    // The test's own, unless other tests have more than are listed.
    let others = said.matches("there is a table").count();
    assert!(said.contains(&schema.name) || others == 5, "{said}");
    // Once, and not to whoever named a schema.
    store.migrate().await.unwrap();
    Schema::new().await.store(&newer.pool(1)).check().await.unwrap_err();
    let named = PostgresStore::builder(newer.pool(1)).schema(&newer.name).table("another");
    named.build().unwrap().migrate().await.unwrap();
    assert!(!log.take().contains("made the table"));
}

/// What is logged on this thread.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// From here on, until the guard is dropped.
    pub(super) fn capture() -> (Self, DefaultGuard) {
        let log = Self::default();
        let format = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
        (log, countersign_tests::log_to(format.finish()))
    }

    pub(super) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
