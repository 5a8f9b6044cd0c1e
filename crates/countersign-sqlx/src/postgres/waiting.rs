//! The calls that wait for a lane, and which of them go together.
//!
//! No kind of call waits for another kind, and no key for another key. Claims of one key go along with
//! the first of them, which asks for all: a flood of duplicates of one event is one question.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use countersign::EventKey;

use super::call::Rest;
use super::group::{Group, Queued, is_alone};

/// How many keys one statement takes: a bound on how long it holds its locks, and on its text.
const MOST: usize = 128;

#[derive(Default)]
pub(super) struct Waiting {
    /// A line for each kind of call.
    lines: [Line; KINDS],
    /// What failed together with others. It may be what they failed of.
    alone: [Line; KINDS],
    /// Which line is next, of both.
    turn: usize,
}

/// Calls of one kind.
#[derive(Default)]
struct Line {
    /// The keys of `groups` in the order in which they are taken, and some that have gone with others.
    keys: VecDeque<EventKey>,
    groups: HashMap<EventKey, Group>,
}

impl Waiting {
    pub(super) fn push(&mut self, call: Queued) {
        self.line(&call).push(call);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().chain(&self.alone).all(|line| line.groups.is_empty())
    }

    /// The next calls for one statement.
    pub(super) fn take(&mut self) -> Option<Vec<Group>> {
        while !self.is_empty() {
            let turn = self.turn;
            self.turn = (turn + 1) % (2 * KINDS);
            let mut groups = Vec::new();
            match self.lines.get_mut(turn) {
                Some(line) => line.take(&mut groups, MOST),
                None => {
                    if let Some(line) = self.alone.get_mut(turn - KINDS) {
                        line.take(&mut groups, 1);
                    }
                }
            }
            if !groups.is_empty() {
                return Some(groups);
            }
        }
        None
    }

    /// More calls of the kind of these.
    pub(super) fn take_more(&mut self, groups: &mut Vec<Group>) {
        if let Some(first) = groups.first() {
            let most = if is_alone(&first.asks) { 1 } else { MOST };
            self.line(&first.asks).take(groups, most);
        }
        let live = std::mem::take(groups).into_iter().filter_map(Group::without_dead);
        groups.extend(live);
    }

    /// Puts back calls that have not been sent, that failed, or that nobody could answer: to the front,
    /// or where calls for their key wait already, before those.
    pub(super) fn put_back(&mut self, groups: Vec<Group>) {
        for group in groups.into_iter().rev() {
            self.line(&group.asks).put_back(group);
        }
    }

    fn line(&mut self, call: &Queued) -> &mut Line {
        let lines = if is_alone(call) { &mut self.alone } else { &mut self.lines };
        let [completions, releases, claims, looks] = lines;
        match call.ask.ask.rest {
            Rest::Micros(_) => completions,
            Rest::Released(_) => releases,
            Rest::MicrosAndReleased(..) => claims,
            Rest::None => looks,
        }
    }
}

impl Line {
    fn push(&mut self, call: Queued) {
        let key = call.key();
        match self.groups.entry(key) {
            Entry::Occupied(group) => group.into_mut().along.push_back(call),
            Entry::Vacant(none) => {
                none.insert(Group::from(call));
                self.keys.push_back(key);
            }
        }
    }

    fn put_back(&mut self, mut group: Group) {
        let key = group.asks.key();
        match self.groups.entry(key) {
            Entry::Occupied(mut since) => {
                std::mem::swap(since.get_mut(), &mut group);
                since.get_mut().join(group);
            }
            Entry::Vacant(none) => {
                none.insert(group);
                self.keys.push_front(key);
            }
        }
    }

    /// Takes as many as go together with those that are taken.
    fn take(&mut self, taken: &mut Vec<Group>, most: usize) {
        for group in taken.iter_mut().filter(|group| group.is_claim()) {
            if let Some(since) = self.groups.remove(&group.asks.key()) {
                group.join(since);
            }
        }
        let mut keys: HashSet<_> = taken.iter().map(|group| group.asks.key()).collect();
        // Those that come to the end of the line meanwhile are behind one that is taken.
        for _ in 0..self.keys.len() {
            if taken.len() >= most {
                return;
            }
            let Some(key) = self.keys.pop_front() else { return };
            let group = self.groups.remove(&key).and_then(Group::without_dead);
            let Some(group) = group else { continue };
            // A statement cannot change a row twice.
            let left = if keys.insert(key) {
                let (group, left) = group.split();
                taken.push(group);
                left
            } else {
                Some(group)
            };
            if let Some(left) = left {
                self.groups.insert(key, left);
                self.keys.push_back(key);
            }
        }
    }
}

const KINDS: usize = 4;
