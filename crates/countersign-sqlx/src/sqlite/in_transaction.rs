//! Completing a claim in a transaction of the user's.

use std::time::Duration;

use countersign::{ClaimToken, EventKey, InTransaction, StoreError};
use sqlx::{Connection, SqliteConnection};

use super::batch::{self, Ask};
use super::thread::Worker;
use super::{ask, settings};
use crate::error::{Failure, NO_TRANSACTION};

/// The store, as `complete_in` finds it.
pub(crate) struct Inner {
    pub(super) worker: Worker,
    pub(super) table: String,
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
}

async fn is_among(
    connection: &mut SqliteConnection,
    statement: &std::sync::Arc<str>,
    ask: Ask,
) -> Result<bool, Failure> {
    let found = batch::among(connection, statement, &[ask]).await.map_err(Failure::sqlite)?;
    Ok(found.first() == Some(&true))
}
