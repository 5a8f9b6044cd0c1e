//! The leases of running handlers, renewed by a task of its own: a handler that blocks its thread, or
//! is not polled for another reason, keeps its claim.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::Inner;
use super::held::{Held, State};
use crate::dedup::{Claimed, Store};
use crate::endpoint::Endpoint;
use crate::report::metrics::Operation;
use crate::runtime::Runtime;

/// The claims of the handlers that run. While there are some, one task sees to them all.
#[derive(Default)]
pub(crate) struct Renewals(Mutex<Running>);

#[derive(Default)]
struct Running {
    places: Vec<Option<Place>>,
    free: Vec<usize>,
    /// Whether the task is there.
    watched: bool,
}

struct Place {
    held: Arc<Held>,
    /// When to ask the store next.
    due: Duration,
}

/// A claim that is renewed until this is dropped.
pub(crate) struct Renewed<S: Store> {
    inner: Arc<Inner<S>>,
    place: usize,
}

impl<S: Store> Renewed<S> {
    /// Renews a claim from now on, if there is a runtime to do it.
    pub(super) fn start(inner: &Arc<Inner<S>>, held: &Arc<Held>) -> Option<Self> {
        let runtime = inner.calls.runtime()?;
        if inner.endpoint.renewed_for().is_zero() {
            return None;
        }
        let due = held.asked.saturating_add(inner.endpoint.lease() / 3);
        let (place, watched) = inner.renewals.lock().add(Place { held: Arc::clone(held), due });
        if !watched {
            // Made here, because a runtime that is shutting down drops what it is given.
            let watch = Watch { inner: Arc::downgrade(inner), over: false };
            runtime.spawn(watch.work());
        }
        Some(Self { inner: Arc::clone(inner), place })
    }
}

impl<S: Store> Drop for Renewed<S> {
    fn drop(&mut self) {
        self.inner.renewals.lock().remove(self.place);
    }
}

/// The task. It keeps nothing alive while it sleeps.
struct Watch<S: Store> {
    inner: Weak<Inner<S>>,
    over: bool,
}

impl<S: Store> Watch<S> {
    async fn work(mut self) {
        while let Some((runtime, pause)) = self.look() {
            runtime.sleep(pause).await;
        }
    }

    /// Starts what is due and tells how long to sleep; nothing if there is nothing to watch.
    fn look(&mut self) -> Option<(Runtime, Duration)> {
        let inner = self.inner.upgrade()?;
        let runtime = inner.calls.runtime()?;
        let now = inner.endpoint.monotonic();
        let (due, pause) = {
            let mut running = inner.renewals.lock();
            if running.is_empty() {
                running.watched = false;
                self.over = true;
                return None;
            }
            running.take_due(now, &inner.endpoint)
        };
        for held in due {
            // Each in a task of its own: a slow one holds up no other.
            runtime.spawn(renew(Arc::clone(&inner), held));
        }
        Some((runtime, pause))
    }
}

/// A task that is cut short, by the end of its runtime, leaves its place to the next.
impl<S: Store> Drop for Watch<S> {
    fn drop(&mut self) {
        if !self.over
            && let Some(inner) = self.inner.upgrade()
        {
            inner.renewals.lock().watched = false;
        }
    }
}

/// Asks the store once.
async fn renew<S: Store>(inner: Arc<Inner<S>>, held: Arc<Held>) {
    let Some(_turn) = held.turn_to_renew() else { return };
    let asked = inner.endpoint.monotonic();
    let claimed = inner.calls.renew(held.key, held.token, inner.endpoint.lease()).await;
    match claimed {
        Ok(Claimed::Fresh) => held.renewed(asked),
        // The handler has committed its transaction, or somebody else has handled the event since
        // this lease ran out.
        Ok(Claimed::Done) => {
            if held.change(State::Held, State::Lost) {
                held.lost();
            }
            if let Ok(own) = inner.calls.is_completed(held.key, held.token).await {
                held.change(State::InTransaction, if own { State::Done } else { State::Lost });
            }
        }
        // Somebody else has the claim.
        Ok(Claimed::InFlight { .. }) => {
            if held.change(State::Held, State::Lost) {
                held.lost();
            }
        }
        // The next try may do better; if none does, the lease runs out.
        Err(error) => {
            held.not_answered(asked);
            // The handler's own transaction holds the row, as long as it is open.
            if held.state() != State::InTransaction {
                inner.store_failed(Operation::Renew, &error);
            }
        }
    }
}

impl Renewals {
    fn lock(&self) -> MutexGuard<'_, Running> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn is_empty(&self) -> bool {
        self.free.len() == self.places.len()
    }

    /// Gives the claim's place, and whether the task was there already.
    fn add(&mut self, new: Place) -> (usize, bool) {
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.places.push(None);
                self.places.len() - 1
            }
        };
        if let Some(empty) = self.places.get_mut(place) {
            *empty = Some(new);
        }
        (place, std::mem::replace(&mut self.watched, true))
    }

    fn remove(&mut self, place: usize) {
        if self.places.get_mut(place).and_then(Option::take).is_some() {
            self.free.push(place);
        }
        // A burst leaves no memory behind.
        if self.is_empty() && self.places.capacity() > 1024 {
            (self.places, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// What is due, and how long until something else may be.
    fn take_due(&mut self, now: Duration, endpoint: &Endpoint) -> (Vec<Arc<Held>>, Duration) {
        // A try that fails is followed by others before the lease ends.
        let again = endpoint.lease() / 6;
        let (mut due, mut pause) = (Vec::new(), again);
        for place in self.places.iter_mut().flatten() {
            let held = &place.held;
            let lasted = now.saturating_sub(held.asked);
            if !held.is_held(now) || lasted >= endpoint.renewed_for() {
                place.due = Duration::MAX;
            }
            // A third of the lease has passed since it was renewed.
            let renewal = held.until().saturating_sub(again.saturating_mul(4));
            place.due = place.due.max(renewal);
            if place.due <= now {
                due.push(Arc::clone(held));
                place.due = now.saturating_add(again);
            }
            pause = pause.min(place.due.saturating_sub(now));
        }
        (due, pause)
    }
}
