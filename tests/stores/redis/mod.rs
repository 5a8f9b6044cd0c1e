//! What is particular to the store in Redis. The contract of all stores is tested elsewhere.
//!
//! Most tests start a `redis-server` of their own, freeze it, kill it, change its settings. Those
//! that need no such thing use the one at `REDIS_URL` (`redis://127.0.0.1/` if unset), under keys of
//! their own, which they remove.

mod cluster;
mod eviction;
mod foreign;
mod memory;
mod outage;
mod overtaking;
mod parked;
mod proxy;
mod races;
mod replica;
mod rights;
mod schedules;
mod scripts;
pub(crate) mod server;
mod settings;
pub(crate) mod shared;

use std::time::Duration;

use countersign::{ClaimToken, ErrorChain, EventKey, StoreErrorKind};
use countersign_redis::{RedisStore, RedisStoreBuilder};

const LEASE: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);

fn key(number: u32) -> EventKey {
    let [a, b, c, d] = number.to_be_bytes();
    EventKey::from_bytes([d, c, b, a, 0, 0, 0, 0, d, c, b, a, 0, 0, 0, 1])
}

/// A store whose calls may take long: a machine that stands still is no server that does not answer.
fn patient() -> RedisStoreBuilder {
    RedisStore::builder().timeout(Duration::from_secs(60))
}

fn token() -> ClaimToken {
    ClaimToken::random().unwrap()
}

/// What a call failed with, and what it says.
fn failure<T: std::fmt::Debug>(
    answer: Result<T, countersign::StoreError>,
) -> (StoreErrorKind, String) {
    let error = answer.unwrap_err();
    (error.kind(), ErrorChain::of(&error).to_string())
}
