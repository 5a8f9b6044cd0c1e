//! What is known of an attempt to handle an event, and what its handler says about its failure.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Set by the receiver and by the handler, on whatever clone of the delivery.
#[derive(Default)]
pub(crate) struct Verdict(Mutex<Said>);

#[derive(Default)]
struct Said {
    counted: Option<Counted>,
    failure: Option<Box<str>>,
    parks: bool,
}

/// Which attempt this is.
#[derive(Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) number: u32,
    /// How long ago the first attempt was, when the store counted this one.
    pub(crate) since_first: Duration,
    /// When its answer was here, by the endpoint's clock.
    pub(crate) at: Duration,
}

impl Verdict {
    pub(super) fn count(&self, counted: Counted) {
        self.said().counted = Some(counted);
    }

    pub(crate) fn counted(&self) -> Option<Counted> {
        self.said().counted
    }

    /// Why it fails, if it does. The last word holds.
    pub(crate) fn fail(&self, why: &str) {
        self.said().failure = Some(why.into());
    }

    /// The event is to be parked if this attempt fails.
    pub(crate) fn park(&self, why: &str) {
        let mut said = self.said();
        said.failure = Some(why.into());
        said.parks = true;
    }

    pub(super) fn parks(&self) -> bool {
        self.said().parks
    }

    pub(super) fn failure(&self) -> Option<Box<str>> {
        self.said().failure.clone()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
