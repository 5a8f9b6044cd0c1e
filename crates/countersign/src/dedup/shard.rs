//! One part of the in-memory store: entries in a slab, found through a table of their slots, and
//! expired through a heap of when each is next to be looked at.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;

use super::counts::Counts;
use super::released::Released;
use super::token::ClaimToken;
use crate::key::EventKey;

/// A key that is in flight or handled.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) key: EventKey,
    pub(super) token: ClaimToken,
    /// In nanoseconds of the store's clock.
    pub(super) expires: u64,
    pub(super) state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    InFlight,
    Done,
}

/// Every entry has exactly one valid mark in the heap, at the second named by its slot. A mark
/// that comes due before the entry expires is set again at the entry's true time, so settling
/// does not touch the heap.
#[derive(Default)]
pub(super) struct Shard {
    table: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    due: BinaryHeap<Reverse<Mark>>,
    /// The tokens that have released a key of this shard.
    pub(super) released: Released,
    pub(super) counts: Counts,
}

/// What a sweep has done.
pub(super) struct Swept {
    /// How many entries it dropped.
    pub(super) dropped: usize,
    /// Whether there is more to look at.
    pub(super) more: bool,
}

pub(super) const NANOS_IN_A_SECOND: u64 = 1_000_000_000;

/// An [`Entry`] laid out to take 48 bytes with its mark.
struct Slot {
    key: EventKey,
    token: ClaimToken,
    expires: u64,
    /// The second of the slot's valid mark, or [`NO_MARK`].
    marked: u32,
    /// Nothing if the slot is free.
    state: Option<State>,
}

impl Slot {
    fn entry(&self) -> Option<Entry> {
        let Self { key, token, expires, .. } = *self;
        Some(Entry { key, token, expires, state: self.state? })
    }
}

/// A second of the store's clock, rounded up, and a slot to look at then.
type Mark = (u32, u32);

const NO_MARK: u32 = u32::MAX;

impl Shard {
    pub(super) fn find(&self, key: EventKey) -> Option<Entry> {
        let slot = self.table.find(hash(key), |slot| holds(&self.slots, *slot, key))?;
        entry(&self.slots, *slot)
    }

    /// All entries, also those that have expired.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.slots.iter().filter_map(Slot::entry)
    }

    /// Adds an entry whose key is not there.
    pub(super) fn insert(&mut self, new: Entry) {
        if self.table.len() == self.table.capacity() {
            self.table = self.larger_table();
        }
        let Entry { key, token, expires, state } = new;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { key, token, expires, state: Some(state), marked: NO_MARK });
            // 256 shards of 2³² slots are more keys than fit any memory.
            (self.slots.len() - 1) as u32
        });
        self.set(slot, new);
        let slots = &self.slots;
        self.table.insert_unique(hash(key), slot, |slot| hash_of(slots, *slot));
    }

    /// The table with room for half as many entries again. The slots are read in their order: a table
    /// that grows by itself reads them in its own, and waits for the memory of each.
    fn larger_table(&self) -> HashTable<u32> {
        let entries = self.table.len();
        let mut table = HashTable::with_capacity(entries + entries / 2 + 1);
        for (slot, place) in (0..).zip(&self.slots) {
            if place.state.is_some() {
                table.insert_unique(hash(place.key), slot, |slot| hash_of(&self.slots, *slot));
            }
        }
        table
    }

    /// Changes the entry of a key that is there.
    pub(super) fn replace(&mut self, new: Entry) {
        let found = self.table.find(hash(new.key), |slot| holds(&self.slots, *slot, new.key));
        if let Some(slot) = found.copied() {
            self.set(slot, new);
        }
    }

    pub(super) fn remove(&mut self, key: EventKey) {
        let Self { table, slots, free, .. } = self;
        if let Ok(found) = table.find_entry(hash(key), |slot| holds(slots, *slot, key)) {
            let (slot, _) = found.remove();
            if let Some(place) = slots.get_mut(slot as usize) {
                place.state = None;
            }
            free.push(slot);
        }
    }

    /// Looks at up to `most` marks that are due.
    pub(super) fn sweep(&mut self, now: u64, most: usize) -> Swept {
        self.released.forget(now, most);
        let mut dropped = 0;
        for _ in 0..most {
            let Some((second, slot)) = self.next_due(now) else { break };
            self.due.pop();
            let Some(place) = self.slots.get_mut(slot as usize) else { continue };
            if place.marked != second {
                continue;
            }
            place.marked = NO_MARK;
            match place.entry() {
                Some(entry) if entry.expires <= now => {
                    self.remove(entry.key);
                    dropped += 1;
                }
                Some(entry) => self.set(slot, entry),
                None => {}
            }
        }
        Swept { dropped, more: self.next_due(now).is_some() }
    }

    fn next_due(&self, now: u64) -> Option<Mark> {
        let Reverse(mark) = self.due.peek()?;
        (u64::from(mark.0) <= now / NANOS_IN_A_SECOND).then_some(*mark)
    }

    fn set(&mut self, slot: u32, new: Entry) {
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        let Entry { key, token, expires, state } = new;
        let second = expires.div_ceil(NANOS_IN_A_SECOND);
        let second = u32::try_from(second).unwrap_or(NO_MARK - 1).min(NO_MARK - 1);
        let marked = place.marked.min(second);
        if marked < place.marked {
            self.due.push(Reverse((second, slot)));
        }
        *place = Slot { key, token, expires, state: Some(state), marked };
    }
}

fn entry(slots: &[Slot], slot: u32) -> Option<Entry> {
    slots.get(slot as usize)?.entry()
}

fn holds(slots: &[Slot], slot: u32, key: EventKey) -> bool {
    slots.get(slot as usize).is_some_and(|place| place.key == key && place.state.is_some())
}

fn hash_of(slots: &[Slot], slot: u32) -> u64 {
    slots.get(slot as usize).map_or(0, |place| hash(place.key))
}

/// Keys are digests already: eight of their bytes are a hash. The first byte chose the shard.
fn hash(key: EventKey) -> u64 {
    let (_, bytes) = key.as_bytes().split_last_chunk().unwrap_or((&[], &[0; 8]));
    u64::from_be_bytes(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_stays_small() {
        assert_eq!(size_of::<Slot>(), 48);
    }

    #[test]
    fn claiming_and_releasing_does_not_pile_up_marks() {
        let mut shard = Shard::default();
        let key = EventKey::from_bytes([1; 16]);
        for round in 0..10_000 {
            let token = ClaimToken::random().unwrap();
            shard.insert(Entry {
                key,
                token,
                expires: 300 * NANOS_IN_A_SECOND + round,
                state: State::InFlight,
            });
            shard.remove(key);
        }
        assert_eq!((shard.slots.len(), shard.due.len()), (1, 1));
        assert_eq!(shard.sweep(u64::MAX, 10).dropped, 0);
        assert!(shard.due.is_empty());
    }

    /// Also where slots are free, and where entries came and went.
    #[test]
    fn a_table_that_grows_holds_what_was_there() {
        let token = ClaimToken::random().unwrap();
        let mut shard = Shard::default();
        let mut there = std::collections::BTreeSet::new();
        for number in 0..20_000u32 {
            let key = |number: u32| {
                let spread =
                    u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
                EventKey::from_bytes(spread.to_be_bytes())
            };
            shard.insert(Entry { key: key(number), token, expires: 1, state: State::Done });
            there.insert(number);
            // A third of them leaves in every hundred: the table grows with some slots free.
            if number % 100 == 99 {
                for number in (number - 99..=number).step_by(3) {
                    shard.remove(key(number));
                    there.remove(&number);
                }
            }
            if number % 1_000 == 0 || number.is_power_of_two() {
                let found = |number: &u32| shard.find(key(*number)).is_some();
                assert_eq!(shard.table.len(), there.len());
                assert!((0..=number).all(|number| found(&number) == there.contains(&number)));
            }
        }
        assert!(shard.table.capacity() < 4 * there.len(), "{}", shard.table.capacity());
    }

    #[test]
    fn a_mark_that_comes_early_is_set_again() {
        let mut shard = Shard::default();
        let (key, token) = (EventKey::from_bytes([1; 16]), ClaimToken::random().unwrap());
        let entry = |expires, state| Entry { key, token, expires, state };
        let (early, late) = (5 * NANOS_IN_A_SECOND, 60 * NANOS_IN_A_SECOND);
        shard.insert(entry(early, State::InFlight));
        shard.replace(entry(late, State::Done));
        assert_eq!(shard.sweep(late - 1, 10).dropped, 0);
        assert!(shard.find(key).is_some());
        assert_eq!(shard.sweep(late, 10).dropped, 1);
        assert!(shard.find(key).is_none());
    }
}
