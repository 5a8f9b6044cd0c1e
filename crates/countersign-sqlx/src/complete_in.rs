//! Marking an event as handled inside the handler's own transaction.

use std::future::Future;

use countersign::{CompleteError, Delivery};

use crate::Order;
use crate::newest_in::Watermark;

/// Completes a delivery's claim in your own transaction: the mark "handled" commits together with
/// what else the transaction wrote, or not at all. In scope for `Delivery`, and for the extractors of
/// the adapters.
///
/// ```
/// use countersign_sqlx::CompleteIn;
///
/// async fn deployed(
///     delivery: countersign::Delivery,
///     pool: &sqlx::PgPool,
/// ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///     let mut tx = pool.begin().await?;
///     sqlx::query("UPDATE sites SET deployments = deployments + 1").execute(&mut *tx).await?;
///     delivery.complete_in(&mut tx).await?;
///     tx.commit().await?;
///     Ok(())
/// }
/// ```
pub trait CompleteIn {
    /// Completes the claim in the transaction that this connection is in.
    ///
    /// After an error the transaction must not commit: drop it or roll it back, and answer with a
    /// status other than 2xx, unless it is [`CompleteError::AlreadyCompleted`]. Leaving with `?` does
    /// both. After success, commit soon: until the transaction ends, further deliveries of the event are
    /// answered "in flight". If the handler answers 2xx and has not committed, also after an error or a drop
    /// of this future, the sender gets a 500, the log has a line, and the event's next delivery is handled.
    ///
    /// # Errors
    ///
    /// - [`CompleteError::AlreadyCompleted`]: a transaction before this one completed the claim and has
    ///   committed, though the answer to its `COMMIT` was lost. Roll back and answer 2xx. Completing
    ///   twice in the same transaction is not an error.
    /// - [`CompleteError::Lost`]: the lease ran out and another delivery may have been handled, or
    ///   the transaction is in another database than the store's, where no claim is.
    /// - [`CompleteError::Store`]: the database said no. At `REPEATABLE READ` or `SERIALIZABLE`,
    ///   because the claim was renewed or completed since the transaction began (roll back and run it
    ///   again from its beginning); in SQLite, because the
    ///   transaction was not begun with `BEGIN IMMEDIATE`; or because the connection is not in a
    ///   transaction that sqlx began (a `BEGIN` sent as a query is not known to it).
    /// - [`CompleteError::OtherStore`]: the receiver's store is not in this kind of database.
    /// - [`CompleteError::NoClaim`]: the delivery did not come from a receiver.
    fn complete_in<C>(
        &self,
        connection: &mut C,
    ) -> impl Future<Output = Result<(), CompleteError>> + Send
    where
        C: SqlConnection + ?Sized;
}

impl<W: AsRef<Delivery> + ?Sized> CompleteIn for W {
    fn complete_in<C>(
        &self,
        connection: &mut C,
    ) -> impl Future<Output = Result<(), CompleteError>> + Send
    where
        C: SqlConnection + ?Sized,
    {
        // Cheap, and spares `W` from having to be `Sync`.
        let delivery = self.as_ref().clone();
        async move { connection.complete(&delivery).await }
    }
}

/// What [`complete_in`](CompleteIn::complete_in) takes: a transaction of sqlx, or a connection that
/// is in one, to PostgreSQL or SQLite; or what `SqliteStore::begin` gives.
#[diagnostic::on_unimplemented(
    message = "a claim cannot be completed in `{Self}`",
    label = "expected a transaction or connection to PostgreSQL or SQLite",
    note = "pass `&mut tx` where `tx` is a `sqlx::Transaction`, and enable the feature `postgres` \
            or `sqlite` of countersign-sqlx"
)]
pub trait SqlConnection: sealed::Completing {}

impl<C: sealed::Completing + ?Sized> SqlConnection for C {}

pub(crate) mod sealed {
    use std::future::Future;

    use countersign::{CompleteError, Delivery};

    use crate::Order;
    use crate::newest_in::Watermark;

    pub trait Completing: Send {
        fn complete(
            &mut self,
            delivery: &Delivery,
        ) -> impl Future<Output = Result<(), CompleteError>> + Send;

        fn order(
            &mut self,
            delivery: &Delivery,
            watermark: Watermark,
        ) -> impl Future<Output = Result<Order, CompleteError>> + Send;
    }
}

macro_rules! completing {
    ($connection:ty, $store:ty) => {
        impl sealed::Completing for $connection {
            async fn complete(&mut self, delivery: &Delivery) -> Result<(), CompleteError> {
                let complete = |store: std::sync::Arc<$store>, key, token, retention| async move {
                    store.complete_in(self, key, token, retention).await
                };
                delivery.claim().complete_with(complete).await
            }

            async fn order(
                &mut self,
                delivery: &Delivery,
                watermark: Watermark,
            ) -> Result<Order, CompleteError> {
                let ask = |store: std::sync::Arc<$store>, key, token, retention| async move {
                    store.newest_in(self, key, token, retention, watermark).await
                };
                delivery.claim().fenced_with(ask).await
            }
        }
    };
}

/// What holds a connection does as the connection.
macro_rules! through {
    ($holder:ty) => {
        impl sealed::Completing for $holder {
            async fn complete(&mut self, delivery: &Delivery) -> Result<(), CompleteError> {
                sealed::Completing::complete(&mut **self, delivery).await
            }

            async fn order(
                &mut self,
                delivery: &Delivery,
                watermark: Watermark,
            ) -> Result<Order, CompleteError> {
                sealed::Completing::order(&mut **self, delivery, watermark).await
            }
        }
    };
}

#[cfg(feature = "postgres")]
completing!(sqlx::PgConnection, crate::postgres::Inner);
#[cfg(feature = "postgres")]
through!(sqlx::Transaction<'_, sqlx::Postgres>);
#[cfg(feature = "postgres")]
through!(sqlx::pool::PoolConnection<sqlx::Postgres>);

#[cfg(feature = "sqlite")]
completing!(sqlx::SqliteConnection, crate::sqlite::Inner);
#[cfg(feature = "sqlite")]
through!(sqlx::Transaction<'_, sqlx::Sqlite>);
#[cfg(feature = "sqlite")]
through!(sqlx::pool::PoolConnection<sqlx::Sqlite>);
#[cfg(feature = "sqlite")]
through!(crate::sqlite::SqliteTurn);
