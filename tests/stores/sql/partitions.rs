//! PostgreSQL: a table that is split by the hash of the key.

use countersign::testing::StoreSuite;
use countersign::{Claimed, Delivery, Runtime, Settled, Store, StoreErrorKind};
use countersign_sqlx::{CompleteIn, PostgresStore};
use sqlx::{AssertSqlSafe, PgPool};

use super::receiver::Bench;
use super::{DAY, LEASE, Schema, failure, is_in_flight, look, new_key, token};

/// As the documentation has it.
const SQL: &str = r#"
    CREATE TABLE "countersign" (
        key uuid PRIMARY KEY,
        owner uuid NOT NULL,
        done boolean NOT NULL,
        expires_at timestamptz NOT NULL
    ) PARTITION BY HASH (key);
    CREATE INDEX "countersign_expires_at" ON "countersign" (expires_at);
    DO $$ BEGIN
        FOR part IN 0..7 LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF "countersign" '
                'FOR VALUES WITH (MODULUS 8, REMAINDER %s)', 'countersign_' || part, part);
        END LOOP;
    END $$;
"#;

async fn partitioned() -> (Schema, PostgresStore, PgPool) {
    let schema = Schema::new().await;
    let pool = schema.pool(8);
    sqlx::raw_sql(SQL).execute(&pool).await.unwrap();
    let store = schema.store(&pool);
    // Leaves what is there.
    store.migrate().await.unwrap();
    store.check().await.unwrap();
    (schema, store, pool)
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_keep_the_contract() {
    let (_schema, store, pool) = partitioned().await;
    let suite = StoreSuite::new(store.clone(), Runtime::tokio());
    suite.take_over_after_the_lease().await;
    suite.late_settling_is_lost().await;
    suite.released_is_free_at_once().await;
    suite.repeated_claim_is_the_same().await;
    suite.completed_is_done().await;
    suite.released_token_never_claims().await;
    suite.keys_are_distinct().await;
    suite.one_winner_each(16, 100).await;
    suite.claims_race_their_releases(50).await;
    suite.forgets_what_is_handled().await;
    suite.forgotten_token_never_claims().await;
    suite.forgets_race_handlers(20).await;
    suite.purge(async || store.purge(1_000).await.unwrap()).await;
    let used = "SELECT count(DISTINCT tableoid) FROM countersign";
    let used: i64 = sqlx::query_scalar(used).fetch_one(&pool).await.unwrap();
    assert_eq!(used, 8, "the keys are not spread");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_works_in_every_partition() {
    let (_schema, store, pool) = partitioned().await;
    for _ in 0..100 {
        let (key, mine, other) = (new_key(), token(), token());
        assert_eq!(store.claim(key, other, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.release(key, other).await.unwrap(), Settled::Settled);
        assert_eq!(store.claim(key, mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert!(is_in_flight(look(&store, key).await));
        assert_eq!(store.complete(key, mine, DAY).await.unwrap(), Settled::Settled);
        assert_eq!(look(&store, key).await, Claimed::Done);
    }
    let expire = "UPDATE countersign SET expires_at = clock_timestamp()";
    let expired = sqlx::query(expire).execute(&pool).await.unwrap().rows_affected();
    // Each event, and its released token.
    assert_eq!(expired, 200);
    assert_eq!(store.purge(150).await.unwrap(), 150);
    assert_eq!(store.purge(150).await.unwrap(), 50);
    let bench = Bench::new(store.clone());
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin().await.unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(look(&store, delivery.key()).await, Claimed::Done);
        200
    };
    assert_eq!(bench.send("1", handler).await, Ok(200));
}

/// It would be empty after a crash, and the table says nothing of it.
#[tokio::test]
async fn a_partition_that_a_crash_empties_is_refused() {
    let (schema, _, pool) = partitioned().await;
    let unlogged = AssertSqlSafe("ALTER TABLE countersign_3 SET UNLOGGED");
    sqlx::raw_sql(unlogged).execute(&pool).await.unwrap();
    let (kind, text) = failure(schema.store(&pool).claim(new_key(), token(), LEASE).await);
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(text.contains("partition") && text.contains("SET LOGGED"), "{text}");
}
