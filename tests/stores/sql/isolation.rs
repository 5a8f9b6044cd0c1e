//! PostgreSQL under stricter isolation than the default.

use countersign::{Claimed, Delivery, ErrorChain, Settled, Store};
use countersign_sqlx::{CompleteError, CompleteIn};

use super::receiver::Bench;
use super::{DAY, LEASE, Schema, key, token};

const LEVELS: [&str; 4] = ["read uncommitted", "read committed", "repeatable read", "serializable"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wins_at_every_level() {
    for level in LEVELS {
        let (schema, _, _) = Schema::migrated().await;
        let pool = schema.pool_with(8, |options| {
            options
                .options([("default_transaction_isolation", level), ("search_path", &schema.name)])
        });
        let store = schema.store(&pool);
        let mut claimers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let store = store.clone();
            claimers.spawn(async move {
                let mut won = 0;
                for number in 0..60 {
                    let mine = token();
                    match store.claim(key(number), mine, LEASE).await {
                        Ok(Claimed::Fresh) => {
                            won += 1;
                            let settled = store.complete(key(number), mine, DAY).await.unwrap();
                            assert_eq!(settled, Settled::Settled);
                        }
                        Ok(_) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                won
            });
        }
        assert_eq!(claimers.join_all().await.iter().sum::<u32>(), 60, "{level}");
    }
}

#[tokio::test]
async fn a_claim_renewed_since_the_snapshot_is_a_clear_error() {
    let (_schema, store, pool) = Schema::migrated().await;
    let bench = Bench::new(store);
    for level in &LEVELS[2..] {
        let pool = &pool;
        let handler = |delivery: Delivery| async move {
            for renewed in [true, false] {
                let begin = format!("BEGIN ISOLATION LEVEL {level}");
                let mut tx = pool.begin_with(sqlx::AssertSqlSafe(begin)).await.unwrap();
                sqlx::query("SELECT count(*) FROM countersign").fetch_one(&mut *tx).await.unwrap();
                if renewed {
                    let renew = "UPDATE countersign SET expires_at = expires_at + interval '1 s'";
                    sqlx::query(renew).execute(pool).await.unwrap();
                    let error = delivery.complete_in(&mut tx).await.unwrap_err();
                    assert!(matches!(error, CompleteError::Store(_)), "{error}");
                    assert!(ErrorChain::of(&error).to_string().contains("run it again"), "{error}");
                    assert!(!delivery.claim().is_lost());
                } else {
                    delivery.complete_in(&mut tx).await.unwrap();
                    tx.commit().await.unwrap();
                }
            }
            200
        };
        assert_eq!(bench.send(level, handler).await, Ok(200));
    }
}
