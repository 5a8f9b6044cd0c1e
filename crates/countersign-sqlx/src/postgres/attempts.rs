//! Attempts that are counted, and events that are parked.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use countersign::{Attempt, ClaimToken, EventKey, Parked, ParkedNote, Settled, StoreError};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use super::retry::{Waits, may_succeed_again};
use super::sql::Statements;
use super::sql::outcome::{BUSY, SETTLED};
use super::uuid::Uuid;
use super::{LEFT_OPEN, PostgresStore};
use crate::error::{self, Failure};
use crate::values::{Owner, micros};

impl PostgresStore {
    pub(super) async fn count_attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        let rows =
            self.write(|sql| written(&sql.attempt, key, token, keep)).await.map_err(failure)?;
        let Some(row) = rows.first().filter(|row| says(row) == Some(SETTLED)) else {
            return Ok(Attempt::Lost);
        };
        let number: i32 = row.try_get(1).map_err(Failure::postgres)?;
        let since: i64 = row.try_get(2).map_err(Failure::postgres)?;
        Ok(Attempt::Counted {
            number: u32::try_from(number).unwrap_or(0),
            since_first: Duration::from_micros(u64::try_from(since).unwrap_or(0)),
        })
    }

    pub(super) async fn uncount_attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
    ) -> Result<(), StoreError> {
        match self.write(|sql| written(&sql.uncount, key, token, Duration::ZERO)).await {
            // Without the table, or a right to it, nothing was counted.
            Err(Wrong::Said(error)) if is_missing(&error) || is_forbidden(&error) => Ok(()),
            Err(wrong) => Err(failure(wrong).into()),
            Ok(_) => Ok(()),
        }
    }

    pub(super) async fn park_event(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        let mut digits = String::new();
        for byte in note.to_json().bytes() {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        let written =
            |sql: &Statements| written(&sql.park, key, token, keep).replace("$4", &digits);
        let rows = self.write(written).await.map_err(failure)?;
        let parked = rows.first().and_then(says) == Some(SETTLED);
        Ok(if parked { Settled::Settled } else { Settled::Lost })
    }

    pub(super) async fn list_parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        let rows = self.run(|sql| sql.parked.replace("$1", &limit.to_string())).await;
        let rows = rows.map_err(failure)?;
        Ok(rows.iter().filter_map(read).collect())
    }

    pub(super) async fn parked_one(&self, key: EventKey) -> Result<Option<Parked>, StoreError> {
        match self.run(|sql| sql.parked_one.replace("$1", &format!("'{key}'"))).await {
            Ok(rows) => Ok(rows.first().and_then(read)),
            // Nothing can be parked in a table of an older version.
            Err(Wrong::Said(error)) if is_missing(&error) => Ok(None),
            Err(wrong) => Err(failure(wrong).into()),
        }
    }

    /// None in a table of an older version.
    pub(super) async fn count_parked(&self) -> Result<i64, StoreError> {
        let count = match self.run(|sql| sql.parked_count.clone()).await {
            Ok(rows) => rows.first().map_or(Ok(0), |row| row.try_get(0)),
            Err(Wrong::Said(error)) if is_missing(&error) => Ok(0),
            Err(wrong) => return Err(failure(wrong).into()),
        };
        Ok(count.map_err(Failure::postgres)?)
    }

    /// Runs it until it has met no lock, for a while.
    async fn write(&self, written: impl Fn(&Statements) -> String) -> Result<Vec<PgRow>, Wrong> {
        let mut waits = Waits::new();
        loop {
            let retry = match self.run(&written).await {
                Ok(rows) if rows.first().and_then(says) != Some(BUSY) => return Ok(rows),
                Ok(_) => Wrong::Place(Failure::other(LEFT_OPEN)),
                Err(Wrong::Said(error)) if may_succeed_again(&error) => Wrong::Said(error),
                Err(wrong) => return Err(wrong),
            };
            if !waits.next().await {
                return Err(retry);
            }
        }
    }

    /// Runs it in one message.
    async fn run(&self, written: impl Fn(&Statements) -> String) -> Result<Vec<PgRow>, Wrong> {
        let lanes = &self.0.lanes;
        let mut connection = lanes.pool.acquire().await.map_err(Wrong::Said)?;
        let statements = lanes.place.statements(&mut connection).await.map_err(Wrong::Place)?;
        let sql = AssertSqlSafe(written(statements));
        sqlx::raw_sql(sql).fetch_all(&mut *connection).await.map_err(Wrong::Said)
    }
}

enum Wrong {
    Said(sqlx::Error),
    /// Something about the table, or its rows.
    Place(Failure),
}

fn failure(wrong: Wrong) -> Failure {
    match wrong {
        Wrong::Said(error) => Failure::attempts(error),
        Wrong::Place(failure) => failure,
    }
}

fn is_missing(error: &sqlx::Error) -> bool {
    error::code(error).is_some_and(|code| code == "42P01")
}

fn is_forbidden(error: &sqlx::Error) -> bool {
    error::code(error).is_some_and(|code| code == "42501")
}

/// With its values, which are hexadecimal digits and an integer: there is nothing to escape.
fn written(sql: &str, key: EventKey, token: ClaimToken, keep: Duration) -> String {
    let owner = Owner::of(token);
    let sql = sql.replace("$1", &format!("'{key}'")).replace("$2", &format!("'{owner}'"));
    sql.replace("$3", &micros(keep).to_string())
}

fn says(row: &PgRow) -> Option<i32> {
    row.try_get(0).ok()
}

/// None for a row that another version wrote in a form that this one does not know.
fn read(row: &PgRow) -> Option<Parked> {
    let Uuid(key) = Uuid::read(&row.try_get_raw(0).ok()?)?;
    let note = ParkedNote::from_json(row.try_get::<Option<&str>, _>(1).ok()??)?;
    let attempts = u32::try_from(row.try_get::<i32, _>(2).ok()?).ok()?;
    let at = Duration::from_micros(u64::try_from(row.try_get::<i64, _>(3).ok()?).ok()?);
    let at = SystemTime::UNIX_EPOCH.checked_add(at)?;
    Some(Parked::new(EventKey::from_bytes(key), note, attempts, at))
}
