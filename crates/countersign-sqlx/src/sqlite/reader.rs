//! Reading what is committed, on a connection of its own: readers of a write-ahead log wait for no
//! writer.

use std::time::Duration;

use sqlx::{Connection, SqliteConnection};

use super::batch::{self, Ask};
use super::thread::{Next, Shared};
use crate::error::Failure;
use crate::room;

/// How long a read waits for the moments at which readers do wait: another process recovers the
/// log, or has opened the file for itself alone.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// Answers what is asked until the store is gone.
pub(super) async fn work(shared: &Shared) {
    let mut connection = None;
    let mut closed = shared.pool.close_event();
    loop {
        match shared.next_reads() {
            Next::Work(calls) => {
                let asks: Vec<Ask> = calls.iter().map(|call| call.ask).collect();
                match read(shared, &mut connection, &asks).await {
                    Ok(answers) => room::tell(calls, answers),
                    Err(failure) => room::fail(calls, &failure),
                }
            }
            Next::Wait if closed.do_until(shared.woken_to_read()).await.is_err() => {
                // Who closes the pool does not want the file open any more.
                connection = None;
                shared.woken_to_read().await;
            }
            Next::Wait => {}
            Next::End => return,
        }
    }
}

/// After an error the connection is another one.
async fn read(
    shared: &Shared,
    connection: &mut Option<SqliteConnection>,
    asks: &[Ask],
) -> Result<Vec<bool>, Failure> {
    let kept = connection.take();
    if shared.pool.is_closed() {
        return Err(Failure::sqlite(sqlx::Error::PoolClosed));
    }
    shared.file.check_known()?;
    let mut open = match kept {
        Some(open) => open,
        None => connect(shared).await.map_err(Failure::sqlite)?,
    };
    shared.file.check()?;
    let completed = &shared.statements.completed;
    let completed = batch::among(&mut open, completed, asks).await.map_err(Failure::sqlite)?;
    *connection = Some(open);
    Ok(completed)
}

pub(super) async fn connect(shared: &Shared) -> Result<SqliteConnection, sqlx::Error> {
    let options = shared.pool.connect_options();
    let options = (*options).clone().create_if_missing(false).busy_timeout(BUSY_TIMEOUT);
    SqliteConnection::connect_with(&options).await
}
