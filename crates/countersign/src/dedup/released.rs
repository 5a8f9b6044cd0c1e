//! The tokens that have released a key of the in-memory store, for as long as they may not claim it
//! again. Empty, and without memory of its own, while nothing goes wrong.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::token::ClaimToken;
use crate::key::EventKey;

/// Oldest first, and found through a table of their numbers.
#[derive(Default)]
pub(super) struct Released {
    table: HashTable<u64>,
    queue: VecDeque<Release>,
    /// The number of the first in the queue; the others are numbered from there.
    first: u64,
}

struct Release {
    key: EventKey,
    token: ClaimToken,
    /// In nanoseconds of the store's clock.
    until: u64,
}

impl Released {
    /// Whether this token has released this key.
    pub(super) fn contains(&self, key: EventKey, token: ClaimToken, now: u64) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        let Self { table, queue, first } = self;
        let found = table.find(hash(key, token), |number| is(queue, *first, *number, key, token));
        let release = found.and_then(|number| at(queue, *first, *number));
        release.is_some_and(|release| release.until > now)
    }

    /// Whether any token has released this key. It looks at all of them.
    pub(super) fn has(&self, key: EventKey, now: u64) -> bool {
        self.queue.iter().any(|release| release.key == key && release.until > now)
    }

    /// How many tokens have released a key.
    pub(super) fn count(&self, now: u64) -> usize {
        self.queue.iter().filter(|release| release.until > now).count()
    }

    /// Remembers that this token has released this key. Holds at most `most`, the newest.
    pub(super) fn insert(
        &mut self,
        key: EventKey,
        token: ClaimToken,
        now: u64,
        until: u64,
        most: usize,
    ) {
        self.forget(now, 2);
        let Self { table, queue, first } = self;
        let found = table.find(hash(key, token), |number| is(queue, *first, *number, key, token));
        let place = found.and_then(|number| usize::try_from(number.wrapping_sub(*first)).ok());
        if let Some(release) = place.and_then(|place| queue.get_mut(place)) {
            release.until = until;
            return;
        }
        if queue.len() >= most {
            self.drop_first();
        }
        let Self { table, queue, first } = self;
        let number = first.wrapping_add(queue.len() as u64);
        queue.push_back(Release { key, token, until });
        table.insert_unique(hash(key, token), number, |number| {
            at(queue, *first, *number).map_or(0, |release| hash(release.key, release.token))
        });
    }

    /// Drops up to `most` whose time has ended.
    pub(super) fn forget(&mut self, now: u64, most: usize) {
        for _ in 0..most {
            match self.queue.front() {
                Some(release) if release.until <= now => self.drop_first(),
                _ => return,
            }
        }
    }

    fn drop_first(&mut self) {
        let Some(Release { key, token, .. }) = self.queue.pop_front() else { return };
        let number = self.first;
        if let Ok(found) = self.table.find_entry(hash(key, token), |other| *other == number) {
            found.remove();
        }
        self.first = number.wrapping_add(1);
        if self.queue.is_empty() {
            // A storm is over: its memory goes.
            *self = Self::default();
        }
    }
}

fn at(queue: &VecDeque<Release>, first: u64, number: u64) -> Option<&Release> {
    queue.get(usize::try_from(number.wrapping_sub(first)).ok()?)
}

fn is(
    queue: &VecDeque<Release>,
    first: u64,
    number: u64,
    key: EventKey,
    token: ClaimToken,
) -> bool {
    at(queue, first, number).is_some_and(|release| release.key == key && release.token == token)
}

/// Tokens are digests: eight of their bytes are a hash. The key is in it, too, because a token may
/// be used for many keys.
fn hash(key: EventKey, token: ClaimToken) -> u64 {
    let half = |bytes: &[u8; 16]| {
        let (_, half) = bytes.split_last_chunk().unwrap_or((&[], &[0; 8]));
        u64::from_be_bytes(*half)
    };
    half(key.as_bytes()) ^ half(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_the_last_takes_the_memory_with_it() {
        let key = EventKey::from_bytes([1; 16]);
        let tokens: [_; 10] = std::array::from_fn(|_| ClaimToken::random().unwrap());
        let mut released = Released::default();
        for (now, token) in (0..).zip(tokens) {
            released.insert(key, token, now, now + 100, 4);
            // Again: the same release, for longer.
            released.insert(key, token, now, now + 100, 4);
        }
        assert_eq!((released.queue.len(), released.table.len()), (4, 4));
        let there = tokens.map(|token| released.contains(key, token, 10));
        assert_eq!(there, std::array::from_fn(|at| at >= 6));
        assert!(!released.contains(EventKey::from_bytes([2; 16]), tokens[9], 10));
        assert!(!released.contains(key, tokens[9], 109));
        released.forget(107, 10);
        assert_eq!((released.queue.len(), released.table.len()), (2, 2));
        assert!(released.contains(key, tokens[9], 107));
        released.forget(109, 10);
        assert_eq!((released.queue.capacity(), released.table.capacity()), (0, 0));
    }
}
