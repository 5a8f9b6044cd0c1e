//! The right to handle one event, as its handler sees it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::held::{Held, State};
use super::verdict::Verdict;
use crate::dedup::{ClaimToken, InTransaction, StoreError};
use crate::key::EventKey;

/// The claim under which a handler runs; [`Delivery::claim`](crate::Delivery::claim) has it.
///
/// Its lease is renewed while the handler runs, by a task of its own. It can still be lost: when
/// the store could not be reached for as long as a lease, when the process stood still, or when the
/// handler took longer than leases are renewed for. Then another delivery of the event may be handled at the
/// same time, and a handler that does something in many steps should stop between two of them:
///
/// ```
/// # use countersign::Delivery;
/// async fn import(delivery: &Delivery, parts: Vec<String>) -> Result<(), &'static str> {
///     for part in parts {
///         if delivery.claim().is_lost() {
///             return Err("another handler may be working on it");
///         }
///         // … work on the part …
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Claim(Option<Arc<Held>>);

impl Claim {
    /// The claim of a delivery that no store was asked about.
    pub(crate) const NONE: Self = Self(None);

    pub(super) fn held(held: Arc<Held>) -> Self {
        Self(Some(held))
    }

    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.0.as_ref().map(|held| &held.verdict)
    }

    /// Whether the claim is lost, as far as this process knows: another delivery of the event may
    /// be handled now. It does not ask the store, and returns at once.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.as_ref().is_some_and(|held| held.is_lost())
    }

    /// Completes the claim in a transaction of the user's own, so that the mark "handled" commits
    /// with it or not at all. This is for the crates that bring such a store: users call their
    /// `complete_in`.
    ///
    /// `complete` gets what the store gave as [`Store::transactional`](crate::Store::transactional),
    /// if it is a `T`, and does in the transaction what
    /// [`Store::complete`](crate::Store::complete) does.
    ///
    /// # Errors
    ///
    /// A [`CompleteError`]; the transaction must not commit then. If the handler answers 2xx after all, the
    /// store is asked whether the claim is completed, and the answer is
    /// [`NotCommitted`](crate::RejectionKind::NotCommitted) if it is not.
    pub async fn complete_with<T, F, Fut>(&self, complete: F) -> Result<(), CompleteError>
    where
        T: Any + Send + Sync,
        F: FnOnce(Arc<T>, EventKey, ClaimToken, Duration) -> Fut,
        Fut: Future<Output = Result<InTransaction, StoreError>>,
    {
        let held = self.0.as_ref().ok_or(CompleteError::NoClaim)?;
        let store = held.transactional.clone().and_then(|store| store.downcast().ok());
        let store = store.ok_or(CompleteError::OtherStore)?;
        // Before the call: an error or a drop of this future does not say whether the transaction has the mark.
        held.transact();
        match complete(store, held.key, held.token, held.retention).await {
            Ok(InTransaction::Completed) => {
                held.set(State::InTransaction);
                Ok(())
            }
            Ok(InTransaction::AlreadyCompleted) => {
                held.set(State::InTransaction);
                Err(CompleteError::AlreadyCompleted)
            }
            Ok(InTransaction::Lost) => {
                held.set(State::Lost);
                Err(CompleteError::Lost)
            }
            Err(error) => Err(CompleteError::Store(error)),
        }
    }

    /// Does something else in a transaction of the user's own that only the holder of the claim may do,
    /// and gives what came of it. This is for the crates that bring such a store, as
    /// [`complete_with`](Self::complete_with) is. The claim is not completed by it.
    ///
    /// `ask` gets the same as there. It says in [`Fenced`] whether the claim was still held when it was
    /// done, as far as the transaction can see.
    ///
    /// # Errors
    ///
    /// A [`CompleteError`]; the transaction must not commit then. If the handler answers 2xx after all, it is as
    /// after an error of [`complete_with`](Self::complete_with), unless a later step got its answer.
    pub async fn fenced_with<T, R, F, Fut>(&self, ask: F) -> Result<R, CompleteError>
    where
        T: Any + Send + Sync,
        F: FnOnce(Arc<T>, EventKey, ClaimToken, Duration) -> Fut,
        Fut: Future<Output = Result<Fenced<R>, StoreError>>,
    {
        let held = self.0.as_ref().ok_or(CompleteError::NoClaim)?;
        let store = held.transactional.clone().and_then(|store| store.downcast().ok());
        let store = store.ok_or(CompleteError::OtherStore)?;
        held.step(true);
        match ask(store, held.key, held.token, held.retention).await {
            Ok(Fenced::Held(answer)) => {
                held.step(false);
                Ok(answer)
            }
            Ok(Fenced::AlreadyCompleted) => {
                held.set(State::InTransaction);
                Err(CompleteError::AlreadyCompleted)
            }
            Ok(Fenced::Lost) => {
                held.set(State::Lost);
                Err(CompleteError::Lost)
            }
            Err(error) => Err(CompleteError::Store(error)),
        }
    }
}

/// What became of a step that only the holder of a claim may do; see [`Claim::fenced_with`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced<R> {
    /// The claim is held, or was completed in the same transaction. This is what the step gave.
    Held(R),
    /// A transaction before this one completed the claim, and has committed.
    AlreadyCompleted,
    /// The claim was not held any more.
    Lost,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("key", &self.0.as_ref().map(|held| held.key))
            .field("is_lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}

/// Why a claim was not completed in a transaction. The transaction must not commit: drop it or roll
/// it back, and answer with a status other than 2xx, except for
/// [`AlreadyCompleted`](Self::AlreadyCompleted).
#[derive(Debug)]
#[non_exhaustive]
pub enum CompleteError {
    /// The claim is not held any more: another delivery of the event may have been handled.
    Lost,
    /// A transaction before this one completed the claim, and has committed, though its answer may
    /// have been lost: the effect is there. Roll this transaction back and answer 2xx.
    AlreadyCompleted,
    /// The store could not do it.
    Store(StoreError),
    /// The receiver's store does not live in this kind of database.
    OtherStore,
    /// The delivery did not come from a receiver, so there is nothing to complete.
    NoClaim,
}

impl fmt::Display for CompleteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => f.write_str(
                "the claim is not held any more, so another delivery of the event may have been \
                 handled: do not commit",
            ),
            Self::AlreadyCompleted => f.write_str(
                "a transaction before this one completed the claim and has committed, so the \
                 effect is there: roll this one back and answer 2xx",
            ),
            Self::Store(_) => f.write_str("the event was not marked as handled"),
            Self::OtherStore => f.write_str(
                "this transaction is not of the kind of database that the receiver's store is in: \
                 give the receiver a store in the database that the handler writes to",
            ),
            Self::NoClaim => f.write_str(
                "the delivery has no claim to complete: it did not come from a receiver's handler",
            ),
        }
    }
}

impl std::error::Error for CompleteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Lost | Self::AlreadyCompleted | Self::OtherStore | Self::NoClaim => None,
        }
    }
}
