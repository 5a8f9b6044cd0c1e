//! A claim that the store gave: what is known of its lease, and whose turn it is to call.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::verdict::Verdict;
use crate::dedup::{ClaimToken, Transactional};
use crate::endpoint::Endpoint;
use crate::key::EventKey;

/// A claim that is held, or was.
///
/// Times are of the endpoint's clock, [`Clock::monotonic`](crate::Clock::monotonic). A lease counts
/// from when the store was asked, because nobody knows when it answered.
pub(crate) struct Held {
    pub(crate) key: EventKey,
    pub(crate) token: ClaimToken,
    pub(crate) retention: Duration,
    pub(crate) transactional: Option<Transactional>,
    pub(crate) verdict: Verdict,
    endpoint: Endpoint,
    /// When the store was asked first.
    pub(super) asked: Duration,
    /// Until when the lease holds for certain, in nanoseconds.
    until: AtomicU64,
    /// Until when it may hold in the store, by a renewal that was asked for and not answered.
    latest: AtomicU64,
    state: AtomicU8,
    /// Whether a renewal was not answered: it may still be on its way.
    unanswered: AtomicBool,
    /// Whether the handler has called for its completion in a transaction, whatever came of the call.
    transacted: AtomicBool,
    /// Whether its last other step in a transaction has not got its answer.
    step_unanswered: AtomicBool,
    /// Whether the metrics count it among those in flight, and whether among those lost.
    counted: AtomicBool,
    counted_lost: AtomicBool,
    turn: Mutex<Turn>,
}

/// What is known of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is held while its lease lasts.
    Held,
    /// Somebody else may have it, or it was released.
    Lost,
    /// The handler completed it in a transaction. Whether that commits is not known: if it does not,
    /// the claim is still held while its lease lasts.
    InTransaction,
    /// It is completed.
    Done,
}

/// The calls of one token go one after the other: a renewal that is under way has ended before the
/// claim is settled, and none begins afterwards.
#[derive(Default)]
struct Turn {
    renewing: bool,
    settling: bool,
    waiting: Option<Waker>,
}

impl Held {
    pub(super) fn new(
        endpoint: Endpoint,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
        transactional: Option<Transactional>,
        asked: Duration,
    ) -> Self {
        let until = nanos(asked.saturating_add(endpoint.lease()));
        let counted = endpoint.metrics().claimed(&endpoint);
        Self {
            key,
            token,
            retention,
            transactional,
            verdict: Verdict::default(),
            endpoint,
            asked,
            until: AtomicU64::new(until),
            latest: AtomicU64::new(until),
            state: AtomicU8::new(State::Held as u8),
            unanswered: AtomicBool::new(false),
            transacted: AtomicBool::new(false),
            step_unanswered: AtomicBool::new(false),
            counted: AtomicBool::new(counted),
            counted_lost: AtomicBool::new(false),
            turn: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Held,
            1 => State::Lost,
            2 => State::InTransaction,
            _ => State::Done,
        }
    }

    pub(crate) fn set(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Changes the state if it is still what it is thought to be, and tells whether it was.
    pub(super) fn change(&self, from: State, to: State) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// It is settled, or nobody tries to settle it any more.
    pub(super) fn ended(&self) {
        if self.counted.swap(false, Ordering::Relaxed) {
            self.endpoint.metrics().settled();
        }
    }

    /// It was somebody else's before it was settled, or nobody's.
    pub(super) fn lost(&self) {
        if !self.counted_lost.swap(true, Ordering::Relaxed) {
            self.endpoint.metrics().lost(&self.endpoint);
        }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.state() != State::Done && !self.is_held(self.endpoint.monotonic())
    }

    /// Whether the lease holds, by all that is known.
    pub(super) fn is_held(&self, now: Duration) -> bool {
        matches!(self.state(), State::Held | State::InTransaction) && now < self.until()
    }

    /// Until when the lease holds.
    pub(super) fn until(&self) -> Duration {
        Duration::from_nanos(self.until.load(Ordering::Acquire))
    }

    /// The store was asked again at `asked`, and the lease starts anew.
    pub(super) fn renewed(&self, asked: Duration) {
        let until = nanos(asked.saturating_add(self.endpoint.lease()));
        self.until.fetch_max(until, Ordering::AcqRel);
    }

    /// A renewal that was asked for at `asked` was not answered.
    pub(super) fn not_answered(&self, asked: Duration) {
        self.latest.fetch_max(nanos(latest(&self.endpoint, asked)), Ordering::AcqRel);
        self.unanswered.store(true, Ordering::Release);
    }

    /// Until when the store may hold the claim, if nothing renews or settles it.
    pub(super) fn latest(&self) -> Duration {
        self.until().max(Duration::from_nanos(self.latest.load(Ordering::Acquire)))
    }

    pub(super) fn has_unanswered(&self) -> bool {
        self.unanswered.load(Ordering::Acquire)
    }

    /// The handler wants its own transaction to complete it.
    pub(super) fn transact(&self) {
        self.transacted.store(true, Ordering::Release);
    }

    /// Whether it has begun another step in a transaction that this claim has to hold for, and has no answer.
    pub(super) fn step(&self, is_unanswered: bool) {
        self.step_unanswered.store(is_unanswered, Ordering::Release);
    }

    /// Whether it is up to the handler's transaction that the event is handled.
    pub(super) fn is_transacted(&self) -> bool {
        self.transacted.load(Ordering::Acquire) || self.step_unanswered.load(Ordering::Acquire)
    }

    /// The turn to renew, unless there is nothing to renew any more.
    pub(super) fn turn_to_renew(&self) -> Option<RenewalTurn<'_>> {
        let mut turn = self.turn();
        if turn.settling || turn.renewing {
            return None;
        }
        turn.renewing = true;
        Some(RenewalTurn(self))
    }

    /// Waits for the renewal that is under way, if there is one, and ends the renewing. Cancel safe.
    pub(super) async fn turn_to_settle(&self) {
        poll_fn(|cx| {
            let mut turn = self.turn();
            turn.settling = true;
            if !turn.renewing {
                return Poll::Ready(());
            }
            turn.waiting = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        // No code panics while it holds the lock.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whatever becomes of a claim, it does not stay in flight.
impl Drop for Held {
    fn drop(&mut self) {
        self.ended();
    }
}

/// A renewal that is under way, until this is dropped.
pub(super) struct RenewalTurn<'a>(&'a Held);

impl Drop for RenewalTurn<'_> {
    fn drop(&mut self) {
        let mut turn = self.0.turn();
        turn.renewing = false;
        let waiting = turn.waiting.take();
        drop(turn);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

/// When a lease ends at the latest that the store was asked for at `asked`, if it has not answered: it
/// counts from when the question arrived.
pub(super) fn latest(endpoint: &Endpoint, asked: Duration) -> Duration {
    asked.saturating_add(endpoint.store_timeout()).saturating_add(endpoint.lease())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
