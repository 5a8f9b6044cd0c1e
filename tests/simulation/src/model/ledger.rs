//! What the store has done for an event, written down apart from what it remembers: what it forgets too
//! early, or counts twice, is seen here.

use countersign::EventKey;

use super::Model;
use crate::executor::{Micros, Process};

#[derive(Clone, Default)]
pub struct Ledger {
    /// How often the event's effect has been committed.
    pub effects: u32,
    /// How often it was marked as handled.
    pub marked: u32,
    pub parks: Vec<Park>,
    /// How often that it was handled or parked has been forgotten, and how often it was parked then.
    pub forgotten: u32,
    pub forgotten_parked: usize,
    /// Whose claims had completed what was forgotten. Their handlers may still run: after a commit.
    pub completed_before: Vec<(Process, u32)>,
    /// The claims that were counted as attempts since then, and when the first one was, in true time.
    pub attempts: Vec<[u8; 16]>,
    pub first_attempt: Micros,
}

/// That an event was parked.
#[derive(Clone)]
pub struct Park {
    /// After how many attempts, and how long after the first one.
    pub attempts: usize,
    pub waited: Micros,
    /// Whether the claim that parked it was counted among these. One that was renewed when its lease had
    /// run out may have been counted before the event was forgotten.
    pub is_counted: bool,
    pub reason: String,
}

impl Model {
    pub fn ledger(&self, key: EventKey) -> Ledger {
        self.ledgers.get(&key).cloned().unwrap_or_default()
    }

    pub(super) fn ledger_mut(&mut self, key: EventKey) -> &mut Ledger {
        self.ledgers.entry(key).or_default()
    }
}
