//! Waiting a little before a commit, for callers that are about to ask again.
//!
//! Those who were answered by one commit often have a next call: a claim's handler completes. Without
//! a wait, two halves of the callers take turns: one half is written while the other half asks again,
//! and each commit carries half of what it could. Where a commit is a slow write to a disk, waiting a
//! tenth of its time for twice the calls pays.

use std::thread;
use std::time::{Duration, Instant};

/// At most this part of the last commit's time.
const PART: u32 = 10;

/// However long a commit took: it may have waited for another process's lock.
const LONGEST: Duration = Duration::from_micros(500);

/// How often is looked whether somebody has come. If nobody has, the wait ends.
const LOOK: Duration = Duration::from_micros(50);

/// What is known from the last commit.
#[derive(Default)]
pub(super) struct Gather {
    took: Duration,
    /// How many callers there were: those who were written, and those who queued up meanwhile.
    callers: usize,
}

impl Gather {
    pub(super) fn committed(&mut self, took: Duration, written: usize, queued: usize) {
        *self = Self { took, callers: written.saturating_add(queued) };
    }

    /// Waits while callers come and not all are there. `queued` gives how many there are, or nothing
    /// if no more can come.
    ///
    /// It blocks the thread, which is the store's own: a timer of the runtime knows only whole
    /// milliseconds.
    pub(super) fn wait(&self, queued: impl Fn() -> Option<usize>) {
        let longest = (self.took / PART).min(LONGEST);
        let start = Instant::now();
        let mut before = 0;
        while let Some(now) = queued()
            && now > before
            && now < self.callers
        {
            let Some(left) = longest.checked_sub(start.elapsed()) else { return };
            thread::sleep(left.min(LOOK));
            before = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// How often is looked where so many are queued, one look after the other.
    fn looks(gather: &Gather, queued: impl Fn(usize) -> Option<usize>) -> usize {
        let looks = Cell::new(0);
        gather.wait(|| {
            looks.set(looks.get() + 1);
            queued(looks.get())
        });
        looks.get()
    }

    fn after(written: usize, queued: usize) -> Gather {
        let mut gather = Gather::default();
        gather.committed(LONG, written, queued);
        gather
    }

    #[test]
    fn one_caller_waits_for_nobody() {
        assert_eq!(looks(&Gather::default(), |_| Some(1)), 1);
        assert_eq!(looks(&after(1, 0), |_| Some(1)), 1);
    }

    #[test]
    fn it_ends_when_all_are_there_or_nobody_comes_or_can() {
        assert_eq!(looks(&after(1, 2), |look| Some(look + 1)), 2, "all three were there");
        assert_eq!(looks(&after(32, 32), |_| Some(32)), 2, "nobody came");
        assert_eq!(looks(&after(32, 32), |look| (look < 2).then_some(32)), 2, "it is over");
    }

    /// On any machine: a busy one looks less often.
    #[test]
    fn it_ends_however_many_come() {
        assert!(looks(&after(usize::MAX, 1), Some) <= 12);
        let mut gather = Gather::default();
        gather.committed(Duration::from_micros(500), 1_000, 0);
        assert!(looks(&gather, Some) <= 3, "a tenth of a short commit is short");
    }
}
