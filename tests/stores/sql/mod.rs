//! What is particular to the stores in PostgreSQL and SQLite. The contract of all stores is tested
//! elsewhere.
//!
//! They need the PostgreSQL at `DATABASE_URL` (`postgres://postgres@127.0.0.1/test` if unset), in
//! which each test makes a schema of its own and drops it.

mod both;
mod claims;
mod duplicates;
mod forget;
mod gate;
mod group;
mod hang_ups;
mod histories;
mod in_transaction;
mod isolation;
mod lanes;
mod lost_commit;
mod migrate;
mod order;
mod order_waits;
mod overtaking;
mod partitions;
mod pgbouncer;
mod place;
mod pooler;
mod proxy;
mod purge;
pub(crate) mod receiver;
mod refusals;
mod rights;
pub(crate) mod schema;
mod sqlite_file;
mod sqlite_full;
mod sqlite_moved;
mod sqlite_reads;
mod sqlite_released;
mod sqlite_thread;
mod sqlite_turn;
mod together;
mod versions;

use std::future::Future;
use std::time::Duration;

use countersign::{ClaimToken, Claimed, ErrorChain, EventKey, Store, StoreError, StoreErrorKind};

use self::schema::{Folder, Schema};

const LEASE: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);

/// What is answered within this waited for nobody.
const PROMPT: Duration = Duration::from_secs(1);

fn key(number: u32) -> EventKey {
    let [a, b, c, d] = number.to_be_bytes();
    EventKey::from_bytes([d, c, b, a, 0, 0, 0, 0, d, c, b, a, 0, 0, 0, 1])
}

/// A key of its own.
fn new_key() -> EventKey {
    EventKey::from_bytes(*token().as_bytes())
}

fn token() -> ClaimToken {
    ClaimToken::random().unwrap()
}

/// A claim by somebody else.
async fn look(store: &impl Store, key: EventKey) -> Claimed {
    store.claim(key, token(), LEASE).await.unwrap()
}

fn is_in_flight(claimed: Claimed) -> bool {
    matches!(claimed, Claimed::InFlight { .. })
}

async fn promptly<T>(future: impl Future<Output = T>) -> T {
    countersign_tests::promptly(PROMPT, future).await.expect("it waits for somebody")
}

/// What a call failed with, and what it says.
fn failure<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> (StoreErrorKind, String) {
    let error = answer.unwrap_err();
    (error.kind(), ErrorChain::of(&error).to_string())
}

async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come to that");
}
