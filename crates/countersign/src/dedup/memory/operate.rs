//! What operators ask of the store in memory.

use super::{MemoryStore, left, lock, nanos};
use crate::dedup::operate::{EventState, Forgotten, StoreStats};
use crate::dedup::shard::{Entry, State};
use crate::dedup::store::RELEASED_FOR;
use crate::key::EventKey;

impl MemoryStore {
    /// [`Store::forget`](crate::Store::forget).
    pub(super) fn forget_now(&self, key: EventKey) -> Forgotten {
        let now = self.now();
        let mut shard = self.shard(key);
        match shard.find(key).filter(|entry| entry.expires > now) {
            None => Forgotten::NotHandled,
            Some(Entry { state: State::InFlight, expires, .. }) => {
                Forgotten::InFlight { retry_after: left(expires, now) }
            }
            Some(Entry { state: State::Done, token, .. }) => {
                let until = now.saturating_add(nanos(RELEASED_FOR));
                shard.released.insert(key, token, now, until, self.0.released);
                shard.remove(key);
                shard.counts.remove(key);
                self.dropped(1);
                Forgotten::Forgotten
            }
        }
    }

    /// [`Store::state`](crate::Store::state).
    pub(super) fn state_now(&self, key: EventKey) -> EventState {
        let now = self.now();
        let shard = self.shard(key);
        match shard.find(key).filter(|entry| entry.expires > now) {
            Some(Entry { state: State::InFlight, expires, .. }) => {
                EventState::InFlight { left: left(expires, now) }
            }
            Some(Entry { state: State::Done, expires, .. }) => {
                EventState::Handled { left: left(expires, now) }
            }
            None if shard.released.has(key, now) => EventState::Released,
            None => EventState::Unknown,
        }
    }

    /// [`Store::stats`](crate::Store::stats). One shard after the other: a claim waits for one of them at most.
    pub(super) fn stats_now(&self) -> StoreStats {
        let now = self.now();
        let mut stats = StoreStats::new();
        for shard in &self.0.shards {
            let shard = lock(shard);
            stats.released += shard.released.count(now) as u64;
            let records = shard.counts.iter(now).filter(|(_, count)| count.parked.is_some());
            stats.parked += records.count() as u64;
            for entry in shard.entries() {
                *match entry.state {
                    _ if entry.expires <= now => &mut stats.expired,
                    State::InFlight => &mut stats.in_flight,
                    State::Done => &mut stats.handled,
                } += 1;
            }
        }
        // A parked event is a handled one to all but its record.
        stats.handled = stats.handled.saturating_sub(stats.parked);
        stats
    }
}
