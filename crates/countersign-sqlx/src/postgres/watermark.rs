//! Moving an entity's watermark: the statement, from its values to its answer.

use std::sync::Arc;
use std::time::Duration;

use countersign::{ClaimToken, EventKey, Fenced, StoreError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::Inner;
use super::call::{Ask, Rest, Wrong, read};
use super::sql::Statement;
use super::sql::outcome::{COMPLETED, COMPLETED_HERE, HELD, NEWEST, SAME, SUPERSEDED};
use crate::Order;
use crate::error::{Failure, NO_TRANSACTION};
use crate::newest_in::Watermark;
use crate::values::{Owner, hex, micros};

impl Inner {
    /// Moves the watermark, and says how the version stands to it.
    pub(crate) async fn newest_in(
        &self,
        connection: &mut PgConnection,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
        watermark: Watermark,
    ) -> Result<Fenced<Order>, StoreError> {
        if !connection.is_in_transaction() {
            return Err(Failure::other(NO_TRANSACTION).into());
        }
        let statements = self.lanes.place.statements(connection).await?;
        let prepared = self.lanes.prepared;
        let failed = |wrong: Wrong| wrong.failure(Failure::watermark_in);
        let ask = Ask { key, owner: Owner::of(token), rest: Rest::None };
        let kept = micros(self.keep_watermarks.max(retention));
        let moved = shift(&statements.newest_in, connection, prepared, ask, watermark, kept).await;
        let moved = moved.map_err(failed)?;
        // It may have waited, and longer than the lease.
        let fence = ask.run(&statements.fence, connection, prepared).await;
        Ok(match (fence.map_err(failed)?.outcome, moved) {
            (COMPLETED, _) => Fenced::AlreadyCompleted,
            (HELD | COMPLETED_HERE, SUPERSEDED) => Fenced::Held(Order::Superseded),
            (HELD | COMPLETED_HERE, SAME) => Fenced::Held(Order::Same),
            (HELD | COMPLETED_HERE, NEWEST) => Fenced::Held(Order::Newest),
            _ => Fenced::Lost,
        })
    }
}

/// How it ended. Sent as one message or prepared, as [`Ask::run`] says; the values are hexadecimal digits
/// and an integer.
async fn shift(
    statement: &Statement,
    connection: &mut PgConnection,
    prepared: bool,
    Ask { key, owner, .. }: Ask,
    Watermark { entity, version }: Watermark,
    kept: i64,
) -> Result<i32, Wrong> {
    let texts = [key.to_string(), owner.to_string(), hex(&entity), hex(version.as_bytes())];
    let row = if prepared {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.prepared)));
        let query = texts.into_iter().fold(query, |query, text| query.bind(text));
        query.bind(kept).bind(&statement.tag).fetch_optional(connection).await
    } else {
        let numbered = (1..).zip(texts);
        let sql = numbered.fold(statement.plain.to_string(), |sql, (number, text)| {
            sql.replace(&format!("${number}"), &format!("'{text}'"))
        });
        let sql = sql.replace("$5", &kept.to_string());
        sqlx::raw_sql(AssertSqlSafe(sql)).fetch_optional(connection).await
    };
    let row = row.map_err(Wrong::Said)?.ok_or(Wrong::OtherStatement)?;
    read(&row, &statement.tag, |_| Some(())).map(|(answer, ())| answer.outcome)
}
