//! The model's attempts and parked events.

use std::time::Duration;

use countersign::{Attempt, ClaimToken, EventKey, Parked, ParkedNote, Settled};

use super::ledger::Park;
use super::{Entry, Model, micros};
use crate::executor::{Micros, time_of_day};
use crate::faults::Fault;

/// How often an event was tried, and its record if it is parked.
#[derive(Clone)]
pub struct Count {
    token: [u8; 16],
    number: u32,
    first: Micros,
    expires: Micros,
    /// And when it was, in true time.
    pub(super) parked: Option<(ParkedNote, Micros)>,
}

impl Model {
    /// Nothing if the row is locked.
    pub fn attempt(
        &mut self,
        at: Micros,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Option<Attempt> {
        if self.locks.contains_key(&key) {
            return None;
        }
        let now = self.clock(at);
        if self.held(now, key, token).is_none_or(|entry| entry.done) {
            return Some(Attempt::Lost);
        }
        let token = *token.as_bytes();
        let ledger = self.ledger_mut(key);
        if ledger.attempts.is_empty() {
            ledger.first_attempt = at;
        }
        if !ledger.attempts.contains(&token) {
            ledger.attempts.push(token);
        }
        let repeats = self.fault == Some(Fault::RepeatsAreCounted);
        let count = self.count(now, key, token, keep);
        if count.parked.is_some() {
            // Somebody has removed the event's entry by hand.
            (count.number, count.first, count.parked) = (0, now, None);
        }
        if count.number == 0 || count.token != token || repeats {
            count.number += 1;
        }
        (count.token, count.expires) = (token, now.saturating_add(micros(keep)));
        let since_first = Duration::from_micros(now.saturating_sub(count.first));
        Some(Attempt::Counted { number: count.number, since_first })
    }

    /// Takes back what was counted for this token, if it was counted last.
    pub fn uncount(&mut self, at: Micros, key: EventKey, token: ClaimToken) {
        let (now, token) = (self.clock(at), *token.as_bytes());
        let is_last = |count: &&mut Count| {
            count.expires > now
                && count.token == token
                && count.parked.is_none()
                && count.number > 0
        };
        let Some(count) = self.counts.get_mut(&key).filter(is_last) else { return };
        (count.number, count.token) = (count.number - 1, [0; 16]);
        if count.number == 0 {
            self.counts.remove(&key);
        }
        self.ledger_mut(key).attempts.retain(|other| *other != token);
    }

    /// Nothing if the row is locked.
    pub fn park(
        &mut self,
        at: Micros,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Option<Settled> {
        if self.locks.contains_key(&key) {
            return None;
        }
        let now = self.clock(at);
        let Some(entry) = self.held(now, key, token) else { return Some(Settled::Lost) };
        let (token, expires) = (entry.token, now.saturating_add(micros(keep)));
        if entry.done {
            let count = self.counts.get(&key).filter(|count| count.expires > now);
            let by_this = count.is_some_and(|count| count.parked.is_some() && count.token == token);
            return Some(if by_this { Settled::Settled } else { Settled::Lost });
        }
        let count = self.count(now, key, token, keep);
        (count.token, count.expires) = (token, expires);
        count.parked = Some((note.clone(), at));
        if self.fault == Some(Fault::ParkedCanBeClaimed) {
            self.entries.remove(&key);
        } else {
            self.entries.insert(key, Entry { done: true, expires, ..entry });
        }
        let ledger = self.ledger_mut(key);
        let (attempts, waited) = (ledger.attempts.len(), at - ledger.first_attempt);
        let is_counted = ledger.attempts.contains(&token);
        ledger.parks.push(Park { attempts, waited, is_counted, reason: note.reason.clone() });
        Some(Settled::Settled)
    }

    /// The events that are parked.
    pub fn parked(&self, now: Micros) -> Vec<Parked> {
        let now = self.clock(now);
        let counts = self.counts.iter().filter(|(_, count)| count.expires > now);
        let mut parked: Vec<Parked> = counts
            .filter_map(|(key, count)| {
                let (note, at) = count.parked.clone()?;
                Some(Parked::new(*key, note, count.number, time_of_day(at)))
            })
            .collect();
        parked.sort_by_key(|parked| (parked.parked_at, parked.key));
        parked
    }

    /// One that has run out begins anew.
    fn count(&mut self, now: Micros, key: EventKey, token: [u8; 16], keep: Duration) -> &mut Count {
        let expires = now.saturating_add(micros(keep));
        let new = || Count { token, number: 0, first: now, expires, parked: None };
        let count = self.counts.entry(key).or_insert_with(new);
        if count.expires <= now {
            *count = new();
        }
        count
    }
}
