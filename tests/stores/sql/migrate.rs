//! Tables and their names.

use countersign::{Claimed, Store, StoreErrorKind};
use countersign_sqlx::{ConfigError, PostgresStore, SqliteStore};
use sqlx::{AssertSqlSafe, Row};

use super::{Folder, LEASE, Schema, failure, key, look, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_migrate_postgres_at_once() {
    let schema = Schema::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        // A pool each, as processes would have.
        let store = schema.store(&schema.pool(1));
        tasks.spawn(async move { store.migrate().await.map(|()| store) });
    }
    let mut won = 0;
    for store in tasks.join_all().await {
        won += u32::from(look(&store.unwrap(), key(1)).await == Claimed::Fresh);
    }
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_migrate_sqlite_at_once() {
    let folder = Folder::new();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = SqliteStore::open(folder.file());
        tasks.spawn(store);
    }
    let mut won = 0;
    for store in tasks.join_all().await {
        won += u32::from(look(&store.unwrap(), key(1)).await == Claimed::Fresh);
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn the_schema_can_be_made_by_hand() {
    let schema = Schema::new().await;
    let pool = schema.pool(2);
    let builder = PostgresStore::builder(pool.clone()).schema(&schema.name).table("Order");
    let store = builder.build().unwrap();
    let (kind, text) = failure(store.claim(key(1), token(), LEASE).await);
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(text.contains("migrate()"), "{text}");
    sqlx::raw_sql(AssertSqlSafe(store.schema_sql())).execute(&pool).await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
    store.migrate().await.unwrap();
    let count = sqlx::query("SELECT count(*) FROM \"Order\"").fetch_one(&pool).await.unwrap();
    assert_eq!(count.get::<i64, _>(0), 1);

    let folder = Folder::new();
    let pool = folder.pool(2);
    let store = SqliteStore::builder(pool.clone()).table("Order").build().unwrap();
    let (kind, text) = failure(store.claim(key(1), token(), LEASE).await);
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(text.contains("migrate()"), "{text}");
    sqlx::raw_sql(AssertSqlSafe(store.schema_sql())).execute(&pool).await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
}

#[tokio::test]
async fn the_tables_in_the_docs_are_those_that_are_made() {
    let documented = |path: &str| {
        let code = std::fs::read_to_string(format!("../crates/countersign-sqlx/src/{path}"));
        code.unwrap().replace("/// ", "")
    };
    let schema = Schema::new().await;
    let store = PostgresStore::new(schema.pool(1));
    assert!(documented("postgres/mod.rs").contains(store.schema_sql()), "{}", store.schema_sql());
    let store = SqliteStore::new(Folder::new().pool(1));
    assert!(documented("sqlite/mod.rs").contains(store.schema_sql()), "{}", store.schema_sql());
}

#[tokio::test]
async fn names_are_checked_before_they_are_sql() {
    let (schema, folder) = (Schema::new().await, Folder::new());
    let (pool, file) = (schema.pool(1), folder.pool(1));
    let long = "a".repeat(51);
    let bad =
        ["", "1a", "a b", "a\"b", "a;b", "a.b", "a-b", "ä", "a\0", "$1", "a'", "?1", " a", &long];
    for name in bad {
        for built in [
            PostgresStore::builder(pool.clone()).table(name).build().map(drop),
            SqliteStore::builder(file.clone()).table(name).build().map(drop),
        ] {
            let error = built.unwrap_err();
            assert!(matches!(error, ConfigError::InvalidName { field: "table", .. }), "{name:?}");
            assert!(error.to_string().contains("1 to 50"), "{error}");
        }
        let built = PostgresStore::builder(pool.clone()).schema(name).build();
        // A schema's name may be longer.
        assert_eq!(built.is_ok(), name == long, "{name:?}");
    }
    let reserved = PostgresStore::builder(pool.clone()).table("PG_class").build().unwrap_err();
    assert!(matches!(reserved, ConfigError::ReservedName { prefix: "pg_", .. }));
    let reserved = SqliteStore::builder(file.clone()).table("SQLite_x").build().unwrap_err();
    assert!(matches!(reserved, ConfigError::ReservedName { prefix: "sqlite_", .. }));
    for name in ["_", "A", "select", "a1_B2", &"a".repeat(50)] {
        let store = PostgresStore::builder(pool.clone()).schema(&schema.name).table(name);
        let store = store.build().unwrap();
        store.migrate().await.unwrap();
        assert_eq!(look(&store, key(1)).await, Claimed::Fresh, "{name}");
        let store = SqliteStore::builder(file.clone()).table(name).build().unwrap();
        store.migrate().await.unwrap();
        // SQLite does not tell "A" from "a".
        assert_eq!(look(&store, key(1)).await, Claimed::Fresh, "{name}");
    }
}
