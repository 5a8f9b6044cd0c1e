//! The store in memory: for one process, forgotten when it ends.

mod attempts;
mod operate;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::attempts::{Attempt, Parked, ParkedNote};
use super::error::{StoreError, StoreErrorKind};
use super::operate::{EventState, Forgotten, StoreStats};
use super::shard::{Entry, NANOS_IN_A_SECOND, Shard, State};
use super::store::{Claimed, RELEASED_FOR, Settled, Store};
use super::token::ClaimToken;
use crate::clock::{Clock, SystemClock};
use crate::key::EventKey;
use crate::report::metrics::MemoryMetrics;

/// A store in this process's memory. Clones share it.
///
/// It holds up to a million keys by default, and refuses further ones (503 to the sender) rather than
/// forget any: a set that forgets would let events be handled twice. Size it as events per
/// second × the longest retention in seconds. A key costs about 100 bytes once there are many; no
/// memory is taken in advance. Expired keys are dropped a few at a time by the claims that come
/// after, so a claim pays for a sweep only where the store is full.
///
/// A released token is remembered for [`RELEASED_FOR`], about 60 bytes each, beside the keys and
/// not counted among them: a released key can be claimed at once in a full store too. There are at
/// most as many as the store may hold keys (4 096 in a small store), and then the oldest are
/// dropped. That is safe here: a call of this store ends when it is polled, so none arrives long
/// after the release of its token.
///
/// [Attempts](crate::EndpointBuilder::count_attempts) are counted beside the keys too, about 100 bytes for each event that
/// was tried and is not handled, and a record for each that is parked: as many as the store may hold keys
/// (16 384 in a small store). Where there is no room for another count, its delivery is refused (503).
///
/// It forgets everything when the process ends, and does not reach other processes. Time is
/// measured with the clock's monotonic time, so setting the time of day changes nothing.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    shards: Box<[Mutex<Shard>]>,
    live: AtomicUsize,
    capacity: usize,
    /// How many released tokens each shard remembers.
    released: usize,
    clock: Arc<dyn Clock>,
    metrics: MemoryMetrics,
}

const SHARDS: usize = 256;
const DEFAULT_CAPACITY: usize = 1_000_000;

/// How many due marks a claim looks at. An entry comes due twice, after its lease and after its
/// retention, so four keep up with what claims add.
const SWEEP: usize = 4;

/// How many a claim looks at in each shard at a time when the store is full: for so long it keeps
/// others from that shard.
const SWEEP_WHEN_FULL: usize = 64;

/// How many released tokens each shard remembers at least, whatever the store's capacity.
const RELEASED_AT_LEAST: usize = 64;

impl MemoryStore {
    /// A store for a million keys.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A store with settings of your own.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder { capacity: DEFAULT_CAPACITY, clock: Arc::new(SystemClock) }
    }

    /// How many keys it holds, in flight or handled. Expired ones count until they are dropped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.live.load(Ordering::Relaxed)
    }

    /// Whether it holds no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn now(&self) -> u64 {
        nanos(self.0.clock.monotonic())
    }

    fn shard(&self, key: EventKey) -> MutexGuard<'_, Shard> {
        let first = usize::from(key.as_bytes()[0]) % SHARDS;
        // There are SHARDS of them.
        #[expect(clippy::indexing_slicing, reason = "the index is taken modulo the length")]
        lock(&self.0.shards[first])
    }

    fn claim_now(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        loop {
            if let Some(claimed) = self.try_claim(key, token, lease) {
                self.0.metrics.show(self.len());
                return Ok(claimed);
            }
            // Others may have taken the room that it made; then there may be more.
            if !self.make_room() {
                let capacity = self.0.capacity;
                let full = format!("all {capacity} keys are in use");
                return Err(StoreError::new(StoreErrorKind::Full, full));
            }
        }
    }

    /// Claims, or tells that the store is full by returning nothing.
    fn try_claim(&self, key: EventKey, token: ClaimToken, lease: Duration) -> Option<Claimed> {
        let now = self.now();
        let expires = now.saturating_add(nanos(lease));
        let claim = Entry { key, token, state: State::InFlight, expires };
        let mut shard = self.shard(key);
        self.dropped(shard.sweep(now, SWEEP).dropped);
        let found = shard.find(key);
        match found.filter(|entry| entry.expires > now) {
            Some(Entry { state: State::Done, .. }) => return Some(Claimed::Done),
            Some(entry) if entry.token == token => shard.replace(claim),
            Some(entry) => {
                return Some(Claimed::InFlight { retry_after: left(entry.expires, now) });
            }
            None if shard.released.contains(key, token, now) => {
                return Some(Claimed::InFlight { retry_after: Duration::ZERO });
            }
            None if found.is_some() => shard.replace(claim),
            None if self.0.live.fetch_add(1, Ordering::Relaxed) < self.0.capacity => {
                shard.insert(claim);
            }
            None => {
                self.dropped(1);
                return None;
            }
        }
        Some(Claimed::Fresh)
    }

    /// Drops some expired keys everywhere; tells whether there were any.
    ///
    /// Before them may lie any number of marks that came due early, and each is looked at until one
    /// key is dropped: a store with keys in it that expired in an earlier second is not full. Each mark
    /// is put off to its key's end, so it is looked at once.
    fn make_room(&self) -> bool {
        let now = self.now();
        // All marks could be in one shard, but no more of them than there are keys.
        for _ in 0..self.len() / SWEEP_WHEN_FULL + 2 {
            let (mut dropped, mut more) = (0, false);
            for shard in &self.0.shards {
                let swept = lock(shard).sweep(now, SWEEP_WHEN_FULL);
                self.dropped(swept.dropped);
                dropped += swept.dropped;
                more |= swept.more;
            }
            if dropped > 0 || !more {
                return dropped > 0;
            }
        }
        false
    }

    fn settle(&self, key: EventKey, token: ClaimToken, retention: Option<Duration>) -> Settled {
        let now = self.now();
        let mut shard = self.shard(key);
        let held = shard.find(key).filter(|entry| entry.token == token && entry.expires > now);
        if retention.is_none() {
            let until = now.saturating_add(nanos(RELEASED_FOR));
            shard.released.insert(key, token, now, until, self.0.released);
        }
        match (held.map(|entry| entry.state), retention) {
            (Some(State::InFlight), Some(retention)) => {
                let expires = now.saturating_add(nanos(retention));
                shard.replace(Entry { key, token, state: State::Done, expires });
                shard.counts.remove(key);
                Settled::Settled
            }
            (Some(State::Done), Some(_)) => Settled::Settled,
            (Some(State::InFlight), None) => {
                shard.remove(key);
                self.dropped(1);
                Settled::Settled
            }
            (Some(State::Done), None) | (None, _) => Settled::Lost,
        }
    }

    fn dropped(&self, count: usize) {
        if count > 0 {
            self.0.live.fetch_sub(count, Ordering::Relaxed);
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.claim_now(key, token, lease)
    }

    fn claim_at_once(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Option<Result<Claimed, StoreError>> {
        Some(self.claim_now(key, token, lease))
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        Ok(self.settle(key, token, Some(retention)))
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        let settled = self.settle(key, token, None);
        self.0.metrics.show(self.len());
        Ok(settled)
    }

    fn name(&self) -> &'static str {
        "memory"
    }

    async fn forget(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        Ok(self.forget_now(key))
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        self.attempt_now(key, token, keep)
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        self.uncount_now(key, token);
        Ok(())
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        self.park_now(key, token, keep, note)
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        Ok(self.parked_now(limit))
    }

    async fn parked_event(&self, key: EventKey) -> Result<Option<Parked>, StoreError> {
        Ok(self.parked_event_now(key))
    }

    async fn state(&self, key: EventKey) -> Result<EventState, StoreError> {
        Ok(self.state_now(key))
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        Ok(self.stats_now())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}

/// Makes a [`MemoryStore`]; start with [`MemoryStore::builder`].
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct MemoryStoreBuilder {
    capacity: usize,
    clock: Arc<dyn Clock>,
}

impl MemoryStoreBuilder {
    /// How many keys the store may hold. Defaults to a million.
    pub fn capacity(mut self, keys: usize) -> Self {
        self.capacity = keys;
        self
    }

    /// The clock that leases and retention are measured with. Defaults to [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        MemoryStore(Arc::new(Inner {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            live: AtomicUsize::new(0),
            capacity: self.capacity,
            released: (self.capacity / SHARDS).max(RELEASED_AT_LEAST),
            clock: self.clock,
            metrics: MemoryMetrics::default(),
        }))
    }
}

impl fmt::Debug for MemoryStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStoreBuilder")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // No code panics while it holds the lock; were there such code, a claim is still whole.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn left(expires: u64, now: u64) -> Duration {
    Duration::from_nanos(expires.saturating_sub(now))
}

/// In nanoseconds, so that nothing is rounded: a lease that ended a little early would be given away
/// while its owner works. They last for 584 years.
fn nanos(duration: Duration) -> u64 {
    let nanos = u64::from(duration.subsec_nanos());
    duration.as_secs().saturating_mul(NANOS_IN_A_SECOND).saturating_add(nanos)
}
