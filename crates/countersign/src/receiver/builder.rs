//! Settings of a [`Receiver`].

use std::fmt;
use std::sync::Arc;

use super::renewals::Renewals;
use super::settlings::Settlings;
use super::store_calls::StoreCalls;
use super::tasks::HandlerTasks;
use super::{Inner, Receiver};
use crate::dedup::Store;
use crate::endpoint::Endpoint;
use crate::report::{Observer, Reporter};
use crate::runtime::Runtime;

/// Makes a [`Receiver`]; start with [`Receiver::builder`].
#[must_use = "call `build`"]
pub struct ReceiverBuilder<S> {
    endpoint: Endpoint,
    store: S,
    observers: Vec<Box<dyn Observer>>,
    runtime: Option<Runtime>,
    tasks: HandlerTasks,
}

impl<S: Store> ReceiverBuilder<S> {
    pub(super) fn new(endpoint: Endpoint, store: S) -> Self {
        let tasks = HandlerTasks::new();
        Self { endpoint, store, observers: Vec::new(), runtime: None, tasks }
    }

    /// What gets a report of every delivery. There may be several: each gets all reports, in this
    /// order, also where another one panics.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// The async runtime that handlers run on. The adapters bring one. Without it, the claim of a
    /// handler that is cancelled stays until its lease ends, no lease is renewed, and a call of the
    /// store has no time limit.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Counts the running handlers among `tasks`, so that a shutdown can wait for them.
    pub fn tasks(mut self, tasks: &HandlerTasks) -> Self {
        self.tasks = tasks.clone();
        self
    }

    /// Makes the receiver.
    #[must_use]
    pub fn build(self) -> Receiver<S> {
        let Self { endpoint, store, observers, runtime, tasks } = self;
        // From here on, if there is a recorder already.
        endpoint.metrics().is_recorded(&endpoint);
        endpoint.secrets().show(&endpoint);
        if let Some(lookups) = endpoint.lookups() {
            lookups.show(&endpoint);
        }
        let calls = StoreCalls::new(store, endpoint.clone());
        if let Some(runtime) = runtime {
            calls.set_runtime(runtime);
        }
        let inner = Inner {
            calls: Arc::new(calls),
            reporter: Reporter::new(endpoint.clone(), observers),
            endpoint,
            renewals: Renewals::default(),
            settlings: Settlings::default(),
        };
        Receiver { inner: Arc::new(inner), tasks, observer: None }
    }
}

impl<S> fmt::Debug for ReceiverBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
