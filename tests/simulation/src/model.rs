//! A small model of a store: the contract and nothing else, in true time.

mod attempts;
mod ledger;
mod transactions;

use std::collections::HashMap;

use countersign::{ClaimToken, Claimed, EventKey, Forgotten, RELEASED_FOR, Settled};

use self::attempts::Count;
pub use self::ledger::Ledger;
use self::transactions::Transaction;
pub use self::transactions::{Effect, Order};

use crate::executor::{Micros, Process, SECOND};
use crate::faults::Fault;

/// What the store holds, and the transactions that are open in it.
#[derive(Default)]
pub struct Model {
    pub entries: HashMap<EventKey, Entry>,
    released: HashMap<(EventKey, [u8; 16]), Micros>,
    /// Rows that an open transaction has changed.
    locks: HashMap<EventKey, u64>,
    transactions: HashMap<u64, Transaction>,
    next_transaction: u64,
    /// The newest version of each entity that was handled.
    watermarks: HashMap<EventKey, (u32, EventKey)>,
    counts: HashMap<EventKey, Count>,
    /// Calls that wait for a row's lock.
    pub waiting: Vec<(EventKey, Box<dyn FnOnce()>)>,
    ledgers: HashMap<EventKey, Ledger>,
    /// The newest version whose effect has been committed: the events of a tenant are of one entity.
    in_effect: HashMap<Option<&'static str>, u32>,
    /// By how much the store's clock is ahead of true time.
    pub ahead: i64,
    pub fault: Option<Fault>,
}

#[derive(Clone, Copy)]
pub struct Entry {
    pub token: [u8; 16],
    /// The process, and its start, whose call made the claim.
    pub owner: (Process, u32),
    pub done: bool,
    /// By the store's clock.
    pub expires: Micros,
}

/// What a claim answers for a row that is locked.
const LOCKED: std::time::Duration = std::time::Duration::from_secs(1);

fn micros(time: std::time::Duration) -> Micros {
    Micros::try_from(time.as_micros()).unwrap_or(Micros::MAX)
}

impl Model {
    /// The store's clock.
    pub fn clock(&self, now: Micros) -> Micros {
        // It began long ago, so that it can be set back.
        now.saturating_add(1_000 * 3_600 * SECOND).saturating_add_signed(self.ahead)
    }

    pub fn claim(
        &mut self,
        now: Micros,
        owner: (Process, u32),
        key: EventKey,
        token: ClaimToken,
        lease: std::time::Duration,
    ) -> Claimed {
        let now = self.clock(now);
        let in_flight = |left: Micros| Claimed::InFlight {
            retry_after: std::time::Duration::from_micros(left),
        };
        if self.locks.contains_key(&key) {
            return Claimed::InFlight { retry_after: LOCKED };
        }
        let token = *token.as_bytes();
        let tombstone = self.released.get(&(key, token)).is_some_and(|until| *until > now);
        if tombstone && self.fault != Some(Fault::NoTombstones) {
            return in_flight(0);
        }
        if let Some(entry) = self.entries.get(&key)
            && entry.expires > now
        {
            if entry.done {
                return Claimed::Done;
            }
            if entry.token != token && self.fault != Some(Fault::ClaimsAreShared) {
                return in_flight(entry.expires - now);
            }
        }
        let lease = match self.fault {
            Some(Fault::LeasesAreTooLong) => micros(lease) * 3,
            Some(Fault::LeasesAreTooShort) => micros(lease) / 4,
            _ => micros(lease),
        };
        let expires = now.saturating_add(lease);
        self.entries.insert(key, Entry { token, owner, done: false, expires });
        Claimed::Fresh
    }

    /// Nothing if the row is locked.
    pub fn complete(
        &mut self,
        now: Micros,
        key: EventKey,
        token: ClaimToken,
        retention: std::time::Duration,
    ) -> Option<Settled> {
        if self.locks.contains_key(&key) {
            return None;
        }
        let now = self.clock(now);
        let Some(entry) = self.held(now, key, token) else { return Some(Settled::Lost) };
        if !entry.done {
            let expires = now.saturating_add(self.retention(retention));
            self.entries.insert(key, Entry { done: true, expires, ..entry });
            self.ledger_mut(key).marked += 1;
        }
        Some(Settled::Settled)
    }

    pub fn release(&mut self, now: Micros, key: EventKey, token: ClaimToken) -> Option<Settled> {
        if self.locks.contains_key(&key) {
            return None;
        }
        let now = self.clock(now);
        let until = now.saturating_add(micros(RELEASED_FOR));
        self.released.insert((key, *token.as_bytes()), until);
        if self.fault == Some(Fault::ReleaseNeedsNoToken) {
            self.entries.remove(&key);
            return Some(Settled::Settled);
        }
        match self.held(now, key, token) {
            Some(entry) if !entry.done => {
                if self.fault != Some(Fault::ReleaseDoesNothing) {
                    self.entries.remove(&key);
                }
                Some(Settled::Settled)
            }
            _ => Some(Settled::Lost),
        }
    }

    /// Who has handled the event, as an operator's client looks before it forgets.
    pub fn handled_by(&self, now: Micros, key: EventKey) -> Option<[u8; 16]> {
        let now = self.clock(now);
        let entry = self.entries.get(&key).filter(|entry| entry.done && entry.expires > now);
        entry.map(|entry| entry.token)
    }

    /// Forgets that this token has handled the event. A call that is late finds another token.
    pub fn forget(
        &mut self,
        now: Micros,
        key: EventKey,
        handled_by: Option<[u8; 16]>,
    ) -> Forgotten {
        let now = self.clock(now);
        let entry = self.entries.get(&key).copied().filter(|entry| entry.expires > now);
        let in_flight = match entry {
            Some(entry) if !entry.done => Some(entry.expires - now),
            None if self.locks.contains_key(&key) => Some(micros(LOCKED)),
            _ => None,
        };
        if let Some(left) = in_flight
            && self.fault != Some(Fault::ForgetsClaims)
        {
            return Forgotten::InFlight { retry_after: std::time::Duration::from_micros(left) };
        }
        let claims = self.fault == Some(Fault::ForgetsClaims) && in_flight.is_some();
        let Some(entry) = entry.filter(|entry| claims || Some(entry.token) == handled_by) else {
            return Forgotten::NotHandled;
        };
        if self.fault != Some(Fault::ForgetReleasesNoToken) {
            self.released.insert((key, entry.token), now.saturating_add(micros(RELEASED_FOR)));
        }
        if self.fault != Some(Fault::ForgetDoesNothing) {
            self.entries.remove(&key);
        }
        let count = match self.fault {
            Some(Fault::ForgetKeepsAttempts) => self.counts.get(&key).cloned(),
            _ => self.counts.remove(&key),
        };
        let ledger = self.ledger_mut(key);
        ledger.forgotten += 1;
        ledger.forgotten_parked += usize::from(count.is_some_and(|count| count.parked.is_some()));
        ledger.attempts.clear();
        if entry.done {
            ledger.completed_before.push(entry.owner);
        }
        Forgotten::Forgotten
    }

    pub fn is_completed(&self, now: Micros, key: EventKey, token: ClaimToken) -> bool {
        let now = self.clock(now);
        let entry = self.entries.get(&key).filter(|entry| entry.expires > now);
        entry.is_some_and(|entry| entry.done && entry.token == *token.as_bytes())
    }

    fn held(&self, now: Micros, key: EventKey, token: ClaimToken) -> Option<Entry> {
        let any = self.fault == Some(Fault::CompleteNeedsNoToken);
        let entry = self.entries.get(&key).filter(|entry| entry.expires > now)?;
        (any || entry.token == *token.as_bytes()).then_some(*entry)
    }

    fn retention(&self, retention: std::time::Duration) -> Micros {
        match self.fault {
            Some(Fault::RetentionIsShort) => micros(retention) / 2,
            _ => micros(retention),
        }
    }

    /// Whether somebody holds a claim of this key now.
    pub fn claimed(&self, now: Micros, key: EventKey) -> Option<Entry> {
        let now = self.clock(now);
        self.entries.get(&key).copied().filter(|entry| !entry.done && entry.expires > now)
    }
}
