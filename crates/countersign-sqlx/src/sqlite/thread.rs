//! The thread that works for a store: it writes and reads in a runtime of its own, so that a caller
//! that blocks its runtime, or ends it, stops nobody else's calls.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::Duration;
use std::{mem, thread};

use countersign::StoreError;
use sqlx::SqlitePool;
use tokio::sync::Notify;

use super::batch::{Ask, Batch};
use super::file::File;
use super::statements::Statements;
use super::turn::Turn;
use super::{reader, writer};
use crate::error::Failure;
use crate::room::{self, Call, Room, Shift, Workplace};

/// The callers' end. The thread starts with the first call, and ends when this is dropped and all
/// that was queued is written.
pub(super) struct Worker(pub(super) Arc<Shared>);

/// What callers and the thread share.
pub(super) struct Shared {
    pub(super) pool: SqlitePool,
    pub(super) statements: Statements,
    pub(super) file: File,
    /// The table is one that this version can work with: it was looked at.
    pub(super) version_is_good: AtomicBool,
    /// Whose turn it is to write, of those in this process.
    pub(super) turn: Turn,
    room: Room<Queue>,
    /// Something was queued, or the store is gone.
    write: Notify,
    read: Notify,
}

#[derive(Default)]
pub(super) struct Queue {
    writes: Batch,
    reads: Vec<Call<Ask, bool>>,
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
            version_is_good: AtomicBool::new(false),
            turn: Turn::default(),
            room: Room::default(),
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
        let reply = self.0.queue(|queue, call| kind(&mut queue.writes).push(call), ask);
        self.0.write.notify_one();
        room::answered(reply.await, ENDED)
    }

    /// Whether this claim is completed, by what is committed.
    pub(super) async fn is_completed(&self, ask: Ask) -> Result<bool, StoreError> {
        let reply = self.0.queue(|queue, call| queue.reads.push(call), ask);
        self.0.read.notify_one();
        room::answered(reply.await, ENDED)
    }
}

const ENDED: &str = "the thread of the store ended";

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.room.lock().calls.over = true;
        self.0.write.notify_one();
        self.0.read.notify_one();
    }
}

impl Workplace for Shared {
    type Calls = Queue;

    const WORKERS: usize = 1;
    // It is at work as long as it is there.
    const PATIENCE: Duration = Duration::MAX;

    fn room(&self) -> &Room<Queue> {
        &self.room
    }

    fn start(shift: Shift<Self>) {
        let shared = Arc::clone(&shift.place);
        let thread = thread::Builder::new().name("countersign-sqlite".to_owned());
        if let Err(error) = thread.spawn(move || work(shift)) {
            shared.fail(&error);
        }
    }
}

impl Shared {
    /// Whether there is something to write.
    pub(super) fn next_write(&self) -> Next<()> {
        let queue = &self.room.lock().calls;
        match queue.writes.is_empty() {
            false => Next::Work(()),
            true if queue.over => Next::End,
            true => Next::Wait,
        }
    }

    /// How many writes are queued; nothing if no more can come.
    pub(super) fn queued_writes(&self) -> Option<usize> {
        let queue = &self.room.lock().calls;
        (!queue.over).then(|| queue.writes.len())
    }

    /// Up to so many queued writes of each kind.
    pub(super) fn take_writes(&self, most: usize) -> Batch {
        self.room.lock().calls.writes.take(most)
    }

    /// All queued reads.
    pub(super) fn next_reads(&self) -> Next<Vec<Call<Ask, bool>>> {
        let queue = &mut self.room.lock().calls;
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

    /// Nobody waits for a thread that cannot start.
    fn fail(&self, error: &std::io::Error) {
        let failure = Failure::other(format!("the thread of the store cannot start: {error}"));
        let (writes, reads) = {
            let queue = &mut self.room.lock().calls;
            (mem::take(&mut queue.writes), mem::take(&mut queue.reads))
        };
        writes.answer(Err(failure.clone()));
        room::fail(reads, &failure);
    }
}

/// The thread's life.
fn work(mut shift: Shift<Shared>) {
    let shared = shift.begin();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // First, so that a call that comes now starts another thread.
            drop(shift);
            return shared.fail(&error);
        }
    };
    runtime.block_on(async {
        let (mut writes, mut reads) = (pin!(writer::work(&shared)), pin!(reader::work(&shared)));
        let (mut written, mut read) = (false, false);
        // Both in one future: if one panics the other ends as well, and another thread starts.
        poll_fn(|context| {
            written = written || writes.as_mut().poll(context).is_ready();
            read = read || reads.as_mut().poll(context).is_ready();
            if written && read { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}
