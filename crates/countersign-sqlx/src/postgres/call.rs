//! One statement, from its values to its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use countersign::{Claimed, EventKey, Settled};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row, ValueRef};

use super::sql::Statement;
use super::sql::outcome::{DONE, FRESH, IN_FLIGHT, LOST, RELEASED, SETTLED};
use super::uuid::Uuid;
use crate::error::Failure;
use crate::values::Owner;

/// What a statement is asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) key: EventKey,
    pub(super) owner: Owner,
    pub(super) rest: Rest,
}

/// The values besides the key and its owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing else.
    None,
    /// A retention in microseconds.
    Micros(i64),
    /// The key of the token's row, once it is released.
    Released(Owner),
    /// A lease in microseconds, and the key of the token's row.
    MicrosAndReleased(i64, Owner),
}

/// How a statement ended.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) outcome: i32,
    /// Of the lease, in microseconds.
    pub(super) left: i64,
    /// Who holds the claim, if it was asked for by somebody else.
    pub(super) owner: Option<Owner>,
}

/// What can go wrong with a statement, for the caller to judge.
#[derive(Debug)]
pub(super) enum Wrong {
    Said(sqlx::Error),
    /// Something about the table.
    Place(Failure),
    /// It was another one that answered.
    OtherStatement,
}

impl Wrong {
    pub(super) fn failure(self, judge: fn(sqlx::Error) -> Failure) -> Failure {
        match self {
            Self::Said(error) => judge(error),
            Self::Place(failure) => failure,
            Self::OtherStatement => Failure::other(OTHER_STATEMENT),
        }
    }
}

const OTHER_STATEMENT: &str = "the database ran another statement than it was asked to: prepared \
    statements are mixed up on the way, as by a PgBouncer in transaction mode before 1.21; set \
    `prepared_statements(false)`";

impl Ask {
    /// Runs it, to the end of its transaction if it has one of its own.
    ///
    /// Not prepared means sent as one message with the values in it. Preparing without a name is
    /// no way around a pooler: it takes two messages, and PgBouncer may send each to another
    /// server connection. The values are hexadecimal digits and an integer, so there is nothing to
    /// escape.
    pub(super) async fn run(
        &self,
        statement: &Statement,
        connection: &mut PgConnection,
        prepared: bool,
    ) -> Result<Answer, Wrong> {
        let row = if prepared {
            self.run_prepared(statement, connection).await
        } else {
            let sql = AssertSqlSafe(self.written_into(&statement.plain));
            sqlx::raw_sql(sql).fetch_optional(connection).await
        };
        let row = row.map_err(Wrong::Said)?.ok_or(Wrong::OtherStatement)?;
        read(&row, &statement.tag, |_| Some(())).map(|(answer, ())| answer)
    }

    async fn run_prepared(
        &self,
        statement: &Statement,
        connection: &mut PgConnection,
    ) -> Result<Option<PgRow>, sqlx::Error> {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.prepared)));
        let query = query.bind(self.key.to_string()).bind(self.owner.to_string());
        let query = match self.rest {
            Rest::None => query,
            Rest::Micros(micros) => query.bind(micros),
            Rest::Released(token) => query.bind(token.to_string()),
            Rest::MicrosAndReleased(micros, token) => query.bind(micros).bind(token.to_string()),
        };
        query.bind(&statement.tag).fetch_optional(connection).await
    }

    fn written_into(&self, sql: &str) -> String {
        let quoted = |value: String| format!("'{value}'");
        let sql = sql.replace("$1", &quoted(self.key.to_string()));
        let sql = sql.replace("$2", &quoted(self.owner.to_string()));
        match self.rest {
            Rest::None => sql,
            Rest::Micros(micros) => sql.replace("$3", &micros.to_string()),
            Rest::Released(token) => sql.replace("$3", &quoted(token.to_string())),
            Rest::MicrosAndReleased(micros, token) => {
                let sql = sql.replace("$3", &micros.to_string());
                sql.replace("$4", &quoted(token.to_string()))
            }
        }
    }
}

/// The tag first: nothing else of the row means anything unless it is the right one.
pub(super) fn read<T>(
    row: &PgRow,
    tag: &str,
    more: impl FnOnce(&PgRow) -> Option<T>,
) -> Result<(Answer, T), Wrong> {
    let read = || {
        if row.try_get::<&str, _>(0).ok()? != tag {
            return None;
        }
        let owner = row.try_get_raw(3).ok()?;
        let owner = if owner.is_null() { None } else { Some(Uuid::read(&owner)?.into()) };
        let answer = Answer { outcome: row.try_get(1).ok()?, left: row.try_get(2).ok()?, owner };
        Some((answer, more(row)?))
    };
    // sqlx goes by the columns of the statement that it prepared, and panics where another
    // statement's row has fewer.
    catch_unwind(AssertUnwindSafe(read)).ok().flatten().ok_or(Wrong::OtherStatement)
}

/// What a claim's answer says; nothing if it has to be asked again.
pub(super) fn claimed(answer: &Answer) -> Option<Claimed> {
    match answer.outcome {
        FRESH => Some(Claimed::Fresh),
        DONE => Some(Claimed::Done),
        IN_FLIGHT => {
            let retry_after = Duration::from_micros(u64::try_from(answer.left).unwrap_or(0));
            Some(Claimed::InFlight { retry_after })
        }
        RELEASED => Some(Claimed::InFlight { retry_after: Duration::ZERO }),
        _ => None,
    }
}

/// What a settlement's answer says; nothing if it has to be asked again.
pub(super) fn settled(answer: &Answer) -> Option<Settled> {
    match answer.outcome {
        SETTLED => Some(Settled::Settled),
        LOST => Some(Settled::Lost),
        _ => None,
    }
}
