//! The look-ups that are under way, one at a time for a name, and those who wait for them.
//!
//! Each runs in a task of its own where there is a runtime. So no sender can end it by hanging up, and one that
//! hangs is given up as a whole. If it ran in the request that asked first, each of those who wait would get it
//! with less time than a look-up takes, one after the other.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, OnceCell};

use super::lookups::{Answer, Asked, Lookups};
use crate::endpoint::Endpoint;
use crate::runtime::{Runtime, poll_limit};
use crate::trace;

/// All of them, by name.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Box<str>, Arc<Flight>>>);

impl Flights {
    pub(super) fn has(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    /// Does this, and ends what is under way for the name: those who come from here on ask anew.
    pub(super) fn end(&self, name: &str, then: impl FnOnce()) {
        let mut flights = self.lock();
        flights.remove(name);
        then();
    }

    /// Does this, if the look-up was not ended.
    pub(super) fn unless_ended(&self, name: &str, flight: &Arc<Flight>, then: impl FnOnce()) {
        let flights = self.lock();
        if flights.get(name).is_some_and(|current| Arc::ptr_eq(current, flight)) {
            then();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Flight>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look-up that is under way, and its answer.
#[derive(Default)]
pub(super) struct Flight {
    /// Set when it has begun; without a runtime, when it has ended.
    begun: OnceCell<()>,
    answer: OnceLock<Answer>,
    /// How many have a place at it. It changes under the lock of all flights, or while there is another place.
    seats: AtomicUsize,
    /// Those who wait for the answer, in their order: a simulation needs the same one each time.
    waiting: Notify,
}

impl Flight {
    /// Gives the answer to all. The first answer is the one that counts.
    fn end(&self, answer: Answer) {
        let _ = self.answer.set(answer);
        self.waiting.notify_waiters();
    }
}

impl Lookups {
    /// Looks a tenant up, or waits for the look-up that is under way. Without a runtime it runs in the one that
    /// asked first; if that one is dropped, another one that waits goes on with it.
    pub(super) async fn ask(
        self: Arc<Self>,
        endpoint: Endpoint,
        name: Box<str>,
        runtime: Option<Runtime>,
    ) -> Asked {
        let timeout = self.settings.timeout;
        let seat = Seat::take(self, name);
        let asked = within(timeout, runtime, seat.answer(&endpoint, runtime)).await;
        asked.unwrap_or_else(|| {
            // A look-up that has begun says itself that it takes too long. This one waited for its turn.
            if !seat.flight.begun.initialized() {
                seat.lookups.crowded(&endpoint);
            }
            Asked { answer: Answer::Failed, is_new: false }
        })
    }

    /// Says from time to time that too many look-ups were under way. None has failed.
    fn crowded(&self, endpoint: &Endpoint) {
        let Some(count) = self.waited.note(endpoint.monotonic()) else { return };
        let (most, timeout) = (self.settings.concurrent, self.settings.timeout);
        let problem =
            format!("their turn did not come within {timeout:?}: {most} look-ups were under way");
        trace::secrets_not_resolved(endpoint, count, &problem);
    }

    fn timed_out(&self, endpoint: &Endpoint, name: &str) {
        self.failed(endpoint, name, &format!("no answer within {:?}", self.settings.timeout));
    }
}

/// A place among those that wait for one look-up; the look-up has one itself. The last one to leave takes the
/// look-up away, so that names leave nothing behind.
struct Seat {
    lookups: Arc<Lookups>,
    name: Box<str>,
    flight: Arc<Flight>,
}

impl Seat {
    fn take(lookups: Arc<Lookups>, name: Box<str>) -> Self {
        let mut flights = lookups.flights.lock();
        let flight = Arc::clone(flights.entry(name.clone()).or_default());
        flight.seats.fetch_add(1, Ordering::Relaxed);
        drop(flights);
        Self { lookups, name, flight }
    }

    /// Another one at the same look-up. While this one is there, nobody leaves as the last.
    fn beside(&self) -> Self {
        let (lookups, flight) = (Arc::clone(&self.lookups), Arc::clone(&self.flight));
        flight.seats.fetch_add(1, Ordering::Relaxed);
        Self { lookups, name: self.name.clone(), flight }
    }

    async fn answer(&self, endpoint: &Endpoint, runtime: Option<Runtime>) -> Asked {
        let mut is_new = false;
        let begin = || {
            is_new = true;
            self.begin(endpoint, runtime)
        };
        self.flight.begun.get_or_init(begin).await;
        let end = self.flight.waiting.notified();
        if self.flight.answer.get().is_none() {
            end.await;
        }
        let answer = self.flight.answer.get().cloned().unwrap_or(Answer::Failed);
        Asked { answer, is_new }
    }

    /// Its turn is waited for in the request, so that senders who hang up leave no queue of tasks.
    async fn begin(&self, endpoint: &Endpoint, runtime: Option<Runtime>) {
        let permit = self.lookups.permit(&self.name).await;
        let Some(runtime) = runtime else {
            let answer = self.lookups.look_up(endpoint, &self.name, &self.flight).await;
            self.flight.end(answer);
            return;
        };
        let (under_way, endpoint) = (UnderWay(self.beside()), endpoint.clone());
        runtime.spawn_here(async move {
            let Seat { lookups, name, flight } = &under_way.0;
            let answer = lookups.look_up(&endpoint, name, flight);
            let answer = within(lookups.settings.timeout, Some(runtime), answer).await;
            let answer = answer.unwrap_or_else(|| {
                lookups.timed_out(&endpoint, name);
                Answer::Failed
            });
            flight.end(answer);
            drop(permit);
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut flights = self.lookups.flights.lock();
        let is_last = self.flight.seats.fetch_sub(1, Ordering::Relaxed) == 1;
        let is_mine =
            flights.get(&self.name).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        let is_over = self.flight.answer.get().is_some();
        if is_mine && (is_over || is_last) {
            // Those who come from here on ask anew.
            flights.remove(&self.name);
        }
    }
}

/// The seat of a look-up in its task. If the task is dropped before its end, as when a runtime is shut down, nobody
/// waits for it.
struct UnderWay(Seat);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.flight.end(Answer::Failed);
    }
}

/// What a future gives within this time; `None` if that is too late. There is no limit without a runtime.
async fn within<F: Future>(
    time: Duration,
    runtime: Option<Runtime>,
    future: F,
) -> Option<F::Output> {
    let (mut future, mut timer) = (pin!(future), None);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => poll_limit(&mut timer, runtime, time, cx).map(|()| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::catalogue;
    use crate::resolver::{ResolveError, ResolvedSecrets};

    fn lookups(settings: impl FnOnce(ResolvedSecrets) -> ResolvedSecrets) -> Endpoint {
        let nobody = |_: String| ready(Ok::<_, ResolveError>(None));
        let secrets = settings(ResolvedSecrets::by_path("/{tenant}", nobody));
        let github = catalogue::provider("github").unwrap();
        Endpoint::builder("github", github).resolve(secrets).build().unwrap()
    }

    /// Two leave at the same time: the flight of the first is still there when the second one looks.
    #[test]
    fn those_who_leave_at_once_leave_nothing_behind() {
        let endpoint = lookups(|secrets| secrets);
        let lookups = endpoint.lookups().unwrap();
        let sit = || Seat::take(Arc::clone(lookups), "acme".into());
        let (first, second) = (sit(), sit());
        let leaving = Arc::clone(&first.flight);
        drop(first);
        assert!(lookups.flights.has("acme"), "the second one waits for it");
        drop(second);
        drop(leaving);
        assert!(!lookups.flights.has("acme"));
    }

    /// A flood of names is not an outage of the resolver.
    #[cfg(feature = "tokio")]
    #[test]
    fn a_look_up_that_does_not_come_to_its_turn_has_not_failed() {
        let soon = Duration::from_millis(20);
        let endpoint = lookups(|secrets| secrets.concurrent(1).timeout(soon));
        let lookups = endpoint.lookups().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let _under_way = lookups.permit("another").await;
            let asks = Arc::clone(lookups);
            let asked = asks.ask(endpoint.clone(), "acme".into(), Some(Runtime::tokio())).await;
            assert!(matches!(asked.answer, Answer::Failed));
        });
        // The first of each kind is noted at once, others a minute later.
        let now = endpoint.monotonic();
        assert_eq!(lookups.failures.note(now), Some(1));
        assert_eq!(lookups.waited.note(now), None);
    }
}
