//! Attempts that are counted, and events that are parked, in the transaction of a batch.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::{Attempt, EventKey, Parked, ParkedNote, Settled};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::batch::Ask;
use super::statements::Statements;

/// An event to park, with its note as JSON.
pub(super) struct Park {
    pub(super) ask: Ask,
    pub(super) note: String,
}

/// Whether there is a table of attempts: one of an older version has none.
pub(super) async fn is_there(
    connection: &mut SqliteConnection,
    statements: &Statements,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.beside)));
    query.fetch_one(connection).await?.try_get(0)
}

pub(super) async fn count(
    connection: &mut SqliteConnection,
    statements: &Statements,
    ask: &Ask,
) -> Result<Attempt, sqlx::Error> {
    let row = run(connection, &statements.attempt, ask, None).await?;
    let Some(row) = row else { return Ok(Attempt::Lost) };
    let (number, since): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Attempt::Counted {
        number: u32::try_from(number).unwrap_or(u32::MAX),
        since_first: Duration::from_millis(u64::try_from(since).unwrap_or(0)),
    })
}

/// Takes back what was counted for this owner, if it was counted last.
pub(super) async fn uncount(
    connection: &mut SqliteConnection,
    statements: &Statements,
    ask: &Ask,
) -> Result<(), sqlx::Error> {
    run(connection, &statements.uncount, ask, None).await.map(drop)
}

/// First the record, if the claim is held, and then the mark.
pub(super) async fn park(
    connection: &mut SqliteConnection,
    statements: &Statements,
    Park { ask, note }: &Park,
) -> Result<Settled, sqlx::Error> {
    let then = match run(connection, &statements.note, ask, Some(note)).await? {
        Some(_) => &statements.park,
        None => &statements.is_parked,
    };
    let parked = run(connection, then, ask, None).await?.is_some();
    Ok(if parked { Settled::Settled } else { Settled::Lost })
}

/// Forgets the count and the record.
pub(super) async fn forget(
    connection: &mut SqliteConnection,
    statements: &Statements,
    key: EventKey,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.forget_attempts)));
    query.bind(key.as_bytes().as_slice()).execute(connection).await.map(drop)
}

/// How many are parked.
pub(super) async fn count_parked(
    connection: &mut SqliteConnection,
    statements: &Statements,
) -> Result<i64, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.parked_count)));
    query.fetch_one(connection).await?.try_get(0)
}

/// What is parked, or only this event if it is.
pub(super) async fn parked(
    connection: &mut SqliteConnection,
    statements: &Statements,
    key: Option<EventKey>,
    limit: u32,
) -> Result<Vec<Parked>, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.parked)));
    let query = query.bind(key.map(|key| key.as_bytes().to_vec())).bind(i64::from(limit));
    let rows = query.fetch_all(connection).await?;
    Ok(rows.iter().filter_map(read).collect())
}

/// `?1` is the key, `?2` the owner, `?3` the milliseconds, `?4` the note. Not every statement has all.
async fn run(
    connection: &mut SqliteConnection,
    statement: &Arc<str>,
    ask: &Ask,
    note: Option<&str>,
) -> Result<Option<SqliteRow>, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(statement)));
    let query = query.bind(ask.key.as_bytes().as_slice());
    let query = query.bind(ask.owner.as_bytes().as_slice()).bind(ask.millis);
    let query = if let Some(note) = note { query.bind(note) } else { query };
    query.fetch_optional(connection).await
}

/// None for a row that another version wrote in a form that this one does not know.
fn read(row: &SqliteRow) -> Option<Parked> {
    let key: [u8; 16] = row.try_get::<&[u8], _>(0).ok()?.try_into().ok()?;
    let note = ParkedNote::from_json(row.try_get::<Option<&str>, _>(1).ok()??)?;
    let attempts = u32::try_from(row.try_get::<i64, _>(2).ok()?).ok()?;
    let at = Duration::from_millis(u64::try_from(row.try_get::<i64, _>(3).ok()?).ok()?);
    let at = SystemTime::UNIX_EPOCH.checked_add(at)?;
    Some(Parked::new(EventKey::from_bytes(key), note, attempts, at))
}
