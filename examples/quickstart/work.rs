//! What the handlers do, in the traffic's hands: whether they take long, and whether they fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The work that all handlers share. Clones are the same work.
#[derive(Clone)]
pub(crate) struct Work(Arc<Inner>);

struct Inner {
    gate_open: watch::Sender<bool>,
    failing: AtomicBool,
    handled: Mutex<Vec<String>>,
}

impl Work {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            gate_open: watch::Sender::new(true),
            failing: AtomicBool::new(false),
            handled: Mutex::default(),
        }))
    }

    /// Handles an event of this type, once the gate is open; tells whether that succeeded.
    pub(crate) async fn handle(&self, event_type: &str) -> bool {
        let handled = || self.0.handled.lock().unwrap_or_else(PoisonError::into_inner);
        handled().push(event_type.to_owned());
        // The gate cannot be gone: this work holds it.
        let _ = self.0.gate_open.subscribe().wait_for(|open| *open).await;
        !self.0.failing.load(Ordering::SeqCst)
    }

    /// Lets handlers wait (closed) or go on (open). With the gate closed a handler is slow for
    /// exactly as long as the traffic wants, so that nothing here depends on a sleep.
    pub(crate) fn set_gate(&self, open: bool) {
        self.0.gate_open.send_replace(open);
    }

    /// Makes handlers fail, or succeed again.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.0.failing.store(failing, Ordering::SeqCst);
    }

    /// The types of the events that handlers got since the last time this was asked.
    pub(crate) fn take_handled(&self) -> Vec<String> {
        std::mem::take(&mut self.0.handled.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
