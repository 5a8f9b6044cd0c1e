//! The places for connections, and who loses one when all are taken.
//!
//! Senders that send slowly, or nothing, would keep their places until a deadline, and connect
//! again at once. So when all places are taken, a new connection gets the place of the slowest one
//! that still waits for its sender. A connection whose request has arrived keeps its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout;

/// Bytes a second. A connection that sends less gets slower with time; one that sends more does not.
const PACE: u64 = 16 * 1024;

/// How long a connection keeps its place in any case: a request that follows at once must not be
/// cut off because others came in the meantime. 1024 places then serve 10 000 connections a second.
const GRACE: Duration = Duration::from_millis(100);

/// How often the log says that places are short: strangers can make it so.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// So many connections at a time. Clones are the same.
#[derive(Clone)]
pub(super) struct Places(Arc<Shared>);

struct Shared {
    most: usize,
    taken: Mutex<Taken>,
    /// A place is free, or another connection may be asked to leave.
    changed: Notify,
}

#[derive(Default)]
struct Taken {
    next: u64,
    seats: BTreeMap<u64, Arc<Seat>>,
    /// How many connections were closed to make room, since it was said last.
    closed: u64,
    said_closed: Option<Instant>,
    said_full: Option<Instant>,
}

/// A place, taken until its last clone is dropped. The connection has one, and so has a handler,
/// which may go on after its sender hung up.
#[derive(Clone)]
pub(crate) struct Place(Arc<Guard>);

struct Guard {
    places: Places,
    number: u64,
    seat: Arc<Seat>,
}

/// What is known of the connection in a place.
struct Seat {
    state: Mutex<State>,
    /// It is asked to leave.
    leave: Notify,
}

struct State {
    phase: Phase,
    asked: bool,
    /// When the phase began.
    began: Instant,
    /// The same, moved on with each byte by what it takes at [`PACE`]. The slowest connection is the
    /// one where this is earliest.
    pace: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// For the rest of a request, or for the next one.
    Waiting,
    /// The request has arrived and is not answered yet.
    Working,
    /// The connection is closed. A handler may still run.
    Closed,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Shared { most, taken: Mutex::default(), changed: Notify::new() }))
    }

    /// Takes a place, once there is one. If all are taken, the slowest connection is asked to
    /// leave. Cancel safe; for one task at a time.
    pub(super) async fn take(&self) -> Place {
        loop {
            if let Some(place) = self.try_take() {
                return place;
            }
            let pause = self.ask_slowest();
            let _ = timeout(pause, self.0.changed.notified()).await;
        }
    }

    fn try_take(&self) -> Option<Place> {
        let mut taken = self.lock();
        if taken.seats.len() >= self.0.most {
            return None;
        }
        let state = Mutex::new(State::new(Phase::Waiting));
        let seat = Arc::new(Seat { state, leave: Notify::new() });
        let number = taken.next;
        taken.next += 1;
        taken.seats.insert(number, Arc::clone(&seat));
        Some(Place(Arc::new(Guard { places: self.clone(), number, seat })))
    }

    /// Asks the slowest connection to leave, one at a time, so that not more leave than have to.
    /// Gives how long to wait before trying again if nothing changes.
    fn ask_slowest(&self) -> Duration {
        let mut taken = self.lock();
        let mut slowest: Option<(Instant, Instant, &Seat)> = None;
        for seat in taken.seats.values() {
            let state = seat.lock();
            if state.asked {
                return Duration::MAX;
            }
            let slower = slowest.is_none_or(|(pace, ..)| state.pace < pace);
            if state.phase == Phase::Waiting && slower {
                slowest = Some((state.pace, state.began, seat));
            }
        }
        if let Some((_, began, seat)) = slowest {
            let grace = GRACE.saturating_sub(began.elapsed());
            if !grace.is_zero() {
                return grace;
            }
            seat.lock().asked = true;
            seat.leave.notify_one();
        } else if is_due(&mut taken.said_full) {
            drop(taken);
            let places = self.0.most;
            tracing::warn!(places, "all places are taken by deliveries that are being handled");
        }
        Duration::MAX
    }

    /// A connection was closed to make room.
    fn count_closed(&self) {
        let mut taken = self.lock();
        taken.closed += 1;
        if is_due(&mut taken.said_closed) {
            let (places, closed) = (self.0.most, std::mem::take(&mut taken.closed));
            drop(taken);
            tracing::warn!(places, closed, "all places are taken, so slow connections are closed");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it is time to say something again. If so, it counts as said.
fn is_due(said: &mut Option<Instant>) -> bool {
    let due = said.is_none_or(|said| said.elapsed() >= SAY_EVERY);
    if due {
        *said = Some(Instant::now());
    }
    due
}

impl Place {
    /// So many bytes have arrived.
    pub(super) fn received(&self, bytes: usize) {
        let time = Duration::from_micros(bytes as u64 * 1_000_000 / PACE);
        self.0.seat.lock().pace += time;
    }

    /// The request has arrived.
    pub(super) fn works(&self) {
        self.enter(Phase::Working);
    }

    /// The request is answered.
    pub(super) fn waits(&self) {
        self.enter(Phase::Waiting);
    }

    /// The connection is closed.
    pub(super) fn closes(&self) {
        self.enter(Phase::Closed);
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.0.seat.lock();
        if state.phase == Phase::Closed {
            return;
        }
        *state = State::new(phase);
        drop(state);
        self.0.places.0.changed.notify_one();
    }

    /// Comes to its end when the connection has to leave. Poll the connection first each time: what
    /// has arrived counts.
    pub(super) async fn has_to_leave(&self) {
        loop {
            self.0.seat.leave.notified().await;
            let state = self.0.seat.lock();
            if state.asked && state.phase == Phase::Waiting {
                drop(state);
                self.0.places.count_closed();
                return;
            }
        }
    }
}

impl State {
    fn new(phase: Phase) -> Self {
        let now = Instant::now();
        Self { phase, asked: false, began: now, pace: now }
    }
}

impl Seat {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.places.lock().seats.remove(&self.number);
        self.places.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn the_slowest_has_to_leave() {
        let places = Places::new(3);
        let [oldest, slowest, newest] =
            [places.take().await, places.take().await, places.take().await];
        // It has sent a lot in its time.
        oldest.received(1_000_000);
        newest.received(10);
        let leaving = async {
            tokio::select! {
                () = oldest.has_to_leave() => panic!("the oldest"),
                () = newest.has_to_leave() => panic!("the newest"),
                () = slowest.has_to_leave() => {}
            }
            drop(slowest);
        };
        let both = async { tokio::join!(places.take(), leaving).0 };
        drop(timeout(PATIENCE, both).await.unwrap());
    }

    #[tokio::test]
    async fn a_fast_one_does_not_leave_because_a_slower_one_is_new() {
        let places = Places::new(2);
        let fast = places.take().await;
        fast.received(1_000_000);
        tokio::time::sleep(GRACE).await;
        let slow = places.take().await;
        let leaving = async {
            tokio::select! {
                () = fast.has_to_leave() => panic!("the fast one"),
                () = slow.has_to_leave() => {}
            }
            drop(slow);
        };
        let both = async { tokio::join!(places.take(), leaving).0 };
        drop(timeout(PATIENCE, both).await.unwrap());
    }

    #[tokio::test]
    async fn whoever_gets_on_meanwhile_stays_and_the_next_one_leaves() {
        let places = Places::new(2);
        let [first, second] = [places.take().await, places.take().await];
        let leaving = async {
            first.0.seat.leave.notified().await;
            first.works();
            second.has_to_leave().await;
            drop(second);
        };
        let both = async { tokio::join!(places.take(), leaving).0 };
        drop(timeout(PATIENCE, both).await.unwrap());
        assert!(!first.0.seat.lock().asked);
    }

    #[tokio::test]
    async fn whoever_is_closed_is_not_asked() {
        let places = Places::new(2);
        let [closed, open] = [places.take().await, places.take().await];
        closed.closes();
        closed.waits();
        let leaving = async {
            open.has_to_leave().await;
            drop(open);
        };
        let both = async { tokio::join!(places.take(), leaving).0 };
        drop(timeout(PATIENCE, both).await.unwrap());
    }
}
