//! What became of the deliveries of a test.

use std::collections::BTreeMap;

use super::TestKit;
use super::kit::{Seen, lock};
use crate::rejection::RejectionKind;
use crate::report::{Outcome, Reason};

impl TestKit {
    /// What became of each delivery so far, in the order of their answers.
    #[must_use]
    pub fn outcomes(&self) -> Vec<(Outcome, Option<Reason>)> {
        lock(&self.seen).iter().map(|seen| (seen.outcome, seen.reason)).collect()
    }

    /// The last delivery was handled: the handler ran and answered 2xx.
    ///
    /// # Panics
    ///
    /// If it was not.
    #[track_caller]
    pub fn assert_handled(&self) {
        self.assert_last("handled", |seen| seen.outcome == Outcome::Accepted);
    }

    /// The handler ran for the last delivery and did not answer 2xx, so a retry is accepted.
    ///
    /// # Panics
    ///
    /// If it was otherwise.
    #[track_caller]
    pub fn assert_failed(&self) {
        self.assert_last("not handled by its handler", |seen| seen.outcome == Outcome::Failed);
    }

    /// The last delivery was answered as a duplicate of a handled event.
    ///
    /// # Panics
    ///
    /// If it was not.
    #[track_caller]
    pub fn assert_duplicate(&self) {
        self.assert_last("a duplicate", |seen| seen.outcome == Outcome::Duplicate);
    }

    /// The last delivery was refused for this reason.
    ///
    /// # Panics
    ///
    /// If it was not.
    #[track_caller]
    pub fn assert_refused(&self, kind: RejectionKind) {
        let what = format!("refused as {}", kind.code());
        self.assert_last(&what, |seen| seen.reason == Some(Reason::Rejected(kind)));
    }

    /// Each event that came so far was handled once, however many deliveries it had.
    ///
    /// # Panics
    ///
    /// If one was not handled or more than once, and if none came.
    #[track_caller]
    pub fn assert_each_handled_once(&self) {
        let mut handled = BTreeMap::new();
        for seen in lock(&self.seen).iter() {
            if let Some(key) = seen.key {
                *handled.entry(key).or_insert(0) += u32::from(seen.outcome == Outcome::Accepted);
            }
        }
        assert!(!handled.is_empty(), "no event came; {}", self.all());
        for (key, times) in handled {
            assert_eq!(times, 1, "event {key} was handled {times} times; {}", self.all());
        }
    }

    #[track_caller]
    fn assert_last(&self, what: &str, is: impl Fn(&Seen) -> bool) {
        let last = lock(&self.seen).last().copied();
        assert!(last.as_ref().is_some_and(is), "the last delivery is not {what}; {}", self.all());
    }

    fn all(&self) -> String {
        let seen = self.outcomes().into_iter().map(|(outcome, reason)| match reason {
            Some(reason) => format!("{} ({reason})", outcome.as_str()),
            None => outcome.as_str().to_owned(),
        });
        let seen: Vec<_> = seen.collect();
        if seen.is_empty() {
            "no delivery reached the middleware".to_owned()
        } else {
            format!("deliveries so far: {}", seen.join(", "))
        }
    }
}
