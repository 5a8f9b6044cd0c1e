//! What operators ask.

use std::time::Duration;

use countersign::{EventKey, EventState, Forgotten, StoreError, StoreStats};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::call::{Ask, Rest, Wrong};
use super::retry::{Waits, may_succeed_again};
use super::sql::Statements;
use super::sql::outcome::{BUSY, IN_FLIGHT, SETTLED};
use super::uuid::Uuid;
use super::{LEFT_OPEN, LOCKED, PostgresStore};
use crate::error::Failure;
use crate::values::{Owner, stats};

/// An event's row.
#[derive(Clone, Copy)]
struct Known {
    owner: Owner,
    state: EventState,
    /// Whether attempts are counted beside it.
    counts: bool,
}

impl PostgresStore {
    /// What is known of the key, and then one statement that changes it if it still is like that. So a
    /// copy of the statement that arrives late finds another owner, and changes nothing.
    pub(super) async fn forget_one(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        let mut waits = Waits::new();
        loop {
            let tried = self.try_to_forget(key).await;
            let retry = match tried {
                Ok(Tried::Said(forgotten)) => return Ok(forgotten),
                Ok(Tried::Changed) => Failure::other(LEFT_OPEN),
                Ok(Tried::Locked { handled: true }) => Failure::other(LEFT_OPEN),
                Ok(Tried::Locked { handled: false }) if waits.is_over() => {
                    return Ok(Forgotten::InFlight { retry_after: LOCKED });
                }
                Ok(Tried::Locked { handled: false }) => Failure::other(LEFT_OPEN),
                Err(Wrong::Said(error)) if may_succeed_again(&error) => Failure::postgres(error),
                Err(wrong) => return Err(wrong.failure(Failure::postgres).into()),
            };
            if !waits.next().await {
                return Err(retry.into());
            }
        }
    }

    async fn try_to_forget(&self, key: EventKey) -> Result<Tried, Wrong> {
        let lanes = &self.0.lanes;
        let mut connection = lanes.pool.acquire().await.map_err(Wrong::Said)?;
        let statements = lanes.place.statements(&mut connection).await.map_err(Wrong::Place)?;
        let known = known(statements, key, &mut connection).await.map_err(Wrong::Said)?;
        let Some(Known { owner, state, counts }) =
            known.filter(|known| known.owner != Owner::NOBODY)
        else {
            return Ok(Tried::Said(Forgotten::NotHandled));
        };
        let ask = Ask { key, owner, rest: Rest::Released(owner.released(key)) };
        let forget = if counts { &statements.forget_counted } else { &statements.forget };
        let answer = ask.run(forget, &mut connection, lanes.prepared).await?;
        let handled = matches!(state, EventState::Handled { .. });
        Ok(match answer.outcome {
            SETTLED => Tried::Said(Forgotten::Forgotten),
            IN_FLIGHT => Tried::Said(Forgotten::InFlight { retry_after: duration(answer.left) }),
            BUSY => Tried::Locked { handled },
            _ if handled => Tried::Changed,
            _ => Tried::Said(Forgotten::NotHandled),
        })
    }

    pub(super) async fn state_of(&self, key: EventKey) -> Result<EventState, StoreError> {
        let mut connection = self.0.lanes.pool.acquire().await.map_err(Failure::postgres)?;
        let statements = self.0.lanes.place.statements(&mut connection).await?;
        let known = known(statements, key, &mut connection).await.map_err(Failure::postgres)?;
        Ok(known.map_or(EventState::Unknown, |known| known.state))
    }

    pub(super) async fn stats_of(&self) -> Result<StoreStats, StoreError> {
        let parked = self.count_parked().await?;
        let mut connection = self.0.lanes.pool.acquire().await.map_err(Failure::postgres)?;
        let statements = self.0.lanes.place.statements(&mut connection).await?;
        let sql = AssertSqlSafe(statements.stats.clone());
        let row = sqlx::raw_sql(sql).fetch_one(&mut *connection).await;
        Ok(counted(&row.map_err(Failure::postgres)?, parked).map_err(Failure::postgres)?)
    }
}

/// How trying to forget has ended.
enum Tried {
    Said(Forgotten),
    /// Somebody holds the row locked.
    Locked {
        handled: bool,
    },
    /// Another call came between.
    Changed,
}

/// What is known of a key whose row was not purged yet.
async fn known(
    statements: &Statements,
    key: EventKey,
    connection: &mut PgConnection,
) -> Result<Option<Known>, sqlx::Error> {
    // Hexadecimal digits: there is nothing to escape.
    let sql = AssertSqlSafe(statements.state.replace("$1", &format!("'{key}'")));
    let row = sqlx::raw_sql(sql).fetch_optional(connection).await?;
    row.map(|row| read(&row)).transpose()
}

fn read(row: &PgRow) -> Result<Known, sqlx::Error> {
    let unreadable = || sqlx::Error::Decode("the owner is not a uuid".into());
    let owner = Uuid::read(&row.try_get_raw(0)?).ok_or_else(unreadable)?;
    let owner = Owner::from(owner);
    let (done, left): (bool, i64) = (row.try_get(1)?, row.try_get(2)?);
    let state = match (owner == Owner::NOBODY, done, duration(left)) {
        (_, _, Duration::ZERO) => EventState::Unknown,
        (true, ..) => EventState::Released,
        (false, true, left) => EventState::Handled { left },
        (false, false, left) => EventState::InFlight { left },
    };
    Ok(Known { owner, state, counts: row.try_get(3)? })
}

fn counted(row: &PgRow, parked: i64) -> Result<StoreStats, sqlx::Error> {
    Ok(stats([row.try_get(0)?, row.try_get(1)?, parked, row.try_get(2)?, row.try_get(3)?]))
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
