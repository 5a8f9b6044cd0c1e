//! The transactions that are open in the store: they complete claims and move watermarks, and lock the rows
//! that they change until they end.

use std::time::Duration;

use countersign::{ClaimToken, EventKey, Fenced, InTransaction};

use super::{Entry, Model};
use crate::executor::Micros;
use crate::faults::Fault;
use crate::world::broken;

#[derive(Default)]
pub struct Transaction {
    completes: Option<(EventKey, Entry)>,
    effect: Option<(EventKey, Effect)>,
    /// An entity, its newest version, and the event that said so.
    watermark: Option<(EventKey, (u32, EventKey))>,
}

/// What a handler writes together with the mark.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The event is superseded.
    Nothing,
    Unordered,
    /// The state of this entity, which is named by its tenant, in this version.
    Version(Option<&'static str>, u32),
}

/// How an event stands to those of its entity that came before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Newest,
    Superseded,
    Same,
}

impl Model {
    pub fn begin(&mut self) -> u64 {
        self.next_transaction += 1;
        self.transactions.insert(self.next_transaction, Transaction::default());
        self.next_transaction
    }

    /// `newest_in` of countersign-sqlx, which is bound to sqlx: the contract of its two statements on
    /// Postgres. The first one waits for whoever has changed the entity's row (nothing is answered here),
    /// compares the version with what that one left, writes the greater one, and so locks the row until
    /// the transaction ends, also for an event that is superseded. The second one looks at the claim once the
    /// wait is over. Here they are one step, after the wait: what the first does for a claim that turns out
    /// not to be held is rolled back by whoever asked. Nothing is purged in a world's time.
    pub fn newest_in(
        &mut self,
        now: Micros,
        transaction: u64,
        (key, token): (EventKey, ClaimToken),
        (entity, version): (EventKey, u32),
    ) -> Option<Result<Fenced<Order>, ()>> {
        let locks = self.fault != Some(Fault::WatermarksAreNotLocked);
        if locks && self.is_locked_by_another(entity, transaction) {
            return None;
        }
        let Some(entry) = self.held(self.clock(now), key, token) else {
            return Some(Ok(Fenced::Lost));
        };
        let committed = self.watermarks.get(&entity).copied();
        // Its connection is gone.
        let Some(open) = self.transactions.get_mut(&transaction) else { return Some(Err(())) };
        let before = open.watermark.map(|(_, watermark)| watermark).or(committed);
        let (newest, order) = match before {
            Some((other, by)) if other > version => ((other, by), Order::Superseded),
            Some((other, by)) if other == version && by != key => ((other, by), Order::Same),
            _ => ((version, key), Order::Newest),
        };
        open.watermark = Some((entity, newest));
        if locks {
            self.locks.insert(entity, transaction);
        }
        if self.fault == Some(Fault::WatermarksAreNotRolledBack) {
            self.watermarks.insert(entity, newest);
        }
        Some(Ok(if entry.done { Fenced::AlreadyCompleted } else { Fenced::Held(order) }))
    }

    /// Completes in an open transaction; nothing if another one holds the row.
    pub fn complete_in(
        &mut self,
        now: Micros,
        transaction: u64,
        (key, token): (EventKey, ClaimToken),
        retention: Duration,
        effect: Effect,
    ) -> Option<Result<InTransaction, ()>> {
        if self.is_locked_by_another(key, transaction) {
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
        open.effect = Some((key, effect));
        self.locks.insert(key, transaction);
        Some(Ok(InTransaction::Completed))
    }

    /// Whether it was still there to commit.
    pub fn commit(&mut self, transaction: u64) -> bool {
        let Some(open) = self.transactions.remove(&transaction) else { return false };
        if let Some((key, entry)) = open.completes {
            self.entries.insert(key, entry);
            self.ledger_mut(key).marked += 1;
        }
        if let Some((entity, watermark)) = open.watermark {
            self.watermarks.insert(entity, watermark);
        }
        if let Some((key, effect)) = open.effect {
            self.ledger_mut(key).effects += u32::from(effect != Effect::Nothing);
            if let Effect::Version(entity, version) = effect {
                let newest = self.in_effect(entity);
                if version < newest {
                    broken(format!("order: version {version} took effect after version {newest}"));
                }
                self.in_effect.insert(entity, version);
            }
        }
        self.unlock(transaction);
        true
    }

    /// The newest version of an entity whose effect has been committed.
    pub fn in_effect(&self, entity: Option<&'static str>) -> u32 {
        self.in_effect.get(&entity).copied().unwrap_or(0)
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

    pub fn is_locked(&self, key: EventKey) -> bool {
        self.locks.contains_key(&key)
    }

    /// Whether a transaction that has moved a watermark is open.
    pub fn is_an_entity_locked(&self) -> bool {
        self.transactions.values().any(|open| open.watermark.is_some())
    }

    fn is_locked_by_another(&self, key: EventKey, transaction: u64) -> bool {
        self.locks.get(&key).is_some_and(|holder| *holder != transaction)
    }
}
