//! Looking at what is committed, for operators: on a connection of its own, which is closed again. What
//! takes long holds up neither writers nor the store's own reads.

use std::sync::Arc;
use std::time::Duration;

use countersign::{EventKey, EventState, Parked, StoreStats};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use super::statements::Statements;
use super::thread::Shared;
use super::{attempts, reader, version};
use crate::error::Failure;
use crate::schema::SchemaState;
use crate::values;

/// What is known of an event.
pub(super) async fn state(
    connection: &mut SqliteConnection,
    statements: &Statements,
    key: EventKey,
) -> Result<EventState, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.state)));
    let row = query.bind(key.as_bytes().as_slice()).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(EventState::Unknown) };
    let (is_event, done): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    let left = Duration::from_millis(u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0));
    Ok(match (is_event, done) {
        (false, _) => EventState::Released,
        (true, true) => EventState::Handled { left },
        (true, false) => EventState::InFlight { left },
    })
}

/// How much there is.
pub(super) async fn stats(
    connection: &mut SqliteConnection,
    statements: &Statements,
) -> Result<StoreStats, sqlx::Error> {
    let parked = match attempts::is_there(connection, statements).await? {
        true => attempts::count_parked(connection, statements).await?,
        false => 0,
    };
    let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.stats)));
    let row = query.fetch_one(connection).await?;
    Ok(values::stats([row.try_get(0)?, row.try_get(1)?, parked, row.try_get(2)?, row.try_get(3)?]))
}

/// The same on a connection of its own.
pub(super) async fn state_of(shared: &Shared, key: EventKey) -> Result<EventState, Failure> {
    let mut connection = connect(shared).await?;
    let state = state(&mut connection, &shared.statements, key).await;
    close(connection, state).await
}

/// The same on a connection of its own.
pub(super) async fn stats_of(shared: &Shared) -> Result<StoreStats, Failure> {
    let mut connection = connect(shared).await?;
    let stats = stats(&mut connection, &shared.statements).await;
    close(connection, stats).await
}

/// What is parked, or only this event if it is; none if there is no table of it.
pub(super) async fn parked_of(
    shared: &Shared,
    key: Option<EventKey>,
    limit: u32,
) -> Result<Option<Vec<Parked>>, Failure> {
    let (mut connection, statements) = (connect(shared).await?, &shared.statements);
    let parked = match attempts::is_there(&mut connection, statements).await {
        Ok(true) => attempts::parked(&mut connection, statements, key, limit).await.map(Some),
        Ok(false) => Ok(None),
        Err(error) => Err(error),
    };
    close(connection, parked).await
}

/// How the table stands to this version.
pub(super) async fn schema_of(shared: &Shared) -> Result<SchemaState, Failure> {
    let mut connection = connect(shared).await?;
    let state = version::state(&mut connection, &shared.statements).await;
    close(connection, state).await
}

async fn connect(shared: &Shared) -> Result<SqliteConnection, Failure> {
    if shared.pool.is_closed() {
        return Err(Failure::sqlite(sqlx::Error::PoolClosed));
    }
    shared.file.check_known()?;
    let connection = reader::connect(shared).await.map_err(Failure::sqlite)?;
    shared.file.check()?;
    Ok(connection)
}

async fn close<T>(
    connection: SqliteConnection,
    looked: Result<T, sqlx::Error>,
) -> Result<T, Failure> {
    // What was read is right, however the connection ends.
    let _ = connection.close().await;
    looked.map_err(Failure::sqlite)
}
