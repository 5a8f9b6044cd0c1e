//! PostgreSQL: a claim that has read and not yet written when the release of its token commits.

use std::time::Duration;

use countersign::{Claimed, Settled, Store};
use countersign_sqlx::PostgresStore;
use sqlx::{AssertSqlSafe, PgPool};

use super::{LEASE, Schema, look, new_key, token, until};

/// Who reads a row through this view waits while the gate is closed, and so does who inserts.
const GATE: &str = "\
    CREATE FUNCTION gate() RETURNS bool LANGUAGE plpgsql VOLATILE AS \
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(hashtext(current_schema())); RETURN true; END $$; \
    CREATE VIEW gated AS SELECT * FROM countersign WHERE gate(); \
    CREATE FUNCTION gate_insert() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN IF current_setting('application_name') = 'gated' THEN PERFORM gate(); END IF; \
        RETURN NEW; END $$; \
    CREATE TRIGGER gate BEFORE INSERT ON countersign FOR EACH ROW EXECUTE FUNCTION gate_insert()";
const CLOSE: &str = "SELECT pg_advisory_xact_lock(hashtext(current_schema()))";
const WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity \
    WHERE application_name = 'gated' AND wait_event = 'advisory' AND position($1 IN query) > 0";

#[tokio::test]
async fn a_claim_takes_only_the_row_that_it_saw() {
    for level in ["read committed", "repeatable read", "serializable"] {
        for row in ["absent", "free", "lapsed", "mine", "mine, lapsed"] {
            takes_only_what_it_saw(level, row).await;
        }
    }
}

async fn takes_only_what_it_saw(level: &str, row: &str) {
    let (schema, direct, pool) = Schema::migrated().await;
    sqlx::raw_sql(GATE).execute(&pool).await.unwrap();
    let gated: PgPool = schema.pool_with(1, |options| {
        let settings =
            [("search_path", schema.name.as_str()), ("default_transaction_isolation", level)];
        options.application_name("gated").options(settings)
    });
    let gated = PostgresStore::builder(gated).schema(&schema.name).table("gated").build().unwrap();
    let (key, mine, other) = (new_key(), token(), token());
    let before = async |token, lease| {
        assert_eq!(direct.claim(key, token, lease).await.unwrap(), Claimed::Fresh);
    };
    match row {
        "free" => {
            before(other, LEASE).await;
            assert_eq!(direct.release(key, other).await.unwrap(), Settled::Settled);
        }
        "lapsed" => before(other, Duration::ZERO).await,
        "mine" => before(mine, LEASE).await,
        "mine, lapsed" => before(mine, Duration::ZERO).await,
        _ => {}
    }
    let mut closed = pool.begin().await.unwrap();
    sqlx::raw_sql(CLOSE).execute(&mut *closed).await.unwrap();
    let claim = tokio::spawn(async move { gated.claim(key, mine, LEASE).await });
    let waits = || sqlx::query_scalar::<_, bool>(WAITS).bind(key.to_string());
    until(async || waits().fetch_one(&pool).await.unwrap()).await;
    let released = direct.release(key, mine).await.unwrap();
    closed.rollback().await.unwrap();
    let claimed = claim.await.unwrap().unwrap();
    let case = format!("{level}, {row}");
    let was_held = if row == "mine" { Settled::Settled } else { Settled::Lost };
    assert_eq!(released, was_held, "{case}");
    assert_ne!(claimed, Claimed::Fresh, "{case}");
    assert_eq!(look(&direct, key).await, Claimed::Fresh, "{case}");
}

/// A claim that is under way may have seen somebody else's row just before its lease ended.
#[tokio::test]
async fn a_strangers_release_changes_the_row_and_nothing_that_it_says() {
    let (_schema, store, pool) = Schema::migrated().await;
    let (key, owner) = (new_key(), token());
    let row = async || {
        let sql = AssertSqlSafe(format!(
            "SELECT owner::text, done, (extract(epoch FROM expires_at) * 1000000)::bigint \
            FROM countersign WHERE key = '{key}'"
        ));
        sqlx::query_as::<_, (String, bool, i64)>(sql).fetch_one(&pool).await.unwrap()
    };
    assert_eq!(store.claim(key, owner, LEASE).await.unwrap(), Claimed::Fresh);
    for completes in [false, true] {
        if completes {
            assert_eq!(store.complete(key, owner, LEASE).await.unwrap(), Settled::Settled);
        }
        let (owner, done, until) = row().await;
        let stranger = token();
        assert_eq!(store.release(key, stranger).await.unwrap(), Settled::Lost);
        assert_eq!(row().await, (owner.clone(), done, until + 1));
        // It is remembered, so there is nothing to do.
        assert_eq!(store.release(key, stranger).await.unwrap(), Settled::Lost);
        assert_eq!(row().await, (owner, done, until + 1));
    }
    // Nor has the one who completed it anything to release.
    let before = row().await;
    assert_eq!(store.release(key, owner).await.unwrap(), Settled::Lost);
    assert_eq!(row().await, before);
    assert!(store.is_completed(key, owner).await.unwrap());
}

/// A released token is forgotten when no call of its can be under way any more.
#[tokio::test]
async fn what_is_released_is_purged() {
    let (_schema, store, pool) = Schema::migrated().await;
    let (key, mine) = (new_key(), token());
    assert_eq!(store.claim(key, mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.release(key, mine).await.unwrap(), Settled::Settled);
    let left = "SELECT count(*), min(expires_at) > clock_timestamp() + interval '290 s', \
        max(expires_at) < clock_timestamp() + interval '310 s' FROM countersign";
    let left: (i64, bool, bool) = sqlx::query_as(left).fetch_one(&pool).await.unwrap();
    assert_eq!(left, (2, true, true));
    let age = "UPDATE countersign SET expires_at = expires_at - interval '310 s'";
    sqlx::query(age).execute(&pool).await.unwrap();
    assert_eq!(store.purge(10).await.unwrap(), 2);
}
