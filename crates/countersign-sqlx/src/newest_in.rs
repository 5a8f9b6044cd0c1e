//! Whether an event is the newest one of its entity, inside the handler's own transaction.

use std::future::Future;

use countersign::{CompleteError, Delivery};

use crate::Version;
use crate::complete_in::{SqlConnection, sealed::Completing};

/// How an event stands to those of the same entity that came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "an event that is superseded must not take effect"]
pub enum Order {
    /// It is newer than all that were handled, or the first one, or the newest one handled again. Go on.
    Newest,
    /// A newer one was handled. Complete this one without its effect.
    Superseded,
    /// Another event with the very same version was handled: the version does not say which is newer. See
    /// "Events that come out of order" among the pages for what to do.
    Same,
}

/// Tells events apart that come late, by a watermark that commits with your own transaction. In scope for
/// `Delivery`, and for the extractors of the adapters.
///
/// ```
/// use countersign_sqlx::{CompleteIn, NewestIn, Order};
///
/// async fn invoice_changed(
///     delivery: countersign::Delivery,
///     pool: &sqlx::PgPool,
///     (id, version, status): (&str, i64, &str),
/// ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///     let mut tx = pool.begin().await?;
///     match delivery.newest_in(&mut tx, &format!("invoice {id}"), version).await? {
///         // Of two with one version, the later one is taken. An error would only bring it again.
///         Order::Newest | Order::Same => {
///             let update = sqlx::query("UPDATE invoices SET status = $2 WHERE id = $1");
///             update.bind(id).bind(status).execute(&mut *tx).await?;
///         }
///         // It came late. It is handled, and changes nothing.
///         Order::Superseded => {}
///     }
///     delivery.complete_in(&mut tx).await?;
///     tx.commit().await?;
///     Ok(())
/// }
/// ```
///
/// Ask before you write, and end with [`complete_in`](crate::CompleteIn::complete_in): this looks whether the
/// claim is held now, and only that one says so for the end of the transaction, and makes the event
/// handled together with the watermark.
pub trait NewestIn {
    /// Compares the version with the entity's watermark, the newest version that was handled, and
    /// moves the watermark if this version is newer. The watermark is written in the transaction that this
    /// connection is in: rolled back, the event has left no trace.
    ///
    /// `entity` is any text that names what the event is about, such as `invoice in_123`: of any length, only
    /// a digest is stored. Watermarks are told apart by endpoint (and tenant). Transactions on one entity wait
    /// for each other: commit soon. A transaction may ask about several entities. If two transactions ask about
    /// the same ones in different order, the database ends one of them with an error: ask in the order of
    /// their names.
    ///
    /// An event is never superseded by itself: tried again after a failure, a lost answer to a `COMMIT` or
    /// `forget`, it is [`Order::Newest`] until a newer one was handled. In one transaction, a second call
    /// for an entity is compared with the first.
    ///
    /// A watermark is kept for `keep_watermarks` of the store's builder (30 days unless set), at least for the
    /// endpoint's retention, since the last event of its entity. A purge drops it then, and any
    /// version is the newest again.
    ///
    /// The store's table needs [schema version 3](crate#the-schemas-version).
    ///
    /// # Errors
    ///
    /// After an error the transaction must not commit, as after one of
    /// [`complete_in`](crate::CompleteIn::complete_in). A handler that answers 2xx after all, without a later call
    /// that succeeds, is answered 500 `not_committed`. The errors are the same:
    ///
    /// - [`CompleteError::AlreadyCompleted`]: a transaction before this one completed the claim and has
    ///   committed. Roll back and answer 2xx.
    /// - [`CompleteError::Lost`]: the lease ran out, perhaps while this waited for another transaction, or the
    ///   transaction is in another database than the store's, where no claim is.
    /// - [`CompleteError::Store`]: the database said no. At `REPEATABLE READ` or `SERIALIZABLE`, because
    ///   another transaction has moved the watermark since this one began; because of a deadlock (in both
    ///   cases roll back and run it again from its beginning, or answer 503); because the tables are of an older
    ///   schema version; or what [`complete_in`](crate::CompleteIn::complete_in) lists.
    /// - [`CompleteError::OtherStore`] and [`CompleteError::NoClaim`], as there.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the watermark may have been moved in the transaction: roll it back.
    fn newest_in<C>(
        &self,
        connection: &mut C,
        entity: &str,
        version: impl Into<Version>,
    ) -> impl Future<Output = Result<Order, CompleteError>> + Send
    where
        C: SqlConnection + ?Sized;
}

impl<W: AsRef<Delivery> + ?Sized> NewestIn for W {
    fn newest_in<C>(
        &self,
        connection: &mut C,
        entity: &str,
        version: impl Into<Version>,
    ) -> impl Future<Output = Result<Order, CompleteError>> + Send
    where
        C: SqlConnection + ?Sized,
    {
        // Cheap, and spares `W` from having to be `Sync`.
        let delivery = self.as_ref().clone();
        let watermark = Watermark { entity: delivery.entity_key(entity), version: version.into() };
        async move { Completing::order(connection, &delivery, watermark).await }
    }
}

/// What an event says of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    pub(crate) entity: [u8; 16],
    pub(crate) version: Version,
}
