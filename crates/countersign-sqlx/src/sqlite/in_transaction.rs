//! Completing a claim, and moving a watermark, in a transaction of the user's.

use std::sync::Arc;
use std::time::Duration;

use countersign::{ClaimToken, EventKey, Fenced, InTransaction, StoreError};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use super::batch::{self, Ask};
use super::thread::Worker;
use super::{ask, settings};
use crate::Order;
use crate::error::{Failure, NO_TRANSACTION};
use crate::newest_in::Watermark;
use crate::values::millis;

/// The store, as `complete_in` and `newest_in` find it.
pub(crate) struct Inner {
    pub(super) worker: Worker,
    pub(super) table: String,
    pub(super) keep_watermarks: Duration,
}

impl Inner {
    /// [`Store::complete`](countersign::Store::complete) inside the transaction that the connection
    /// is in.
    pub(crate) async fn complete_in(
        &self,
        connection: &mut SqliteConnection,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<InTransaction, StoreError> {
        if !connection.is_in_transaction() {
            return Err(Failure::other(NO_TRANSACTION).into());
        }
        self.worker.0.file.check()?;
        settings::check(connection).await?;
        let (ask, statements) = (ask(key, token, retention), &self.worker.0.statements);
        if is_among(connection, &statements.complete_once, ask).await? {
            return Ok(InTransaction::Completed);
        }
        if !is_among(connection, &statements.completed, ask).await? {
            return Ok(InTransaction::Lost);
        }
        // In this transaction, or in one before it: another connection sees only what is committed.
        match self.worker.is_completed(ask).await? {
            true => Ok(InTransaction::AlreadyCompleted),
            false => Ok(InTransaction::Completed),
        }
    }

    /// Moves the watermark of an entity, and says how the version stands to it. The transaction has waited
    /// for the write lock already, so nothing comes between the look at the claim and the answer.
    pub(crate) async fn newest_in(
        &self,
        connection: &mut SqliteConnection,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
        watermark: Watermark,
    ) -> Result<Fenced<Order>, StoreError> {
        if !connection.is_in_transaction() {
            return Err(Failure::other(NO_TRANSACTION).into());
        }
        self.worker.0.file.check()?;
        settings::check(connection).await?;
        let statements = &self.worker.0.statements;
        let Watermark { entity, version } = watermark;
        let ask = ask(key, token, retention);
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.newest_in)))
            .bind(key.as_bytes().as_slice())
            .bind(ask.owner.as_bytes().as_slice())
            .bind(entity.as_slice())
            .bind(version.as_bytes())
            .bind(millis(self.keep_watermarks.max(retention)));
        let row = query.fetch_optional(&mut *connection).await.map_err(Failure::watermark)?;
        let Some(row) = row else { return Ok(Fenced::Lost) };
        let read = |column| row.try_get::<bool, _>(column).map_err(Failure::sqlite);
        let (is_older, is_its_own) = (read(0)?, read(1)?);
        if is_among(connection, &statements.completed, ask).await?
            && self.worker.is_completed(ask).await?
        {
            return Ok(Fenced::AlreadyCompleted);
        }
        Ok(Fenced::Held(match (is_older, is_its_own) {
            (true, _) => Order::Superseded,
            (false, true) => Order::Newest,
            (false, false) => Order::Same,
        }))
    }
}

async fn is_among(
    connection: &mut SqliteConnection,
    statement: &Arc<str>,
    ask: Ask,
) -> Result<bool, Failure> {
    let found = batch::among(connection, statement, &[ask]).await.map_err(Failure::sqlite)?;
    Ok(found.first() == Some(&true))
}
