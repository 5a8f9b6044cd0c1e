//! Inner services to call, one for each request.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Makes inner services, and keeps those that were called for further requests: with axum, to clone one
/// is an allocation and a lock in each of its layers.
///
/// Whoever takes one has it alone, polls it ready and calls it. One that is not called after that is
/// dropped, with the place that it may hold in a queue. So is one that was called before and is not ready at
/// once: what a call has left in it is not in a clone of the one that was never called.
pub(crate) struct Idle<I>(Mutex<Services<I>>);

/// A service that was taken.
pub(crate) struct Taken<I> {
    pub(crate) service: I,
    pub(crate) was_called: bool,
}

struct Services<I> {
    /// Never polled or called.
    first: I,
    called: Vec<I>,
}

/// How many are kept.
const MOST: usize = 64;

impl<I> Idle<I> {
    pub(crate) fn new(first: I) -> Self {
        Self(Mutex::new(Services { first, called: Vec::new() }))
    }

    /// Keeps a service that was called.
    pub(crate) fn put(&self, service: I) {
        let mut services = self.lock();
        if services.called.len() < MOST {
            return services.called.push(service);
        }
        // Dropped without the lock: it is the user's code.
        drop(services);
    }

    fn lock(&self) -> MutexGuard<'_, Services<I>> {
        // A service whose clone panics is as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I: Clone> Idle<I> {
    /// A service that is not ready yet.
    pub(crate) fn take(&self) -> Taken<I> {
        let mut services = self.lock();
        match services.called.pop() {
            Some(service) => Taken { service, was_called: true },
            None => Taken { service: services.first.clone(), was_called: false },
        }
    }

    /// The same, but one that was never called.
    pub(crate) fn take_new(&self) -> Taken<I> {
        Taken { service: self.lock().first.clone(), was_called: false }
    }
}
