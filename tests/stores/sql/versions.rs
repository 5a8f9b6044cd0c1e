//! Versions of the schema: tables of every version that there was, brought forward; programs of two
//! versions on one table; a program that is too old.

use std::time::Duration;

use countersign::{Claimed, EventKey, EventState, Forgotten, Settled, Store, StoreErrorKind};
use countersign_sqlx::{PostgresStore, SchemaState, SqliteStore};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgPool, Row};

use super::{DAY, Folder, LEASE, Schema, failure, is_in_flight, look, new_key, token};

const POSTGRES: &str = include_str!("versions/v1-postgres.sql");
const PARTITIONED: &str = include_str!("versions/v1-postgres-partitioned.sql");
const SQLITE: &str = include_str!("versions/v1-sqlite.sql");
const STATEMENTS: &str = include_str!("versions/v1-statements.sql");

const STAMP: &str = "countersign schema 3, for programs from schema 1";

/// What the second version adds to the first.
const POSTGRES_2: &str =
    "COMMENT ON TABLE countersign IS 'countersign schema 2, for programs from schema 1'";
const SQLITE_2: &str = "CREATE VIEW countersign_schema AS \
                        SELECT 'countersign schema 2, for programs from schema 1' AS version";

/// A key whose bytes are all this one.
fn all(byte: u8) -> EventKey {
    EventKey::from_bytes([byte; 16])
}

/// What the fixtures hold is known as before.
async fn knows_the_fixture(store: &impl Store) {
    assert!(matches!(store.state(all(0x11)).await, Ok(EventState::Handled { .. })));
    assert!(matches!(store.state(all(0x22)).await, Ok(EventState::InFlight { .. })));
    assert_eq!(store.state(all(0x33)).await.unwrap(), EventState::Released);
    assert_eq!(store.state(all(0x44)).await.unwrap(), EventState::Unknown);
    assert_eq!(look(store, all(0x11)).await, Claimed::Done);
    assert!(is_in_flight(look(store, all(0x22)).await));
    // A table of an older version has nowhere to park.
    assert_eq!(store.stats().await.unwrap().parked, 0);
}

async fn fixture(sql: &'static str) -> (Schema, PostgresStore, PgPool) {
    let schema = Schema::new().await;
    let pool = schema.pool(8);
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    let store = schema.store(&pool);
    (schema, store, pool)
}

async fn comment(pool: &PgPool) -> Option<String> {
    let comment = "SELECT obj_description(to_regclass('countersign'), 'pg_class')";
    sqlx::query_scalar(comment).fetch_one(pool).await.unwrap()
}

async fn say(pool: &PgPool, comment: &str) {
    let comment = format!("COMMENT ON TABLE countersign IS '{comment}'");
    sqlx::raw_sql(AssertSqlSafe(comment)).execute(pool).await.unwrap();
}

#[tokio::test]
async fn postgres_is_brought_forward_once() {
    for (sql, version) in [(POSTGRES, 1), (PARTITIONED, 1), (POSTGRES, 2), (PARTITIONED, 2)] {
        let (schema, store, pool) = fixture(sql).await;
        if version == 2 {
            sqlx::raw_sql(POSTGRES_2).execute(&pool).await.unwrap();
        }
        let says = comment(&pool).await;
        assert_eq!(store.schema().await.unwrap(), SchemaState::Older { version });
        store.check().await.unwrap();
        knows_the_fixture(&store).await;
        assert_eq!(comment(&pool).await, says, "only a migration changes it");
        assert_eq!(store.purge(100).await.unwrap(), 1, "what had run out in the fixture");
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let store = schema.store(&schema.pool(1));
            tasks.spawn(async move { store.migrate().await });
        }
        tasks.join_all().await.into_iter().for_each(|migrated| migrated.unwrap());
        assert_eq!(comment(&pool).await.as_deref(), Some(STAMP));
        assert_eq!(store.schema().await.unwrap(), SchemaState::Current);
        knows_the_fixture(&store).await;
        assert_eq!(store.forget(all(0x11)).await.unwrap(), Forgotten::Forgotten);
        assert_eq!(look(&store, all(0x11)).await, Claimed::Fresh);
    }
}

#[tokio::test]
async fn sqlite_is_brought_forward_once() {
    let folder = Folder::new();
    let pool = folder.pool(2);
    sqlx::raw_sql(SQLITE).execute(&pool).await.unwrap();
    let store = SqliteStore::existing(folder.file()).build().unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaState::Older { version: 1 });
    knows_the_fixture(&store).await;
    assert_eq!(store.schema().await.unwrap(), SchemaState::Older { version: 1 });
    sqlx::raw_sql(SQLITE_2).execute(&pool).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaState::Older { version: 2 });
    assert_eq!(store.purge(100).await.unwrap(), 1, "what had run out in the fixture");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        tasks.spawn(SqliteStore::open(folder.file()));
    }
    tasks.join_all().await.into_iter().for_each(|opened| drop(opened.unwrap()));
    assert_eq!(store.schema().await.unwrap(), SchemaState::Current);
    knows_the_fixture(&store).await;
    assert_eq!(store.forget(all(0x11)).await.unwrap(), Forgotten::Forgotten);
    assert_eq!(look(&store, all(0x11)).await, Claimed::Fresh);
    // A copy that SQLite makes says it too.
    let copy = folder.file().with_file_name("copy.db");
    let into = format!("VACUUM INTO '{}'", copy.display());
    sqlx::raw_sql(AssertSqlSafe(into)).execute(&pool).await.unwrap();
    let copy = SqliteStore::existing(copy).build().unwrap();
    assert_eq!(copy.schema().await.unwrap(), SchemaState::Current);
}

#[tokio::test]
async fn what_is_missing_is_said_and_made() {
    let schema = Schema::new().await;
    let pool = schema.pool(2);
    let store = schema.store(&pool);
    assert_eq!(store.schema().await.unwrap(), SchemaState::Missing);
    store.migrate().await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaState::Current);

    let folder = Folder::new();
    let store = SqliteStore::new(folder.pool(2));
    store.schema().await.unwrap_err();
    sqlx::raw_sql("CREATE TABLE mine (a)").execute(&folder.pool(1)).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaState::Missing);
    store.migrate().await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaState::Current);
}

/// A table beside the store's own that somebody has dropped is made again, and nothing else is changed.
#[tokio::test]
async fn what_was_dropped_is_said_and_made() {
    let schema = Schema::new().await;
    let (pool, folder) = (schema.pool(2), Folder::new());
    let (postgres, file) = (schema.store(&pool), folder.pool(2));
    let sqlite = SqliteStore::builder(file.clone()).build().unwrap();
    let dropped = [
        (&["_attempts"][..], "_attempts"),
        (&["_watermarks"], "_watermarks"),
        (&["_attempts", "_watermarks"], "_attempts or _watermarks"),
    ];
    for (nth, (tables, missing)) in (0..).zip(dropped) {
        let event = all(nth);
        macro_rules! is_made_again {
            ($store:expr, $pool:expr) => {
                $store.migrate().await.unwrap();
                assert_eq!(look($store, event).await, Claimed::Fresh);
                for table in tables {
                    let sql = AssertSqlSafe(format!("DROP TABLE countersign{table}"));
                    sqlx::raw_sql(sql).execute($pool).await.unwrap();
                }
                let state = $store.schema().await.unwrap();
                assert_eq!(state, SchemaState::Incomplete { missing });
                assert!(state.needs_migration() && state.to_string().contains(missing));
                $store.migrate().await.unwrap();
                assert_eq!($store.schema().await.unwrap(), SchemaState::Current);
                assert_eq!($store.stats().await.unwrap().parked, 0);
                assert!(is_in_flight(look($store, event).await), "it is known as before");
            };
        }
        is_made_again!(&postgres, &pool);
        is_made_again!(&sqlite, &file);
    }
}

#[tokio::test]
async fn other_words_in_the_comment_stay() {
    let (_schema, store, pool) = fixture(POSTGRES).await;
    say(&pool, "Ana''s webhooks: 100%").await;
    store.migrate().await.unwrap();
    assert_eq!(comment(&pool).await, Some(format!("Ana's webhooks: 100%\n{STAMP}")));
    store.migrate().await.unwrap();
    assert_eq!(comment(&pool).await, Some(format!("Ana's webhooks: 100%\n{STAMP}")));
}

#[tokio::test]
async fn a_newer_stamp_takes_the_older_ones_place() {
    let (_schema, store, pool) = fixture(POSTGRES).await;
    say(&pool, "Ana''s webhooks\ncountersign schema 2, for programs from schema 1\nAsk Ana.").await;
    store.migrate().await.unwrap();
    assert_eq!(comment(&pool).await, Some(format!("Ana's webhooks\n{STAMP}\nAsk Ana.")));
}

/// Whose `search_path` has another schema first.
#[tokio::test]
async fn the_tables_beside_it_are_made_where_it_is() {
    let (schema, _, _) = fixture(POSTGRES).await;
    let first = Schema::new().await;
    let path = format!("{},{}", first.name, schema.name);
    let pool = schema.pool_with(2, |options| options.options([("search_path", &path)]));
    let store = PostgresStore::new(pool.clone());
    store.migrate().await.unwrap();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = $1";
    for (schema, tables_there) in [(&first, 0_i64), (&schema, 3)] {
        let count: Result<i64, _> =
            sqlx::query_scalar(tables).bind(&schema.name).fetch_one(&pool).await;
        assert_eq!(count.unwrap(), tables_there);
    }
}

/// A table of somebody else's in the place of one beside it is noticed, and nothing is changed.
#[tokio::test]
async fn another_table_of_such_a_name_is_noticed() {
    let mine = "CREATE TABLE countersign_watermarks (expires_at int)";
    let (_schema, store, pool) = fixture(POSTGRES).await;
    sqlx::raw_sql(mine).execute(&pool).await.unwrap();
    let (_, text) = failure(store.migrate().await);
    assert!(text.contains("entity"), "{text}");
    assert_eq!(store.schema().await.unwrap(), SchemaState::Older { version: 1 });

    let folder = Folder::new();
    let pool = folder.pool(2);
    sqlx::raw_sql(SQLITE).execute(&pool).await.unwrap();
    sqlx::raw_sql(mine).execute(&pool).await.unwrap();
    let store = SqliteStore::new(pool);
    let (_, text) = failure(store.migrate().await);
    assert!(text.contains("entity"), "{text}");
    assert_eq!(store.schema().await.unwrap(), SchemaState::Older { version: 1 });
}

#[tokio::test]
async fn a_table_beside_it_that_is_unlogged_is_refused() {
    let (schema, _, pool) = Schema::migrated().await;
    let sql = "ALTER TABLE countersign_watermarks SET UNLOGGED";
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    let (_, text) = failure(schema.store(&pool).check().await);
    assert!(text.contains("_watermarks\" is UNLOGGED"), "{text}");
}

/// The longest name leaves room for all that is named after the table.
#[tokio::test]
async fn the_longest_name_has_room() {
    let (schema, name) = (Schema::new().await, "t".repeat(50));
    let pool = schema.pool(2);
    let store = PostgresStore::builder(pool.clone()).schema(&schema.name).table(&name);
    let store = store.build().unwrap();
    store.migrate().await.unwrap();
    let names = "SELECT relname::text FROM pg_class WHERE relnamespace = $1::regnamespace \
                 AND relname NOT LIKE '%pkey' ORDER BY 1";
    let names: Vec<String> =
        sqlx::query_scalar(names).bind(&schema.name).fetch_all(&pool).await.unwrap();
    let suffixes: Vec<&str> = names.iter().map(|made| &made[name.len()..]).collect();
    let mut all = vec!["", "_a_expires", "_attempts", "_expires_at", "_parked_at", "_w_expires"];
    all.push("_watermarks");
    assert_eq!(suffixes, all);
}

/// A dump of the schema alone says the version.
#[tokio::test]
async fn a_dump_says_the_version() {
    let (schema, _store, _) = Schema::migrated().await;
    let url = std::env::var("DATABASE_URL");
    let url = url.as_deref().unwrap_or("postgres://postgres@127.0.0.1/test");
    let mut dump = tokio::process::Command::new("pg_dump");
    let dump = dump.args(["--schema-only", "--schema", &schema.name, "--dbname", url]);
    let dump = String::from_utf8(dump.output().await.unwrap().stdout).unwrap();
    assert!(dump.contains(STAMP), "{dump}");
}

/// A role that may use the table and not change it goes on with the older one.
#[tokio::test]
async fn who_does_not_own_the_table_works_with_the_older_one() {
    let (schema, _, pool) = fixture(POSTGRES).await;
    let role = format!("{}_user", schema.name);
    let grants = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {0} TO {role}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {0} TO {role}",
        schema.name
    );
    sqlx::raw_sql(AssertSqlSafe(grants)).execute(&pool).await.unwrap();
    let users = schema
        .pool_with(2, |options| options.options([("role", &role), ("search_path", &schema.name)]));
    let store = schema.store(&users);
    let migrated = store.migrate().await;
    let state = store.schema().await;
    let claimed = look(&store, new_key()).await;
    let purged = store.purge(100).await;
    users.close().await;
    let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&pool).await.unwrap();
    migrated.unwrap();
    assert_eq!(state.unwrap(), SchemaState::Older { version: 1 });
    assert_eq!((claimed, purged.unwrap()), (Claimed::Fresh, 1));
}

#[tokio::test]
async fn a_newer_table_is_used_if_it_lets_us() {
    let newer = "countersign schema 7, for programs from schema 2";
    let (schema, _, pool) = Schema::migrated().await;
    say(&pool, newer).await;
    let store = schema.store(&pool);
    store.migrate().await.unwrap();
    assert_eq!(comment(&pool).await.as_deref(), Some(newer));
    assert_eq!(store.schema().await.unwrap(), SchemaState::Newer { version: 7 });
    assert_eq!(look(&store, new_key()).await, Claimed::Fresh);

    say(&pool, "countersign schema 7, for programs from schema 4").await;
    let store = schema.store(&pool);
    let too_new = SchemaState::TooNew { version: 7, needs: 4 };
    assert_eq!(store.schema().await.unwrap(), too_new);
    for (kind, text) in [
        failure(store.claim(new_key(), token(), LEASE).await),
        failure(store.migrate().await),
        failure(store.check().await),
        failure(store.forget(new_key()).await),
    ] {
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("version 4 or later; this program is too old"), "{text}");
    }

    let (_folder, _, pool) = Folder::migrated().await;
    let newer = "DROP VIEW countersign_schema; CREATE VIEW countersign_schema AS SELECT \
                 'countersign schema 7, for programs from schema 4' AS version";
    sqlx::raw_sql(newer).execute(&pool).await.unwrap();
    let store = SqliteStore::new(pool);
    assert_eq!(store.schema().await.unwrap(), too_new);
    for (kind, text) in [
        failure(store.claim(new_key(), token(), LEASE).await),
        failure(store.migrate().await),
        failure(store.forget(new_key()).await),
    ] {
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("version 4 or later; this program is too old"), "{text}");
    }
}

/// A program of the first version, as far as its statements go.
struct First(PgPool);

impl First {
    async fn ask(&self, name: &str, values: &[&str]) -> i32 {
        let (_, sql) = STATEMENTS.split_once(&format!("-- {name}\n")).unwrap();
        let mut sql = sql.lines().next().unwrap().to_owned();
        for (number, value) in (1..).zip(values) {
            sql = sql.replace(&format!("${number}"), value);
        }
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&self.0).await.unwrap();
        rows.last().unwrap().get(1)
    }

    fn quoted(bytes: &[u8]) -> String {
        format!("'{:032x}'", u128::from_be_bytes(bytes.try_into().unwrap()))
    }

    fn digest(of: &str, parts: &[&[u8; 16]]) -> String {
        let sha =
            parts.iter().fold(Sha256::new_with_prefix(of), |sha, part| sha.chain_update(part));
        Self::quoted(&sha.finalize()[..16])
    }

    fn names(key: EventKey, token: &[u8; 16]) -> [String; 3] {
        let owner = Self::digest("countersign owner 1", &[token]);
        let released = Self::digest("countersign released 1", &[key.as_bytes(), token]);
        [Self::quoted(key.as_bytes()), owner, released]
    }

    async fn claim(&self, key: EventKey, token: &[u8; 16]) -> i32 {
        let [key, owner, released] = Self::names(key, token);
        self.ask("claim", &[&key, &owner, "300000000", &released]).await
    }

    async fn complete(&self, key: EventKey, token: &[u8; 16]) -> i32 {
        let [key, owner, _] = Self::names(key, token);
        self.ask("complete", &[&key, &owner, "86400000000"]).await
    }

    async fn release(&self, key: EventKey, token: &[u8; 16]) -> i32 {
        let [key, owner, released] = Self::names(key, token);
        self.ask("release", &[&key, &owner, &released]).await
    }
}

const FRESH: i32 = 0;
const IN_FLIGHT: i32 = 1;
const DONE: i32 = 2;
const RELEASED: i32 = 4;
const SETTLED: i32 = 5;
const LOST: i32 = 6;

#[tokio::test]
async fn programs_of_two_versions_work_on_one_table() {
    for sql in [POSTGRES, PARTITIONED] {
        let (_schema, store, pool) = fixture(sql).await;
        let first = First(pool);
        for migrated in [false, true] {
            if migrated {
                store.migrate().await.unwrap();
            }
            // Each respects the other's claims and marks.
            let (ours, theirs) = (new_key(), new_key());
            let (mine, old, other) = (token(), [7; 16], [8; 16]);
            assert_eq!(store.claim(ours, mine, LEASE).await.unwrap(), Claimed::Fresh);
            assert_eq!(first.claim(theirs, &old).await, FRESH);
            assert_eq!(first.claim(ours, &old).await, IN_FLIGHT);
            assert!(is_in_flight(look(&store, theirs).await));
            assert!(matches!(store.forget(theirs).await, Ok(Forgotten::InFlight { .. })));
            assert_eq!(store.complete(ours, mine, DAY).await.unwrap(), Settled::Settled);
            assert_eq!(first.complete(theirs, &old).await, SETTLED);
            assert_eq!(first.claim(ours, &old).await, DONE);
            assert_eq!(look(&store, theirs).await, Claimed::Done);
            // What one forgets, the other one handles.
            assert_eq!(store.forget(theirs).await.unwrap(), Forgotten::Forgotten);
            assert_eq!(first.complete(theirs, &old).await, LOST);
            assert_eq!(first.claim(theirs, &other).await, FRESH);
            assert_eq!(first.release(theirs, &other).await, SETTLED);
            assert_eq!(first.claim(theirs, &other).await, RELEASED);
            let next = token();
            assert_eq!(store.claim(theirs, next, LEASE).await.unwrap(), Claimed::Fresh);
            assert_eq!(store.release(theirs, next).await.unwrap(), Settled::Settled);
            assert_eq!(first.claim(theirs, &[9; 16]).await, FRESH);
            assert!(is_in_flight(store.claim(theirs, next, LEASE).await.unwrap()));
            assert_eq!(first.complete(theirs, &[9; 16]).await, SETTLED);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(store.purge(100).await.unwrap(), 1, "what had run out in the fixture");
    }
}
