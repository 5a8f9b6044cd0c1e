//! A small model of a store: the contract and nothing else, in true time.

use std::collections::HashMap;

use countersign::{ClaimToken, Claimed, EventKey, Forgotten, InTransaction, RELEASED_FOR, Settled};

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
    /// Calls that wait for a row's lock.
    pub waiting: Vec<(EventKey, Box<dyn FnOnce()>)>,
    /// How often the effect of each event has been committed.
    pub effects: HashMap<EventKey, u32>,
    /// How often each event was marked as handled, and how often that was forgotten.
    pub marked: HashMap<EventKey, u32>,
    pub forgotten: HashMap<EventKey, u32>,
    /// Whose claims had completed what was forgotten. Their handlers may still run: after a commit.
    pub completed_before: HashMap<EventKey, Vec<(Process, u32)>>,
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

struct Transaction {
    completes: Option<(EventKey, Entry)>,
    effect: Option<EventKey>,
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
            *self.marked.entry(key).or_default() += 1;
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
        *self.forgotten.entry(key).or_default() += 1;
        if entry.done {
            self.completed_before.entry(key).or_default().push(entry.owner);
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

    pub fn begin(&mut self) -> u64 {
        self.next_transaction += 1;
        self.transactions
            .insert(self.next_transaction, Transaction { completes: None, effect: None });
        self.next_transaction
    }

    /// Completes in an open transaction; nothing if another one holds the row.
    pub fn complete_in(
        &mut self,
        now: Micros,
        transaction: u64,
        key: EventKey,
        token: ClaimToken,
        retention: std::time::Duration,
    ) -> Option<Result<InTransaction, ()>> {
        if self.locks.get(&key).is_some_and(|holder| *holder != transaction) {
            return None;
        }
        let now = self.clock(now);
        let expires = now.saturating_add(self.retention(retention));
        let Some(entry) = self.held(now, key, token) else { return Some(Ok(InTransaction::Lost)) };
        if entry.done && self.fault != Some(Fault::CompletesTwice) {
            return Some(Ok(InTransaction::AlreadyCompleted));
        }
        // Its connection is gone.
        let Some(open) = self.transactions.get_mut(&transaction) else { return Some(Err(())) };
        open.completes = Some((key, Entry { done: true, expires, ..entry }));
        open.effect = Some(key);
        self.locks.insert(key, transaction);
        Some(Ok(InTransaction::Completed))
    }

    /// Whether it was still there to commit.
    pub fn commit(&mut self, transaction: u64) -> bool {
        let Some(open) = self.transactions.remove(&transaction) else { return false };
        if let Some((key, entry)) = open.completes {
            self.entries.insert(key, entry);
            *self.marked.entry(key).or_default() += 1;
        }
        if let Some(key) = open.effect {
            *self.effects.entry(key).or_default() += 1;
        }
        self.unlock(transaction);
        true
    }

    pub fn roll_back(&mut self, transaction: u64) {
        self.transactions.remove(&transaction);
        self.unlock(transaction);
    }

    fn unlock(&mut self, transaction: u64) {
        self.locks.retain(|_, holder| *holder != transaction);
    }

    /// The calls that can go on now.
    pub fn take_ready(&mut self) -> Vec<Box<dyn FnOnce()>> {
        let locks = &self.locks;
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(key, _)| !locks.contains_key(key));
        self.waiting = waiting;
        let ready: Vec<(EventKey, Box<dyn FnOnce()>)> = ready;
        ready.into_iter().map(|(_, call)| call).collect()
    }

    /// Whether somebody holds a claim of this key now.
    pub fn claimed(&self, now: Micros, key: EventKey) -> Option<Entry> {
        let now = self.clock(now);
        self.entries.get(&key).copied().filter(|entry| !entry.done && entry.expires > now)
    }

    pub fn is_locked(&self, key: EventKey) -> bool {
        self.locks.contains_key(&key)
    }
}
