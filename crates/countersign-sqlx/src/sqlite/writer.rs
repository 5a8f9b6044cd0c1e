//! Group commit: what has queued up during one commit is committed together by the next.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign::{StoreError, StoreErrorKind};
use sqlx::{Connection, SqlitePool};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::batch::{Answers, Batch, Call};
use super::settings;
use super::statements::Statements;
use crate::error::Failure;

/// Calls that wait, and the one task that writes them. The task starts with the first call and
/// ends when nothing waits, so that an idle store holds neither a task nor a connection. Nobody's
/// call is written by anybody else's future: dropping one disturbs no other.
pub(super) struct Writer {
    pub(super) pool: SqlitePool,
    pub(super) statements: Statements,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Batch,
    writing: bool,
}

/// How many calls of a kind one transaction takes: a bound on how long it holds the write lock.
const MOST: usize = 512;

impl Writer {
    pub(super) fn new(pool: SqlitePool, statements: Statements) -> Self {
        Self { pool, statements, queue: Mutex::default() }
    }

    /// Queues a call, and waits until it is durable.
    pub(super) async fn write<Q, A>(
        self: &Arc<Self>,
        kind: impl FnOnce(&mut Batch) -> &mut Vec<Call<Q, A>>,
        ask: Q,
    ) -> Result<A, StoreError> {
        let runtime = Handle::try_current()
            .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        let (reply, answer) = oneshot::channel();
        let start = {
            let mut queue = self.queue();
            kind(&mut queue.waiting).push(Call { ask, reply });
            !mem::replace(&mut queue.writing, true)
        };
        if start {
            // Made here because a runtime that is shutting down drops what it is given.
            let shift = Shift { writer: Arc::clone(self), over: false };
            runtime.spawn(shift.work());
        }
        answer.await.unwrap_or_else(|_| {
            Err(StoreError::new(StoreErrorKind::Unavailable, "the runtime of the writer ended"))
        })
    }

    /// Commits a batch and answers it. Without room for all of it, as much of it as there is room
    /// for.
    async fn commit(&self, batch: Batch) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            match self.try_commit(&mut part).await {
                Err(failure) if failure.is_full() => match part.split() {
                    Some(rest) => parts.extend([rest, part]),
                    None => part.answer(Err(failure)),
                },
                answers => part.answer(answers),
            }
        }
    }

    async fn try_commit(&self, batch: &mut Batch) -> Result<Answers, Failure> {
        let mut connection = self.pool.acquire().await.map_err(Failure::sqlite)?;
        settings::check(&mut connection).await?;
        // Dropped before its commit, a transaction is rolled back.
        let mut transaction =
            connection.begin_with("BEGIN IMMEDIATE").await.map_err(Failure::sqlite)?;
        // That may have taken a while.
        batch.forget_cancelled_claims();
        let answers =
            batch.run(&mut transaction, &self.statements).await.map_err(Failure::sqlite)?;
        transaction.commit().await.map_err(Failure::sqlite)?;
        Ok(answers)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No code panics while it holds the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing task's life, from its first batch to the empty queue.
struct Shift {
    writer: Arc<Writer>,
    over: bool,
}

impl Shift {
    async fn work(mut self) {
        loop {
            // Those who were just answered may have something more to write.
            tokio::task::yield_now().await;
            let Some(batch) = self.next() else { return };
            self.writer.commit(batch).await;
        }
    }

    /// The next batch. If there is none, the shift is over in the same step, so that whoever
    /// queues next starts another.
    fn next(&mut self) -> Option<Batch> {
        let mut queue = self.writer.queue();
        self.over = queue.waiting.is_empty();
        queue.writing = !self.over;
        (!self.over).then(|| queue.waiting.take(MOST))
    }
}

/// A shift that is cut short (by a runtime's end) leaves nobody waiting.
impl Drop for Shift {
    fn drop(&mut self) {
        if !self.over {
            let mut queue = self.writer.queue();
            queue.writing = false;
            let stranded = mem::take(&mut queue.waiting);
            drop(queue);
            drop(stranded);
        }
    }
}
