//! Where calls wait for a store's workers, which take many at a time: what the databases have in
//! common. What a batch is, and where a worker runs, is theirs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use countersign::{StoreError, StoreErrorKind};
use tokio::sync::oneshot;

use crate::error::Failure;

/// A call, and who waits for its answer.
pub(crate) struct Call<Q, A> {
    pub(crate) ask: Q,
    reply: oneshot::Sender<Result<A, StoreError>>,
}

impl<Q, A> Call<Q, A> {
    pub(crate) fn answer(self, answer: Result<A, Failure>) {
        // A caller that does not wait any more need not know.
        let _ = self.reply.send(answer.map_err(StoreError::from));
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    /// Waits until it is cancelled.
    #[cfg(feature = "postgres")]
    pub(crate) async fn cancelled(&mut self) {
        self.reply.closed().await;
    }
}

/// What a caller waits for.
pub(crate) type Reply<A> = oneshot::Receiver<Result<A, StoreError>>;

/// What a caller has been given: an error if the worker that had the call ended without an answer.
pub(crate) fn answered<A>(
    reply: Result<Result<A, StoreError>, oneshot::error::RecvError>,
    ended: &'static str,
) -> Result<A, StoreError> {
    reply.unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Unavailable, ended)))
}

/// Takes the first calls, up to `most`.
#[cfg(feature = "sqlite")]
pub(crate) fn take<C>(calls: &mut Vec<C>, most: usize) -> Vec<C> {
    let rest = calls.split_off(calls.len().min(most));
    std::mem::replace(calls, rest)
}

/// Gives every call its answer.
#[cfg(feature = "sqlite")]
pub(crate) fn tell<Q, A>(calls: Vec<Call<Q, A>>, answers: Vec<A>) {
    for (call, answer) in calls.into_iter().zip(answers) {
        call.answer(Ok(answer));
    }
}

/// Tells every call what failed.
pub(crate) fn fail<Q, A>(calls: Vec<Call<Q, A>>, failure: &Failure) {
    for call in calls {
        call.answer(Err(failure.clone()));
    }
}

/// A store with workers.
pub(crate) trait Workplace: Send + Sync + Sized + 'static {
    /// The calls that wait.
    type Calls: Default + Send;

    /// How many work at a time.
    const WORKERS: usize;

    /// How long a worker may show no sign of life before another one is started beside it.
    const PATIENCE: Duration;

    fn room(&self) -> &Room<Self::Calls>;

    /// Starts a worker. Where that is not possible, the shift is dropped.
    fn start(shift: Shift<Self>);

    /// Queues a call, and starts a worker if one is missing.
    fn queue<Q, A>(
        self: &Arc<Self>,
        put: impl FnOnce(&mut Self::Calls, Call<Q, A>),
        ask: Q,
    ) -> Reply<A> {
        let (reply, answer) = oneshot::channel();
        self.start_if(|calls| {
            put(calls, Call { ask, reply });
            true
        });
        answer
    }

    /// Starts a worker if one is missing, and there is something to do.
    fn start_if(self: &Arc<Self>, there_is_work: impl FnOnce(&mut Self::Calls) -> bool) {
        let shift = {
            let mut state = self.room().lock();
            let there_is_work = there_is_work(&mut state.calls);
            let seat = if there_is_work { state.seat(Self::WORKERS, Self::PATIENCE) } else { None };
            seat.map(|seat| Shift { place: Arc::clone(self), seat: Some(seat), begun: false })
        };
        if let Some(shift) = shift {
            Self::start(shift);
        }
    }
}

/// The calls that wait, and the workers.
pub(crate) struct Room<C>(Mutex<State<C>>);

pub(crate) struct State<C> {
    pub(crate) calls: C,
    seats: Vec<Option<Seat>>,
}

/// What a worker is at, and since when.
#[derive(Clone, Copy)]
struct Seat {
    /// It is about to take what waits.
    is_free: bool,
    since: Instant,
}

impl<C: Default> Default for Room<C> {
    fn default() -> Self {
        Self(Mutex::new(State { calls: C::default(), seats: Vec::new() }))
    }
}

impl<C> Room<C> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<C>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However many workers are stuck, there are no more than this.
const MOST_SEATS: usize = 16;

impl<C> State<C> {
    /// A seat for one more worker, if one is missing.
    fn seat(&mut self, workers: usize, patience: Duration) -> Option<usize> {
        let now = Instant::now();
        let is_alive = |seat: &&Seat| now.saturating_duration_since(seat.since) < patience;
        let alive = || self.seats.iter().flatten().filter(is_alive);
        if alive().any(|seat| seat.is_free) || alive().count() >= workers {
            return None;
        }
        let free = self.seats.iter().position(Option::is_none).unwrap_or(self.seats.len());
        if free == self.seats.len() {
            (free < MOST_SEATS).then(|| self.seats.push(None))?;
        }
        self.set(free, Some(Seat { is_free: true, since: now }));
        Some(free)
    }

    fn set(&mut self, number: usize, seat: Option<Seat>) {
        if let Some(place) = self.seats.get_mut(number) {
            *place = seat;
        }
    }
}

/// A worker's time at work.
pub(crate) struct Shift<W: Workplace> {
    pub(crate) place: Arc<W>,
    /// None when it is over.
    seat: Option<usize>,
    begun: bool,
}

impl<W: Workplace> Shift<W> {
    /// The worker begins.
    pub(crate) fn begin(&mut self) -> Arc<W> {
        self.begun = true;
        Arc::clone(&self.place)
    }

    /// The worker shows a sign of life. If it is free, no other one is started for what comes now.
    #[cfg(feature = "postgres")]
    pub(crate) fn is_free(&self, is_free: bool) {
        if let Some(seat) = self.seat {
            self.place.room().lock().set(seat, Some(Seat { is_free, since: Instant::now() }));
        }
    }

    /// What to do next. If there is nothing the shift is over, in the same moment: a call that comes
    /// later starts another worker.
    #[cfg(feature = "postgres")]
    pub(crate) fn next<T>(&mut self, take: impl FnOnce(&mut W::Calls) -> Option<T>) -> Option<T> {
        let mut state = self.place.room().lock();
        let next = take(&mut state.calls);
        let busy = next.is_some().then(|| Seat { is_free: false, since: Instant::now() });
        if let Some(seat) = self.seat {
            state.set(seat, busy);
        }
        self.seat = self.seat.filter(|_| busy.is_some());
        next
    }
}

/// A panic costs the calls that it came from. Another worker takes those behind them.
impl<W: Workplace> Drop for Shift<W> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.place.room().lock().set(seat, None);
        }
        if self.begun && thread::panicking() {
            self.place.start_if(|_| true);
        }
    }
}
