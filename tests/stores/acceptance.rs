//! The acceptance suite of the core, on every store.

use countersign::testing::StoreSuite;
use countersign::{MemoryStore, Runtime, Store};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};

#[cfg(target_os = "linux")]
mod clock;

use crate::redis::shared::Shared;
use crate::sql::schema::{Folder, Schema};

/// A store, with what has to go when the test ends.
struct Made<S, K> {
    store: S,
    _kept: K,
}

impl<S: Store + Clone, K> Made<S, K> {
    fn suite(&self) -> StoreSuite<S> {
        StoreSuite::new(self.store.clone(), Runtime::tokio())
    }
}

async fn memory() -> Made<MemoryStore, ()> {
    Made { store: MemoryStore::new(), _kept: () }
}

async fn redis() -> Made<RedisStore, Shared> {
    let shared = Shared::new();
    Made { store: shared.store().await, _kept: shared }
}

async fn postgres() -> Made<PostgresStore, Schema> {
    let (schema, store, _) = Schema::migrated().await;
    Made { store, _kept: schema }
}

async fn sqlite() -> Made<SqliteStore, Folder> {
    let (folder, store, _) = Folder::migrated().await;
    Made { store, _kept: folder }
}

/// How many keys claimers race for. A claim in Postgres takes a statement of the server's, and 64
/// times 2 000 of them a minute on two processors: there the everyday run takes fewer.
fn keys(store: &str) -> usize {
    let long = std::env::var_os("COUNTERSIGN_LONG").is_some();
    if store == "postgres" && !long { 250 } else { 2_000 }
}

/// Makes a test for every case.
macro_rules! accepted {
    ($($store:ident)+) => {
        $(
            mod $store {
                accepted! { of $store:
                    take_over_after_the_lease
                    retry_after_is_what_is_left
                    late_settling_is_lost
                    released_is_free_at_once
                    repeated_claim_is_the_same
                    completed_is_done
                    released_token_never_claims
                    forgotten_after_the_retention
                    durations_of_any_length
                    keys_are_distinct
                    dropped_calls_break_nothing
                    forgets_what_is_handled
                    forgotten_token_never_claims
                    shows_what_it_holds
                    attempts_are_counted
                    an_attempt_is_taken_back
                    parked_events_are_kept
                    parking_is_fenced
                    parked_events_are_counted
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn one_winner_each() {
                    let keys = super::keys(stringify!($store));
                    super::$store().await.suite().one_winner_each(64, keys).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn forgets_race_handlers() {
                    super::$store().await.suite().forgets_race_handlers(50).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn attempts_race() {
                    super::$store().await.suite().attempts_race(20).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn claims_race_their_releases() {
                    super::$store().await.suite().claims_race_their_releases(200).await;
                }
            }
        )+
    };
    (of $store:ident: $($case:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$store().await.suite().$case().await;
            }
        )+
    };
}

accepted! { memory redis postgres sqlite }

// Redis purges by itself, and the store in memory as it goes.

#[tokio::test]
async fn postgres_purges_only_what_has_run_out() {
    let made = postgres().await;
    made.suite().purge(async || made.store.purge(1_000).await.unwrap()).await;
}

#[tokio::test]
async fn sqlite_purges_only_what_has_run_out() {
    let made = sqlite().await;
    made.suite().purge(async || made.store.purge(1_000).await.unwrap()).await;
}
