//! The thread that works for a store: it writes and reads in a runtime of its own, so that a caller
//! that blocks its runtime, or ends it, stops nobody else's calls.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::{io, mem, thread};

use countersign::{StoreError, StoreErrorKind};
use sqlx::SqlitePool;
use tokio::sync::{Notify, oneshot};

use super::batch::{Ask, Batch, Call};
use super::file::File;
use super::statements::Statements;
use super::turn::Turn;
use super::{reader, writer};

/// The callers' end. The thread starts with the first call, and ends when this is dropped and all
/// that was queued is written.
pub(super) struct Worker(pub(super) Arc<Shared>);

/// What callers and the thread share.
pub(super) struct Shared {
    pub(super) pool: SqlitePool,
    pub(super) statements: Statements,
    pub(super) file: File,
    /// Whose turn it is to write, of those in this process.
    pub(super) turn: Turn,
    queue: Mutex<Queue>,
    /// Something was queued, or the store is gone.
    write: Notify,
    read: Notify,
}

#[derive(Default)]
struct Queue {
    writes: Batch,
    reads: Vec<Call<Ask, bool>>,
    running: bool,
    over: bool,
}

/// What the thread does next.
pub(super) enum Next<W> {
    Work(W),
    Wait,
    End,
}

impl Worker {
    pub(super) fn new(pool: SqlitePool, statements: Statements) -> Self {
        let file = File::at(pool.connect_options().get_filename());
        Self(Arc::new(Shared {
            pool,
            statements,
            file,
            turn: Turn::default(),
            queue: Mutex::default(),
            write: Notify::new(),
            read: Notify::new(),
        }))
    }

    /// Queues a call, and waits until it is durable.
    pub(super) async fn write<Q, A>(
        &self,
        kind: impl FnOnce(&mut Batch) -> &mut Vec<Call<Q, A>>,
        ask: Q,
    ) -> Result<A, StoreError> {
        self.ask(|queue| kind(&mut queue.writes), ask, &self.0.write).await
    }

    /// Whether this claim is completed, by what is committed.
    pub(super) async fn is_completed(&self, ask: Ask) -> Result<bool, StoreError> {
        self.ask(|queue| &mut queue.reads, ask, &self.0.read).await
    }

    async fn ask<Q, A>(
        &self,
        kind: impl FnOnce(&mut Queue) -> &mut Vec<Call<Q, A>>,
        ask: Q,
        wake: &Notify,
    ) -> Result<A, StoreError> {
        let (reply, answer) = oneshot::channel();
        let start = {
            let mut queue = self.0.queue();
            kind(&mut queue).push(Call { ask, reply });
            !mem::replace(&mut queue.running, true)
        };
        if start {
            start_thread(Arc::clone(&self.0)).map_err(unavailable)?;
        }
        wake.notify_one();
        answer.await.unwrap_or_else(|_| Err(unavailable("the thread of the store ended")))
    }
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, cause)
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.queue().over = true;
        self.0.write.notify_one();
        self.0.read.notify_one();
    }
}

impl Shared {
    /// Whether there is something to write.
    pub(super) fn next_write(&self) -> Next<()> {
        let queue = self.queue();
        match queue.writes.is_empty() {
            false => Next::Work(()),
            true if queue.over => Next::End,
            true => Next::Wait,
        }
    }

    /// How many writes are queued; nothing if no more can come.
    pub(super) fn queued_writes(&self) -> Option<usize> {
        let queue = self.queue();
        (!queue.over).then(|| queue.writes.len())
    }

    /// Up to so many queued writes of each kind.
    pub(super) fn take_writes(&self, most: usize) -> Batch {
        self.queue().writes.take(most)
    }

    /// All queued reads.
    pub(super) fn next_reads(&self) -> Next<Vec<Call<Ask, bool>>> {
        let mut queue = self.queue();
        match queue.reads.is_empty() {
            false => Next::Work(mem::take(&mut queue.reads)),
            true if queue.over => Next::End,
            true => Next::Wait,
        }
    }

    pub(super) async fn woken_to_write(&self) {
        self.write.notified().await;
    }

    pub(super) async fn woken_to_read(&self) {
        self.read.notified().await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No code panics while it holds the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start_thread(shared: Arc<Shared>) -> io::Result<()> {
    // Made here, so that a thread that cannot be started leaves nobody waiting either.
    let running = Running { shared, at_work: false };
    thread::Builder::new().name("countersign-sqlite".to_owned()).spawn(move || running.work())?;
    Ok(())
}

/// The thread's life.
struct Running {
    shared: Arc<Shared>,
    at_work: bool,
}

impl Running {
    fn work(mut self) {
        self.at_work = true;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "the thread of the store cannot start"),
        };
        runtime.block_on(async {
            let (mut writes, mut reads) =
                (pin!(writer::work(&self.shared)), pin!(reader::work(&self.shared)));
            let (mut written, mut read) = (false, false);
            // Both in one future: if one panics the other ends as well, and the next call starts
            // a new thread.
            poll_fn(|context| {
                written = written || writes.as_mut().poll(context).is_ready();
                read = read || reads.as_mut().poll(context).is_ready();
                if written && read { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
    }
}

/// However the thread ends, nobody waits for it any more.
impl Drop for Running {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        let left = (mem::take(&mut queue.writes), mem::take(&mut queue.reads));
        // A panic costs the calls that it came from. Another thread takes those behind them.
        queue.running = self.at_work && thread::panicking();
        if queue.running {
            (queue.writes, queue.reads) = left;
            drop(queue);
            let _ = start_thread(Arc::clone(&self.shared));
        } else {
            drop(queue);
            drop(left);
        }
    }
}
