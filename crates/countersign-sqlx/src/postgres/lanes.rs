//! Who carries out the calls: up to two lanes, each with a connection of the pool. Calls that come while
//! both are at work wait, and go together in the next statement.
//!
//! A lane is a task on the runtime of the call that found it missing. It is no caller's: one that is
//! dropped, or not polled any more, stops no other. A lane that cannot go on (its connection stalls, its
//! runtime is blocked) is not waited for: after [`Workplace::PATIENCE`] the next call, or one that still
//! waits, starts another one.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use countersign::{StoreError, StoreErrorKind};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::runtime::Handle;

use super::batch;
use super::call::{Answer, Ask, Wrong};
use super::group::{Asked, Group, Queued, TOGETHER, is_alone};
use super::place::Place;
use super::retry::{is_of_one_key, may_succeed_again};
use super::waiting::Waiting;
use crate::error::Failure;
use crate::room::{self, Room, Shift, Workplace};

/// How long a lane keeps a connection, though there is always more to do: others wait for one too.
const HELD: Duration = Duration::from_millis(100);

/// How long a statement is waited for that no caller waits for any more.
const GRACE: Duration = Duration::from_millis(500);

/// The lanes, and what they need.
pub(super) struct Lanes {
    pub(super) pool: PgPool,
    pub(super) prepared: bool,
    pub(super) place: Place,
    room: Room<Waiting>,
}

/// What a call is answered.
pub(super) enum Said {
    Answer(Answer),
    /// Another transaction came between. The same may succeed a little later.
    Again(Failure),
}

impl Lanes {
    pub(super) fn new(pool: PgPool, prepared: bool, place: Place) -> Self {
        Self { pool, prepared, place, room: Room::default() }
    }

    /// Queues a call, and waits for what is said to it.
    pub(super) async fn ask(self: &Arc<Self>, ask: Ask, alone: bool) -> Result<Said, StoreError> {
        if Handle::try_current().is_err() {
            return Err(StoreError::new(StoreErrorKind::Unavailable, NO_RUNTIME));
        }
        let put = |waiting: &mut Waiting, call: Queued| waiting.push(call);
        let tried = if alone { TOGETHER } else { 0 };
        let mut reply = self.queue(put, Asked::new(ask, tried));
        loop {
            match tokio::time::timeout(Self::PATIENCE, &mut reply).await {
                Ok(reply) => return room::answered(reply, ENDED),
                Err(_) => self.start_if(|waiting| !waiting.is_empty()),
            }
        }
    }
}

const NO_RUNTIME: &str = "the store was called outside of a tokio runtime";
const ENDED: &str = "the task that had sent the statement ended, with its runtime or by a panic";

impl Workplace for Lanes {
    type Calls = Waiting;

    const WORKERS: usize = 2;
    const PATIENCE: Duration = Duration::from_millis(250);

    fn room(&self) -> &Room<Waiting> {
        &self.room
    }

    fn start(shift: Shift<Self>) {
        // Where there is none any more, the calls that wait start another lane.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(work(shift)));
        }
    }
}

/// A lane, from its first call to its last.
async fn work(mut shift: Shift<Lanes>) {
    let lanes = shift.begin();
    let mut connection = None;
    loop {
        // Callers that have just been answered may have more to ask.
        shift.is_free(true);
        tokio::task::yield_now().await;
        let Some(groups) = shift.next(Waiting::take) else { return };
        let mut taken = Taken { lanes: &lanes, groups };
        connection = match lanes.connection(connection.take()).await {
            Ok(connection) => Some(connection),
            Err(error) => {
                let calls = taken.send().into_iter().flat_map(Group::calls).collect();
                room::fail(calls, &Failure::postgres(error));
                continue;
            }
        };
        taken.take_more();
        shift.is_free(false);
        if let Some(open) = &mut connection
            && !carry_out(&lanes, open, taken.send()).await
        {
            // The pool finds out whether it is of use still.
            connection = None;
        }
    }
}

/// Calls that a lane has taken and not sent. If its runtime ends they are put back, if it panics all
/// but one: it would panic for ever otherwise.
struct Taken<'a> {
    lanes: &'a Lanes,
    groups: Vec<Group>,
}

impl Taken<'_> {
    /// What has come while the connection was waited for.
    fn take_more(&mut self) {
        self.lanes.room.lock().calls.take_more(&mut self.groups);
    }

    fn send(mut self) -> Vec<Group> {
        mem::take(&mut self.groups)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut groups = mem::take(&mut self.groups);
        if std::thread::panicking() && !groups.is_empty() {
            drop(groups.remove(0));
        }
        if !groups.is_empty() {
            self.lanes.room.lock().calls.put_back(groups);
        }
    }
}

/// A connection, and since when the lane has it.
type Held = (PoolConnection<Postgres>, Instant);

impl Lanes {
    /// The connection that the lane has, or another one.
    async fn connection(&self, held: Option<Held>) -> Result<Held, sqlx::Error> {
        match held {
            Some(held) if held.1.elapsed() < HELD && !self.pool.is_closed() => return Ok(held),
            held => drop(held),
        }
        let connection = self.pool.acquire().await?;
        Ok((connection, Instant::now()))
    }
}

/// Runs the calls in one statement and answers them. Tells whether all is well with the connection.
async fn carry_out(lanes: &Lanes, held: &mut Held, mut groups: Vec<Group>) -> bool {
    let asks: Vec<Ask> = groups.iter().map(|group| group.asks.ask.ask).collect();
    let alone = groups.first().is_some_and(|group| is_alone(&group.asks));
    let run = async {
        let statements = lanes.place.statements(&mut held.0).await.map_err(Wrong::Place)?;
        batch::run(&asks, alone, statements, &mut held.0, lanes.prepared).await
    };
    let Some(ran) = until(run, given_up(&mut groups)).await else { return false };
    match ran {
        Ok(answers) => {
            let answered = groups.into_iter().zip(answers);
            let left: Vec<_> =
                answered.filter_map(|(group, answer)| group.answer(answer)).collect();
            if !left.is_empty() {
                lanes.room.lock().calls.put_back(left);
            }
            true
        }
        Err(Wrong::Said(error)) if groups.len() > 1 && is_of_one_key(&error) => {
            let tries = if may_succeed_again(&error) { 1 } else { TOGETHER };
            groups.iter_mut().for_each(|group| group.failed(tries));
            lanes.room.lock().calls.put_back(groups);
            true
        }
        Err(wrong) => {
            let again = matches!(&wrong, Wrong::Said(error) if may_succeed_again(error));
            let failure = wrong.failure(Failure::postgres);
            for call in groups.into_iter().flat_map(Group::calls) {
                let said =
                    if again { Ok(Said::Again(failure.clone())) } else { Err(failure.clone()) };
                call.answer(said);
            }
            again
        }
    }
}

/// Waits until no caller waits any more, and a little longer. The statement has been sent, and is
/// carried out all the same if it arrives.
async fn given_up(groups: &mut [Group]) {
    for call in groups.iter_mut().flat_map(Group::calls_mut) {
        call.cancelled().await;
    }
    tokio::time::sleep(GRACE).await;
}

/// Nothing if the other one ends first.
async fn until<T>(run: impl Future<Output = T>, end: impl Future<Output = ()>) -> Option<T> {
    let (mut run, mut end) = (pin!(run), pin!(end));
    poll_fn(|context| {
        if let Poll::Ready(ran) = run.as_mut().poll(context) {
            return Poll::Ready(Some(ran));
        }
        end.as_mut().poll(context).map(|()| None)
    })
    .await
}
