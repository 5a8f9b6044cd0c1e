//! Claims that could not be settled at once: they are settled in the background, until the store has
//! answered or the lease has run out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Inner;
use super::held::{Held, State, latest};
use super::store_calls::ClaimCall;
use super::tasks::RunningHandler;
use crate::dedup::{ClaimToken, Claimed, Settled, Store, StoreError, StoreErrorKind};
use crate::delivery::Delivery;
use crate::key::EventKey;
use crate::report::metrics::Operation;
use crate::report::{Handled, Outcome, Reason, Stages};
use crate::trace;

/// How a claim ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The event is handled: remember it for this long.
    Complete(Duration),
    /// It is not: accept its next delivery.
    Release,
    /// Its handler did not begin: accept its next delivery, and take back what was perhaps counted.
    Untried,
}

/// The end of a claim, on its way to the store. It keeps nothing of the delivery's body.
pub(crate) struct Settling {
    pub(super) key: EventKey,
    pub(super) token: ClaimToken,
    pub(super) end: End,
    /// When the lease has run out in the store as well.
    pub(super) until: Duration,
    /// Whether the store was called once, and did not answer.
    pub(super) tried: bool,
    /// The claim, if the store gave it.
    pub(super) held: Option<Arc<Held>>,
    /// What a shutdown waits for.
    pub(super) running: Option<RunningHandler>,
    /// What to report when the store has answered, or could not.
    pub(super) report: Option<Box<LateReport>>,
}

/// What is said of a handled delivery when its end is known.
pub(crate) struct LateReport {
    pub(super) delivery: Delivery,
    pub(super) status: Option<u16>,
    pub(super) stages: Stages,
    /// From the head to the answer.
    pub(super) elapsed: Option<Duration>,
    pub(super) span: trace::Span,
}

/// The ends that wait, and the tasks that work on them.
#[derive(Default)]
pub(crate) struct Settlings(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Settling>,
    /// How many of these are of claims that may never have been made.
    doubtful: usize,
    workers: usize,
}

/// How many tasks work at once: few, because a store that cannot answer is not helped by many.
const WORKERS: usize = 8;

/// How many ends of claims that may never have been made are kept. Whoever replays one delivery
/// while the store is away causes one each time. A further claim, if it was made after all, stays
/// until its lease ends.
const MOST_DOUBTFUL: usize = 10_000;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Settling {
    /// Calls the store once; gives what is wrong although it answered.
    pub(super) async fn once<S: Store>(
        &mut self,
        inner: &Arc<Inner<S>>,
    ) -> Result<Option<Reason>, StoreError> {
        let is_repeated = std::mem::replace(&mut self.tried, true);
        // The calls of a token go one after the other.
        if let Some(held) = &self.held {
            held.turn_to_settle().await;
            // A renewal that was under way may have made it later.
            self.until = self.until.max(held.latest());
        }
        let (settled, operation) = match self.end {
            End::Complete(retention) => {
                (inner.calls.complete(self.key, self.token, retention).await, Operation::Complete)
            }
            End::Release | End::Untried => {
                (inner.calls.release(self.key, self.token).await, Operation::Release)
            }
        };
        let settled = settled.inspect_err(|error| inner.store_failed(operation, error))?;
        if self.end == End::Untried {
            // After the release: an attempt that arrives now is not counted any more. In a box, because
            // every delivery's future would have room for it.
            let uncounted = Box::pin(inner.calls.uncount(self.key, self.token)).await;
            uncounted.inspect_err(|error| inner.store_failed(Operation::Attempt, error))?;
        }
        let (state, reason) = match (self.end, settled) {
            (End::Complete(_), Settled::Settled) => (State::Done, None),
            (End::Complete(_), Settled::Lost) => (State::Lost, Some(Reason::ClaimLost)),
            // A lost claim has nothing to release.
            (End::Release | End::Untried, _) => (State::Lost, None),
        };
        if let Some(held) = &self.held {
            // A release that is repeated finds nothing where the first one's answer was lost.
            let is_own = matches!(held.state(), State::InTransaction | State::Done);
            if settled == Settled::Lost && !is_own && !is_repeated {
                held.lost();
            }
            held.ended();
            held.set(state);
            if reason.is_some() && held.has_unanswered() {
                // A renewal may still arrive, and nobody would settle what it claims.
                Settlings::add(inner, self.release_as_well(inner));
            }
        }
        Ok(reason)
    }

    fn release_as_well<S: Store>(&self, inner: &Inner<S>) -> Self {
        let until = latest(&inner.endpoint, inner.endpoint.monotonic());
        let (key, token, end) = (self.key, self.token, End::Release);
        Self { key, token, end, until, tried: false, held: None, running: None, report: None }
    }

    /// Whether the claim may never have been made.
    fn is_doubtful(&self) -> bool {
        self.held.is_none() && self.running.is_none()
    }

    /// Reports how it has ended.
    fn report<S: Store>(self, inner: &Inner<S>, reason: Reason) {
        if let Some(held) = &self.held {
            held.ended();
            if reason == Reason::NotRecorded {
                held.lost();
            }
        }
        if let Some(report) = self.report {
            report.give(inner, Outcome::Accepted, reason);
        }
    }
}

impl LateReport {
    pub(super) fn give<S>(self, inner: &Inner<S>, outcome: Outcome, reason: Reason) {
        let Self { delivery, status, stages, elapsed, span } = self;
        let (delivery, stages, reason) = (&delivery, &stages, Some(reason));
        let handled = Handled { delivery, outcome, status, reason, stages, elapsed };
        trace::in_scope(&span, || inner.reporter.handled(handled));
    }
}

impl Settlings {
    /// Settles in the background. Without a runtime there is only the report.
    pub(super) fn add<S: Store>(inner: &Arc<Inner<S>>, settling: Settling) {
        let Some(runtime) = inner.calls.runtime() else {
            return settling.report(inner, Reason::NotRecorded);
        };
        let mut queue = inner.settlings.lock();
        if settling.is_doubtful() && queue.doubtful >= MOST_DOUBTFUL {
            return;
        }
        queue.push(settling);
        if queue.workers < WORKERS {
            queue.workers += 1;
            drop(queue);
            let worker = Worker { inner: Arc::clone(inner), over: false };
            runtime.spawn(worker.work());
        }
    }

    /// Waits for a claim whose delivery is gone, and releases it then, if it was made or may
    /// have been. It has a task of its own: a call that is not polled may hold a connection that the
    /// others wait for.
    pub(super) fn add_after<S: Store>(
        inner: &Arc<Inner<S>>,
        claiming: ClaimCall,
        running: RunningHandler,
        settling: Settling,
    ) {
        let Some(runtime) = inner.calls.runtime() else { return };
        let inner = Arc::clone(inner);
        runtime.spawn(async move {
            match claiming.await {
                Ok(Claimed::Fresh) => {
                    Self::add(&inner, Settling { running: Some(running), ..settling });
                }
                Ok(Claimed::Done | Claimed::InFlight { .. }) => {}
                Err(error) if error.kind() == StoreErrorKind::Full => {}
                Err(_) => Self::add(&inner, settling),
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, settling: Settling) {
        self.doubtful += usize::from(settling.is_doubtful());
        self.waiting.push_back(settling);
    }

    fn pop(&mut self) -> Option<Settling> {
        let settling = self.waiting.pop_front()?;
        self.doubtful -= usize::from(settling.is_doubtful());
        Some(settling)
    }
}

/// A task that works until nothing waits.
struct Worker<S: Store> {
    inner: Arc<Inner<S>>,
    over: bool,
}

impl<S: Store> Worker<S> {
    async fn work(mut self) {
        let mut pause = FIRST_PAUSE;
        while let Some(mut settling) = self.next() {
            match settling.once(&self.inner).await {
                Ok(reason) => {
                    settling.report(&self.inner, reason.unwrap_or(Reason::RecordedLate));
                    pause = FIRST_PAUSE;
                }
                Err(_) => {
                    let left = settling.until.saturating_sub(self.inner.endpoint.monotonic());
                    if left.is_zero() {
                        settling.report(&self.inner, Reason::NotRecorded);
                        continue;
                    }
                    // The others have their turn: it may be this key that cannot be settled.
                    self.inner.settlings.lock().push(settling);
                    let Some(runtime) = self.inner.calls.runtime() else { return };
                    runtime.sleep(pause.min(left)).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// The next end. If there is none, the task is over in the same step, so that whoever adds one
    /// starts another task.
    fn next(&mut self) -> Option<Settling> {
        let now = self.inner.endpoint.monotonic();
        let mut expired = Vec::new();
        let mut queue = self.inner.settlings.lock();
        let mut next = queue.pop();
        // After the lease's end one try is enough, and a shutdown waits no longer.
        let is_over = |next: &mut Settling| next.until <= now && (next.tried || next.is_doubtful());
        while let Some(over) = next.take_if(is_over) {
            expired.push(over);
            next = queue.pop();
        }
        if next.is_none() {
            queue.waiting = VecDeque::new();
            queue.workers -= 1;
            self.over = true;
        }
        drop(queue);
        for over in expired {
            over.report(&self.inner, Reason::NotRecorded);
        }
        next
    }
}

/// A task that is cut short, by the end of its runtime, leaves its place to the next.
impl<S: Store> Drop for Worker<S> {
    fn drop(&mut self) {
        if !self.over {
            self.inner.settlings.lock().workers -= 1;
        }
    }
}
