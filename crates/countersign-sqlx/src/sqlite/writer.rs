//! Group commit: what has queued up during one commit is committed together by the next.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::batch::{Answers, Batch};
use super::gather::Gather;
use super::lent::Lent;
use super::thread::{Next, Shared};
use super::{settings, version};
use crate::error::Failure;

/// How many calls of a kind one transaction takes: a bound on how long it holds the write lock.
const MOST: usize = 512;

/// Writes what is queued until the store is gone. Nobody's call is written by anybody else's
/// future: dropping one disturbs no other.
pub(super) async fn work(shared: &Shared) {
    let mut gather = Gather::default();
    loop {
        // The pool takes its connections back in tasks of this runtime.
        tokio::task::yield_now().await;
        match shared.next_write() {
            Next::Work(()) => {
                gather.wait(|| shared.queued_writes());
                let _turn = shared.turn.take().await;
                // More may have queued up meanwhile.
                let batch = shared.take_writes(MOST);
                let (calls, start) = (batch.len(), Instant::now());
                commit(shared, batch).await;
                let queued = shared.queued_writes().unwrap_or(0);
                gather.committed(start.elapsed(), calls, queued);
            }
            Next::Wait => shared.woken_to_write().await,
            Next::End => return,
        }
    }
}

/// Commits a batch and answers it. Without room for all of it, as much of it as there is room
/// for.
async fn commit(shared: &Shared, batch: Batch) {
    let mut parts = vec![batch];
    let mut room_made = false;
    while let Some(mut part) = parts.pop() {
        match try_commit(shared, &mut part).await {
            Err(failure) if failure.is_full() => {
                if !room_made {
                    room_made = true;
                    make_room(shared).await;
                    parts.push(part);
                    continue;
                }
                match part.smaller() {
                    Ok(smaller) => parts.extend(smaller),
                    Err(part) => part.answer(Err(failure)),
                }
            }
            answers => part.answer(answers),
        }
    }
}

async fn try_commit(shared: &Shared, batch: &mut Batch) -> Result<Answers, Failure> {
    shared.file.check_known()?;
    let mut connection = Lent::by(&shared.pool).await.map_err(Failure::sqlite)?;
    shared.file.check()?;
    settings::check(&mut connection).await?;
    if !shared.version_is_good.load(Ordering::Relaxed) {
        version::check(&mut connection, &shared.statements).await?;
        shared.version_is_good.store(true, Ordering::Relaxed);
    }
    connection.begin().await.map_err(Failure::sqlite)?;
    // That may have taken a while.
    batch.forget_cancelled_claims();
    let ran = batch.run(&mut connection, &shared.statements).await;
    connection.end(ran).await.map_err(Failure::sqlite)
}

/// Moves the write-ahead log's pages into the database file, so that the log's room is used again
/// from its beginning. Its error is ignored, because it is known already: the disk is full.
async fn make_room(shared: &Shared) {
    if let Ok(mut connection) = Lent::by(&shared.pool).await {
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)");
        let _ = checkpoint.execute(&mut *connection).await;
    }
}
