//! Completing a claim in a transaction of the user's.

use std::time::Duration;

use countersign::{ClaimToken, EventKey, InTransaction, StoreError};
use sqlx::{Connection, PgConnection};

use super::Inner;
use super::call::{Ask, Rest, Wrong};
use super::sql::outcome::{COMPLETED, COMPLETED_HERE};
use crate::error::{Failure, NO_TRANSACTION};
use crate::values::{Owner, micros};

impl Inner {
    /// [`Store::complete`](countersign::Store::complete) inside the transaction that the connection is in.
    pub(crate) async fn complete_in(
        &self,
        connection: &mut PgConnection,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<InTransaction, StoreError> {
        if !connection.is_in_transaction() {
            return Err(Failure::other(NO_TRANSACTION).into());
        }
        let statements = self.lanes.place.statements(connection).await?;
        let (owner, rest) = (Owner::of(token), Rest::Micros(micros(retention)));
        let in_transaction = |wrong: Wrong| wrong.failure(Failure::postgres_in);
        let ask = Ask { key, owner, rest };
        let complete = ask.run(&statements.complete_in, connection, self.lanes.prepared).await;
        if complete.map_err(in_transaction)?.outcome == COMPLETED_HERE {
            return Ok(InTransaction::Completed);
        }
        // It may have waited for the transaction before this one, and then cannot see what became
        // of it.
        let ask = Ask { key, owner, rest: Rest::None };
        let look = ask.run(&statements.look, connection, self.lanes.prepared).await;
        Ok(match look.map_err(in_transaction)?.outcome {
            COMPLETED_HERE => InTransaction::Completed,
            COMPLETED => InTransaction::AlreadyCompleted,
            _ => InTransaction::Lost,
        })
    }
}
