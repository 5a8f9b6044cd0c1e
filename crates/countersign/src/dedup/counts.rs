//! The attempts that one part of the in-memory store counts, and the events that it has parked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::SystemTime;

use super::attempts::ParkedNote;
use super::token::ClaimToken;
use crate::key::EventKey;

/// What is counted of an event. Times are nanoseconds of the store's clock.
pub(super) struct Count {
    /// Whose claim was counted last, or has parked the event. None once it was taken back.
    pub(super) last: Option<ClaimToken>,
    pub(super) number: u32,
    pub(super) first: u64,
    pub(super) expires: u64,
    pub(super) parked: Option<Box<(ParkedNote, SystemTime)>>,
}

/// Empty, and without any memory of its own, where nothing is counted.
#[derive(Default)]
pub(super) struct Counts {
    counts: HashMap<EventKey, Count>,
    /// At how many the expired ones are dropped.
    sweep_at: usize,
}

const SWEEP_AT_LEAST: usize = 64;

impl Counts {
    /// What is counted of an event now.
    pub(super) fn find(&self, key: EventKey, now: u64) -> Option<&Count> {
        self.counts.get(&key).filter(|count| count.expires > now)
    }

    /// Takes one from the count of an event, if this token was counted last.
    pub(super) fn uncount(&mut self, key: EventKey, token: ClaimToken, now: u64) {
        let Entry::Occupied(mut there) = self.counts.entry(key) else { return };
        let count = there.get_mut();
        let is_last = count.last == Some(token) && count.parked.is_none() && count.expires > now;
        match count.number {
            _ if !is_last => {}
            0 | 1 => {
                there.remove();
            }
            number => (count.number, count.last) = (number - 1, None),
        }
    }

    /// The count of an event, new if there is none that lives, or nothing if there is no room for
    /// another one.
    pub(super) fn of(
        &mut self,
        key: EventKey,
        new: impl FnOnce() -> Count,
        now: u64,
        most: usize,
    ) -> Option<&mut Count> {
        if self.counts.len() >= self.sweep_at.max(SWEEP_AT_LEAST).min(most) {
            // Each is passed by once for each time that as many were added, on average.
            self.counts.retain(|_, count| count.expires > now);
            self.sweep_at = self.counts.len().saturating_mul(2);
        }
        let has_room = self.counts.len() < most;
        match self.counts.entry(key) {
            Entry::Occupied(there) => {
                let count = there.into_mut();
                if count.expires <= now {
                    *count = new();
                }
                Some(count)
            }
            Entry::Vacant(place) => has_room.then(|| place.insert(new())),
        }
    }

    pub(super) fn remove(&mut self, key: EventKey) {
        self.counts.remove(&key);
    }

    pub(super) fn iter(&self, now: u64) -> impl Iterator<Item = (EventKey, &Count)> {
        self.counts
            .iter()
            .filter(move |(_, count)| count.expires > now)
            .map(|(key, count)| (*key, count))
    }
}
