//! Where calls wait for a store's workers, which take many at a time: what the databases have in
//! common. What a batch is, and where a worker runs, is theirs.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use countersign::{StoreError, StoreErrorKind};
use tokio::sync::oneshot;

use crate::error::Failure;

/// A call, and who waits for its answer.
pub(crate) struct Call<Q, A> {
    pub(crate) ask: Q,
    reply: oneshot::Sender<Result<A, StoreError>>,
}

/// What a caller waits for.
pub(crate) struct Reply<A>(oneshot::Receiver<Result<A, StoreError>>);

impl<Q, A> Call<Q, A> {
    pub(crate) fn new(ask: Q) -> (Self, Reply<A>) {
        let (reply, answer) = oneshot::channel();
        (Self { ask, reply }, Reply(answer))
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    fn answer(self, answer: Result<A, StoreError>) {
        // A caller that does not wait any more need not know.
        let _ = self.reply.send(answer);
    }
}

impl<A> Reply<A> {
    /// The answer; an error if the worker that had taken the call ended without one.
    pub(crate) async fn wait(self, ended: &'static str) -> Result<A, StoreError> {
        let answer = self.0.await;
        answer.unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Unavailable, ended)))
    }
}

/// Takes up to `most` calls, the first ones.
pub(crate) fn take<C>(calls: &mut Vec<C>, most: usize) -> Vec<C> {
    let rest = calls.split_off(calls.len().min(most));
    mem::replace(calls, rest)
}

/// Gives every call its answer, or what failed.
pub(crate) fn answer<Q, A>(calls: Vec<Call<Q, A>>, answers: Result<Vec<A>, Failure>) {
    match answers {
        Ok(answers) => tell(calls, answers),
        Err(failure) => fail(calls, &failure),
    }
}

pub(crate) fn tell<Q, A>(calls: Vec<Call<Q, A>>, answers: Vec<A>) {
    for (call, answer) in calls.into_iter().zip(answers) {
        call.answer(Ok(answer));
    }
}

pub(crate) fn fail<Q, A>(calls: Vec<Call<Q, A>>, failure: &Failure) {
    for call in calls {
        call.answer(Err(failure.clone().into()));
    }
}

/// The calls that wait, and whether a worker is there.
pub(crate) struct Room<C>(Mutex<State<C>>);

pub(crate) struct State<C> {
    pub(crate) calls: C,
    workers: usize,
}

impl<C: Default> Default for Room<C> {
    fn default() -> Self {
        Self(Mutex::new(State { calls: C::default(), workers: 0 }))
    }
}

impl<C> Room<C> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<C>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store with workers.
pub(crate) trait Workplace: Send + Sync + Sized + 'static {
    type Calls: Default + Send;

    /// How many work at a time.
    const WORKERS: usize;

    fn room(&self) -> &Room<Self::Calls>;

    /// Starts a worker. Where that is not possible, the shift is dropped.
    fn start(shift: Shift<Self>);

    /// Queues a call, and starts a worker if there is room for one more.
    fn queue<Q, A>(
        self: &Arc<Self>,
        put: impl FnOnce(&mut Self::Calls, Call<Q, A>),
        ask: Q,
    ) -> Reply<A> {
        let (call, reply) = Call::new(ask);
        let shift = {
            let mut state = self.room().lock();
            put(&mut state.calls, call);
            (state.workers < Self::WORKERS).then(|| Shift::new(self, &mut state))
        };
        if let Some(shift) = shift {
            Self::start(shift);
        }
        reply
    }
}

/// A worker's time at work.
pub(crate) struct Shift<W: Workplace> {
    place: Arc<W>,
    begun: bool,
}

impl<W: Workplace> Shift<W> {
    fn new(place: &Arc<W>, state: &mut State<W::Calls>) -> Self {
        state.workers = state.workers.saturating_add(1);
        Self { place: Arc::clone(place), begun: false }
    }

    pub(crate) fn place(&self) -> Arc<W> {
        Arc::clone(&self.place)
    }

    /// The worker begins.
    pub(crate) fn begin(&mut self) -> Arc<W> {
        self.begun = true;
        Arc::clone(&self.place)
    }
}

/// A panic costs the calls that it came from. Another worker takes those behind them.
impl<W: Workplace> Drop for Shift<W> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.place.room().lock();
            state.workers = state.workers.saturating_sub(1);
            let panicked = self.begun && thread::panicking();
            panicked.then(|| Self::new(&self.place, &mut state))
        };
        if let Some(next) = next {
            W::start(next);
        }
    }
}
