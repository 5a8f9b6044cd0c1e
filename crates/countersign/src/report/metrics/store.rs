//! What is measured of a store's calls.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram, Key, Label, Recorder};

use super::Operation;
use super::names::{STORE_DURATION, STORE_ERRORS};
use super::recorder::{METADATA, with_recorder};
use crate::dedup::Store;
use crate::endpoint::Endpoint;

/// The metrics of a store's calls, once there is a recorder.
#[derive(Default)]
pub(crate) struct StoreMetrics(OnceLock<[Handles; 7]>);

/// Those of one operation.
struct Handles {
    duration: Histogram,
    errors: Counter,
}

/// A call that is being made, and when it began if that is measured.
#[derive(Clone, Copy)]
pub(crate) struct StoreWatch {
    operation: Operation,
    began: Option<Duration>,
}

impl StoreMetrics {
    /// A call begins.
    pub(crate) fn start(
        &self,
        store: &impl Store,
        endpoint: &Endpoint,
        operation: Operation,
    ) -> StoreWatch {
        let began = self.handles(store).map(|_| endpoint.monotonic());
        StoreWatch { operation, began }
    }

    /// It has ended.
    pub(crate) fn stop(&self, watch: StoreWatch, endpoint: &Endpoint) {
        if let (Some(began), Some(handles)) = (watch.began, self.0.get())
            && let Some(Handles { duration, .. }) = handles.get(watch.operation as usize)
        {
            duration.record(endpoint.monotonic().saturating_sub(began));
        }
    }

    /// A call has failed.
    pub(crate) fn failed(&self, store: &impl Store, operation: Operation) {
        if let Some(handles) = self.handles(store)
            && let Some(Handles { errors, .. }) = handles.get(operation as usize)
        {
            errors.increment(1);
        }
    }

    #[inline]
    fn handles(&self, store: &impl Store) -> Option<&[Handles; 7]> {
        match self.0.get() {
            Some(handles) => Some(handles),
            None => self.found(store),
        }
    }

    #[cold]
    fn found(&self, store: &impl Store) -> Option<&[Handles; 7]> {
        with_recorder(|recorder| self.0.get_or_init(|| handles(store.name(), recorder)))
    }
}

fn handles(store: &'static str, recorder: &dyn Recorder) -> [Handles; 7] {
    Operation::ALL.map(|operation| {
        let key = |name: &'static str| {
            let store = Label::from_static_parts("store", store);
            let operation = Label::from_static_parts("operation", operation.as_str());
            Key::from_parts(name, vec![store, operation])
        };
        Handles {
            duration: recorder.register_histogram(&key(STORE_DURATION), &METADATA),
            errors: recorder.register_counter(&key(STORE_ERRORS), &METADATA),
        }
    })
}
