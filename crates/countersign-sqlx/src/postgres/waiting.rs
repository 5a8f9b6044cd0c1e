//! The calls that wait for a lane, and which of them go together.
//!
//! No kind of call waits for another kind, and no key for another key: a flood of duplicates of one
//! event holds up that event alone.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use countersign::EventKey;

use super::call::{Ask, Rest};
use super::lanes::Said;
use crate::room::Call;

/// How many calls one statement takes: a bound on how long it holds its locks, and on its text.
const MOST: usize = 128;

/// How often a statement is tried with all its calls if other transactions come between.
pub(super) const TOGETHER: u8 = 3;

/// A call in the queue.
pub(super) type Queued = Call<Asked, Said>;

pub(super) struct Asked {
    pub(super) ask: Ask,
    /// How often it was tried together with others.
    pub(super) tried: u8,
}

#[derive(Default)]
pub(super) struct Waiting {
    /// A line for each kind of call.
    lines: [Line; KINDS],
    /// What failed together with others. It may be what they failed of.
    alone: VecDeque<Queued>,
    /// Who is next: a line, or those alone.
    turn: usize,
}

/// Calls of one kind.
#[derive(Default)]
struct Line {
    /// One call for a key: a statement cannot change a row twice.
    first: VecDeque<Queued>,
    /// Those behind it, for each key in `first`.
    behind: HashMap<EventKey, VecDeque<Queued>>,
}

impl Waiting {
    pub(super) fn push(&mut self, call: Queued) {
        match self.line(&call) {
            None => self.alone.push_back(call),
            Some(line) => line.push(call),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.alone.is_empty() && self.lines.iter().all(|line| line.first.is_empty())
    }

    /// The next calls for one statement.
    pub(super) fn take(&mut self) -> Option<Vec<Queued>> {
        while !self.is_empty() {
            let turn = self.turn;
            self.turn = (turn + 1) % (KINDS + 1);
            let mut calls = Vec::new();
            match self.lines.get_mut(turn) {
                Some(line) => line.take(&mut calls),
                None => calls.extend(self.alone.pop_front().filter(|call| !is_dead(call))),
            }
            if !calls.is_empty() {
                return Some(calls);
            }
        }
        None
    }

    /// More calls of the kind of these.
    pub(super) fn take_more(&mut self, calls: &mut Vec<Queued>) {
        if let Some(first) = calls.first()
            && let Some(line) = self.line(first)
        {
            line.take(calls);
        }
        calls.retain(|call| !is_dead(call));
    }

    /// Puts calls that have not been sent, or that failed, to the front.
    pub(super) fn put_back(&mut self, calls: Vec<Queued>) {
        for call in calls.into_iter().rev() {
            match self.line(&call) {
                None => self.alone.push_front(call),
                Some(line) => line.put_back(call),
            }
        }
    }

    /// Nothing for a call that goes alone.
    fn line(&mut self, call: &Queued) -> Option<&mut Line> {
        if is_alone(call) { None } else { self.lines.get_mut(kind(call)) }
    }
}

impl Line {
    fn push(&mut self, call: Queued) {
        match self.behind.entry(call.ask.ask.key) {
            Entry::Occupied(behind) => behind.into_mut().push_back(call),
            Entry::Vacant(none) => {
                none.insert(VecDeque::new());
                self.first.push_back(call);
            }
        }
    }

    /// They were asked at the same time, so any order of the calls for a key is right.
    fn put_back(&mut self, call: Queued) {
        match self.behind.entry(call.ask.ask.key) {
            Entry::Occupied(behind) => behind.into_mut().push_front(call),
            Entry::Vacant(none) => {
                none.insert(VecDeque::new());
                self.first.push_front(call);
            }
        }
    }

    /// Takes as many as go together with those that are taken.
    fn take(&mut self, calls: &mut Vec<Queued>) {
        let mut keys: HashSet<_> = calls.iter().map(|call| call.ask.ask.key).collect();
        // Those that come to the end of the line meanwhile are behind one that is taken.
        for _ in 0..self.first.len() {
            if calls.len() >= MOST {
                return;
            }
            let Some(call) = self.first.pop_front() else { return };
            if is_dead(&call) {
                self.advance(call.ask.ask.key);
            } else if keys.insert(call.ask.ask.key) {
                self.advance(call.ask.ask.key);
                calls.push(call);
            } else {
                self.first.push_back(call);
            }
        }
    }

    /// The next call for a key, whose first one has left, goes to the end of the line.
    fn advance(&mut self, key: EventKey) {
        let Entry::Occupied(mut behind) = self.behind.entry(key) else { return };
        while let Some(next) = behind.get_mut().pop_front() {
            if !is_dead(&next) {
                self.first.push_back(next);
                return;
            }
        }
        behind.remove();
    }
}

pub(super) fn is_alone(call: &Queued) -> bool {
    call.ask.tried >= TOGETHER
}

/// A claim whose caller is gone is not made. Settling is wanted all the same.
fn is_dead(call: &Queued) -> bool {
    matches!(call.ask.ask.rest, Rest::MicrosAndReleased(..)) && call.is_cancelled()
}

const KINDS: usize = 4;

fn kind(call: &Queued) -> usize {
    match call.ask.ask.rest {
        Rest::Micros(_) => 0,
        Rest::Released(_) => 1,
        Rest::MicrosAndReleased(..) => 2,
        Rest::None => 3,
    }
}
