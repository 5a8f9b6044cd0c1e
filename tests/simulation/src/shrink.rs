//! A run that breaks a promise, made as simple as it gets: less tape, and more zeros on it.

use crate::run::{Wanted, run};
use crate::tape::Tape;

/// The simplest tape that still breaks a promise of the same kind, within so many tries.
pub fn shrink(tape: Vec<u32>, broken: &str, wanted: Wanted, tries: usize) -> Vec<u32> {
    let mut shrinking = Shrinking { best: tape, name: name(broken), wanted, tries };
    shrinking.work();
    shrinking.best
}

/// The sentence without its numbers.
fn name(broken: &str) -> String {
    broken.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

struct Shrinking {
    best: Vec<u32>,
    name: String,
    wanted: Wanted,
    tries: usize,
}

impl Shrinking {
    fn work(&mut self) {
        loop {
            let before = (self.best.len(), self.best.iter().filter(|choice| **choice > 0).count());
            self.cut();
            self.zero();
            self.lower();
            let after = (self.best.len(), self.best.iter().filter(|choice| **choice > 0).count());
            if self.tries == 0 || after >= before {
                return;
            }
        }
    }

    fn try_it(&mut self, tape: Vec<u32>) -> bool {
        if self.tries == 0 || tape == self.best {
            return false;
        }
        self.tries -= 1;
        let wanted = Wanted { log: false, coverage: false, ..self.wanted };
        let ended = run(Tape::given(tape.clone()), wanted);
        let still = ended.broken.is_some_and(|broken| name(&broken) == self.name);
        if still {
            // What was not read does not matter.
            let read = ended.tape.len().min(tape.len());
            let mut tape = tape;
            tape.truncate(read);
            while tape.last() == Some(&0) {
                tape.pop();
            }
            self.best = tape;
        }
        still
    }

    /// Leaves out pieces, large ones first.
    fn cut(&mut self) {
        let mut size = (self.best.len() / 2).max(1);
        loop {
            let mut from = 0;
            while from < self.best.len() && self.tries > 0 {
                let mut shorter = self.best.clone();
                shorter.drain(from..(from + size).min(self.best.len()));
                if !self.try_it(shorter) {
                    from += size;
                }
            }
            if size == 1 || self.tries == 0 {
                return;
            }
            size /= 2;
        }
    }

    /// Makes pieces harmless.
    fn zero(&mut self) {
        let mut size = (self.best.len() / 2).max(1);
        loop {
            for from in (0..self.best.len()).step_by(size) {
                let mut harmless = self.best.clone();
                let end = (from + size).min(harmless.len());
                if from < end && harmless[from..end].iter().any(|choice| *choice > 0) {
                    harmless[from..end].fill(0);
                    self.try_it(harmless);
                }
            }
            if size == 1 || self.tries == 0 {
                return;
            }
            size /= 2;
        }
    }

    fn lower(&mut self) {
        for place in 0..self.best.len() {
            let Some(choice) = self.best.get(place).copied() else { return };
            for lower in [choice / 2, choice.saturating_sub(1)] {
                if lower < choice && place < self.best.len() {
                    let mut lowered = self.best.clone();
                    lowered[place] = lower;
                    if self.try_it(lowered) {
                        break;
                    }
                }
            }
        }
    }
}
