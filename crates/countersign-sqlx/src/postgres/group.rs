//! Claims of one key that are answered together.

use std::collections::VecDeque;

use countersign::EventKey;

use super::call::{Answer, Ask, Rest};
use super::lanes::Said;
use super::sql::outcome::{BUSY, DONE, FRESH, IN_FLIGHT};
use crate::room::Call;

/// How often a statement is tried with all its calls if other transactions come between.
pub(super) const TOGETHER: u8 = 3;

/// A call in the queue.
pub(super) type Queued = Call<Asked, Said>;

pub(super) struct Asked {
    pub(super) ask: Ask,
    /// How often it was tried together with others.
    pub(super) tried: u8,
    /// It went along with another one, whose answer said nothing about it. No other one that came
    /// since may ask in its place.
    pub(super) asks_next: bool,
}

impl Asked {
    pub(super) fn new(ask: Ask, tried: u8) -> Self {
        Self { ask, tried, asks_next: false }
    }
}

/// A call that the database is asked, and those for the same key behind it. Claims go along with it
/// into its statement and are told what its answer means for them. All were in the queue before the
/// statement was sent, so what it found was the case while they waited.
pub(super) struct Group {
    pub(super) asks: Queued,
    pub(super) along: VecDeque<Queued>,
}

impl From<Queued> for Group {
    fn from(asks: Queued) -> Self {
        Self { asks, along: VecDeque::new() }
    }
}

impl Group {
    pub(super) fn is_claim(&self) -> bool {
        matches!(self.asks.ask.ask.rest, Rest::MicrosAndReleased(..))
    }

    pub(super) fn calls(self) -> impl Iterator<Item = Queued> {
        std::iter::once(self.asks).chain(self.along)
    }

    pub(super) fn calls_mut(&mut self) -> impl Iterator<Item = &mut Queued> {
        std::iter::once(&mut self.asks).chain(&mut self.along)
    }

    /// With others of the same key.
    pub(super) fn join(&mut self, mut behind: Self) {
        if behind.asks.ask.asks_next && !self.asks.ask.asks_next {
            std::mem::swap(&mut self.asks, &mut behind.asks);
        }
        self.along.push_back(behind.asks);
        self.along.extend(behind.along);
    }

    /// What goes into one statement, and what has to wait for the next one.
    pub(super) fn split(mut self) -> (Self, Option<Self>) {
        if self.is_claim() {
            return (self, None);
        }
        let rest = Self::of(std::mem::take(&mut self.along));
        (self, rest)
    }

    /// A claim whose caller is gone is not made. Settling is wanted all the same.
    pub(super) fn without_dead(self) -> Option<Self> {
        if !self.is_claim() {
            return Some(self);
        }
        let Self { asks, mut along } = self;
        along.retain(|call| !call.is_cancelled());
        if asks.is_cancelled() { Self::of(along) } else { Some(Self { asks, along }) }
    }

    /// It failed together with others.
    pub(super) fn failed(&mut self, tries: u8) {
        let tried = self.asks.ask.tried.saturating_add(tries);
        self.calls_mut().for_each(|call| call.ask.tried = tried);
    }

    /// Answers the calls. What is given back has to ask for itself.
    pub(super) fn answer(self, answer: Answer) -> Option<Self> {
        let asked = self.asks.ask.ask;
        self.asks.answer(Ok(Said::Answer(answer)));
        let mut rest = VecDeque::new();
        for mut call in self.along {
            match shared(&asked, answer, &call.ask.ask) {
                Some(answer) => call.answer(Ok(Said::Answer(answer))),
                None => {
                    call.ask.asks_next = true;
                    rest.push_back(call);
                }
            }
        }
        Self::of(rest)
    }

    fn of(mut calls: VecDeque<Queued>) -> Option<Self> {
        Some(Self { asks: calls.pop_front()?, along: calls })
    }
}

/// What one claim's answer says to another claim of the same key; nothing if it has to ask itself.
fn shared(asked: &Ask, answer: Answer, other: &Ask) -> Option<Answer> {
    if asked == other {
        return Some(answer);
    }
    match (answer.outcome, asked.rest) {
        // The event is handled, or somebody is changing its row: whoever asks.
        (DONE | BUSY, _) => Some(answer),
        // It was the asker's for a moment at least.
        (FRESH, Rest::MicrosAndReleased(lease, _)) if asked.owner != other.owner && lease > 0 => {
            Some(Answer { outcome: IN_FLIGHT, left: lease, owner: Some(asked.owner) })
        }
        // Whoever holds it renews the claim.
        (IN_FLIGHT, _) if answer.owner.is_some_and(|owner| owner != other.owner) => Some(answer),
        _ => None,
    }
}

impl Queued {
    pub(super) fn key(&self) -> EventKey {
        self.ask.ask.key
    }
}

pub(super) fn is_alone(call: &Queued) -> bool {
    call.ask.tried >= TOGETHER
}
