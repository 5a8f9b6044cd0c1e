//! One statement, from its values to its answer.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Claimed, EventKey, Settled};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::statements::{DONE, FRESH, IN_FLIGHT, SETTLED};
use crate::values::Owner;

/// A statement and what it is asked about.
pub(super) struct Call<'a> {
    pub(super) statement: &'a Arc<str>,
    pub(super) key: EventKey,
    pub(super) owner: Owner,
    /// `$3`, for a statement that has one.
    pub(super) micros: Option<i64>,
}

impl Call<'_> {
    /// Runs it, to the end of its transaction if it has one of its own.
    ///
    /// Not prepared means sent as one message with the values in it. Preparing without a name is
    /// no way around a pooler: it takes two messages, and PgBouncer may send each to another
    /// server connection. The values are hexadecimal digits and an integer, so there is nothing to
    /// escape.
    pub(super) async fn run(
        &self,
        connection: &mut PgConnection,
        prepared: bool,
    ) -> Result<Option<PgRow>, sqlx::Error> {
        let (key, owner) = (self.key.to_string(), self.owner.to_string());
        if prepared {
            let query = sqlx::query(AssertSqlSafe(Arc::clone(self.statement)));
            let query = query.bind(key).bind(owner);
            return match self.micros {
                Some(micros) => query.bind(micros).fetch_optional(connection).await,
                None => query.fetch_optional(connection).await,
            };
        }
        let sql = self.statement.replace("$1", &format!("'{key}'"));
        let sql = sql.replace("$2", &format!("'{owner}'"));
        let sql = match self.micros {
            Some(micros) => sql.replace("$3", &micros.to_string()),
            None => sql,
        };
        sqlx::raw_sql(AssertSqlSafe(sql)).fetch_optional(connection).await
    }
}

/// What a claim's row says; nothing if it has to be asked again.
pub(super) fn claimed(row: Option<PgRow>) -> Result<Option<Claimed>, sqlx::Error> {
    let Some(row) = row else { return Ok(None) };
    let (kind, left): (i32, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(match kind {
        FRESH => Some(Claimed::Fresh),
        DONE => Some(Claimed::Done),
        IN_FLIGHT => {
            let retry_after = Duration::from_micros(u64::try_from(left).unwrap_or(0));
            Some(Claimed::InFlight { retry_after })
        }
        _ => None,
    })
}

/// What a settlement's row says; nothing if it has to be asked again.
pub(super) fn settled(row: Option<PgRow>) -> Result<Option<Settled>, sqlx::Error> {
    let Some(row) = row else { return Ok(Some(Settled::Lost)) };
    let kind: i32 = row.try_get(0)?;
    Ok((kind == SETTLED).then_some(Settled::Settled))
}
