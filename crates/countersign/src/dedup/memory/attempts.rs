//! Attempts and parked events of the store in memory.

use std::time::Duration;

use super::{MemoryStore, lock, nanos};
use crate::dedup::attempts::{Attempt, Parked, ParkedNote};
use crate::dedup::counts::Count;
use crate::dedup::error::{StoreError, StoreErrorKind};
use crate::dedup::shard::{Entry, State};
use crate::dedup::store::Settled;
use crate::dedup::token::ClaimToken;
use crate::key::EventKey;

impl MemoryStore {
    /// [`Store::attempt`](crate::Store::attempt).
    pub(super) fn attempt_now(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        let now = self.now();
        let expires = now.saturating_add(nanos(keep));
        let mut shard = self.shard(key);
        let held = shard.find(key).is_some_and(|entry| {
            entry.token == token && entry.expires > now && entry.state == State::InFlight
        });
        if !held {
            return Ok(Attempt::Lost);
        }
        // As many in each shard as it may remember released tokens: the same number of events.
        let new = || Count { last: Some(token), number: 0, first: now, expires, parked: None };
        let Some(count) = shard.counts.of(key, new, now, self.0.released) else {
            let full = "no room to count the attempts of another event";
            return Err(StoreError::new(StoreErrorKind::Full, full));
        };
        if count.parked.is_some() {
            *count = new();
        }
        if count.number == 0 || count.last != Some(token) {
            count.number = count.number.saturating_add(1);
        }
        (count.last, count.expires) = (Some(token), expires);
        let since_first = Duration::from_nanos(now.saturating_sub(count.first));
        Ok(Attempt::Counted { number: count.number, since_first })
    }

    /// [`Store::uncount`](crate::Store::uncount).
    pub(super) fn uncount_now(&self, key: EventKey, token: ClaimToken) {
        let now = self.now();
        self.shard(key).counts.uncount(key, token, now);
    }

    /// [`Store::park`](crate::Store::park).
    pub(super) fn park_now(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        let (now, parked_at) = (self.now(), self.0.clock.now());
        let expires = now.saturating_add(nanos(keep));
        let mut shard = self.shard(key);
        let held = shard.find(key).filter(|entry| entry.token == token && entry.expires > now);
        match held.map(|entry| entry.state) {
            Some(State::InFlight) => {}
            Some(State::Done) => {
                let by_this = shard
                    .counts
                    .find(key, now)
                    .is_some_and(|count| count.parked.is_some() && count.last == Some(token));
                return Ok(if by_this { Settled::Settled } else { Settled::Lost });
            }
            None => return Ok(Settled::Lost),
        }
        let new = || Count { last: Some(token), number: 0, first: now, expires, parked: None };
        let Some(count) = shard.counts.of(key, new, now, self.0.released) else {
            let full = "no room to keep the record of another event";
            return Err(StoreError::new(StoreErrorKind::Full, full));
        };
        (count.last, count.expires) = (Some(token), expires);
        count.parked = Some(Box::new((note.clone(), parked_at)));
        shard.replace(Entry { key, token, state: State::Done, expires });
        Ok(Settled::Settled)
    }

    /// [`Store::parked`](crate::Store::parked). One shard after the other.
    pub(super) fn parked_now(&self, limit: u32) -> Vec<Parked> {
        let now = self.now();
        let mut all = Vec::new();
        for shard in &self.0.shards {
            let shard = lock(shard);
            all.extend(shard.counts.iter(now).filter_map(|(key, count)| parked(key, count)));
        }
        all.sort_by_key(|parked| (parked.parked_at, parked.key));
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        all
    }

    /// [`Store::parked_event`](crate::Store::parked_event).
    pub(super) fn parked_event_now(&self, key: EventKey) -> Option<Parked> {
        let now = self.now();
        parked(key, self.shard(key).counts.find(key, now)?)
    }
}

fn parked(key: EventKey, count: &Count) -> Option<Parked> {
    let (note, parked_at) = &**count.parked.as_ref()?;
    Some(Parked::new(key, note.clone(), count.number, *parked_at))
}
