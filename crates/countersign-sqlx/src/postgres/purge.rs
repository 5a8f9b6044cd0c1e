//! Dropping what has run out.

use countersign::StoreError;
use sqlx::{AssertSqlSafe, Row};

use super::PostgresStore;
use super::retry::{Waits, may_succeed_again};
use super::sql::Statements;
use crate::error::Failure;

impl PostgresStore {
    /// From the store's own table first, and with what is left of the limit from those beside it, as far
    /// as they are there: a table of an older version has none.
    pub(super) async fn purge_some(&self, limit: u32) -> Result<u64, StoreError> {
        let mut dropped = self.drop_from(|statements| Some(&statements.purge), limit).await?;
        for (number, is_there) in self.tables_beside(dropped < u64::from(limit)).await? {
            let left = u64::from(limit).saturating_sub(dropped);
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            if is_there && left > 0 {
                dropped += self.drop_from(|sql| sql.purge_beside.get(number), left).await?;
            }
        }
        Ok(dropped)
    }

    async fn drop_from(
        &self,
        purge: impl Fn(&Statements) -> Option<&String>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut waits = Waits::new();
        loop {
            let mut connection = self.0.lanes.pool.acquire().await.map_err(Failure::postgres)?;
            let statements = self.0.lanes.place.statements(&mut connection).await?;
            let Some(purge) = purge(statements) else { return Ok(0) };
            let sql = AssertSqlSafe(purge.replace("$1", &limit.to_string()));
            let done = sqlx::raw_sql(sql).execute(&mut *connection).await;
            drop(connection);
            match done {
                Ok(done) => return Ok(done.rows_affected()),
                Err(error) if may_succeed_again(&error) && waits.next().await => {}
                Err(error) => return Err(Failure::postgres(error).into()),
            }
        }
    }

    /// The number of each, and whether it is there for this role. None if it is not wanted.
    async fn tables_beside(&self, wanted: bool) -> Result<Vec<(usize, bool)>, StoreError> {
        if !wanted {
            return Ok(Vec::new());
        }
        let mut connection = self.0.lanes.pool.acquire().await.map_err(Failure::postgres)?;
        let statements = self.0.lanes.place.statements(&mut connection).await?;
        let sql = AssertSqlSafe(statements.beside.clone());
        let row = sqlx::raw_sql(sql).fetch_one(&mut *connection).await;
        let row = row.map_err(Failure::postgres)?;
        (0..row.len())
            .map(|number| Ok((number, row.try_get(number).map_err(Failure::postgres)?)))
            .collect()
    }
}
