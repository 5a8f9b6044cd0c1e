//! What a store must do, so that an event is handled once at a time and remembered once handled.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::attempts::{Attempt, Parked, ParkedNote};
use super::error::StoreError;
use super::operate::{EventState, Forgotten, StoreStats};
use super::token::ClaimToken;
use crate::key::EventKey;

/// The memory of what is being handled and what has been.
///
/// Every method is one atomic step in the store, on the store's own clock. Between them they
/// keep these promises, whichever process or machine calls:
///
/// 1. A key has at most one owner until its lease ends or the owner settles.
/// 2. Settling compares the token in the same step. An owner whose lease has run out learns
///    [`Settled::Lost`], and what it tried has no effect.
/// 3. Claiming again with the token that owns the key is the same claim: the lease starts anew.
///    So a call whose answer got lost can be repeated. If that cannot be done now, because somebody has
///    locked the claim, the call fails: [`Claimed::InFlight`] would end the renewals.
/// 4. A released key can be claimed at once.
/// 5. A completed key is forgotten when its retention ends and not before. A store without room
///    refuses new keys with [`StoreErrorKind::Full`](crate::StoreErrorKind::Full), and has not claimed them then.
/// 6. A token that was released or completed never claims again. Calls can overtake each other (over
///    other connections, late bytes, a repeated message), so a claim may arrive after the release of
///    its own token, and must then change nothing: it would not be settled. Releasing a token keeps
///    it from claiming its key for [`RELEASED_FOR`], also where the claim had not arrived, and keeps
///    no other token from claiming. A token that completed its key is answered [`Claimed::Done`].
///    A store that sends a call again by itself sees to it that no earlier copy of a claim acts after
///    a later copy was refused: it releases the token before it answers.
///
/// A call may be dropped before it has ended, because it took too long; whether it took effect is
/// then open, and the store must be whole for the next one.
///
/// Share a store between endpoints by cloning it, or as `Arc<S>`, or as `Arc<dyn DynStore>`
/// where its type is chosen at run time.
///
/// ```
/// use countersign::{Claimed, EventKey, MemoryStore, Settled, Store, ClaimToken};
/// use std::time::Duration;
///
/// # futures_lite(async {
/// let store = MemoryStore::new();
/// let key = EventKey::from_bytes([7; 16]);
/// let (mine, other) = (ClaimToken::random()?, ClaimToken::random()?);
/// let (lease, retention) = (Duration::from_secs(300), Duration::from_secs(86_400));
///
/// assert_eq!(store.claim(key, mine, lease).await?, Claimed::Fresh);
/// assert!(matches!(store.claim(key, other, lease).await?, Claimed::InFlight { .. }));
/// assert_eq!(store.release(key, other).await?, Settled::Lost);
/// assert_eq!(store.complete(key, mine, retention).await?, Settled::Settled);
/// assert_eq!(store.claim(key, other, lease).await?, Claimed::Done);
/// # Ok::<(), countersign::StoreError>(())
/// # });
/// # fn futures_lite<F: Future<Output = Result<(), countersign::StoreError>>>(future: F) {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     assert!(matches!(std::pin::pin!(future).poll(&mut context), std::task::Poll::Ready(Ok(()))));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a deduplication store",
    note = "use `MemoryStore`, an `Arc<dyn DynStore>`, or implement `countersign::Store`"
)]
pub trait Store: Send + Sync + 'static {
    /// Asks for the right to handle an event for the length of the lease.
    fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> impl Future<Output = Result<Claimed, StoreError>> + Send;

    /// The same, for a store that need not wait for its answer, as one in this process's memory: the
    /// answer of [`claim`](Self::claim), or nothing, and then `claim` is called. It saves every delivery
    /// the future of that call, and is not given up after a time, so it must be quick: a claim that is
    /// answered when its lease has run out is released, and the delivery comes again. A store around
    /// another one may pass that one's on. Defaults to nothing.
    fn claim_at_once(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Option<Result<Claimed, StoreError>> {
        let _ = (key, token, lease);
        None
    }

    /// Ends a claim: the event is handled, remember it. Completing again with the same token is
    /// settled again.
    fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> impl Future<Output = Result<Settled, StoreError>> + Send;

    /// Ends a claim: the event is not handled, accept its next delivery. The token does not claim
    /// again, whatever this answers.
    fn release(
        &self,
        key: EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<Settled, StoreError>> + Send;

    /// Whether this token has completed the key, by what is committed now. It changes nothing and
    /// waits for no lock. It is asked after a handler says that it completed its claim in a
    /// transaction of its own, so only a store with [`transactional`](Self::transactional) needs it.
    /// Defaults to "no", which loses nothing: the event's next delivery is accepted.
    fn is_completed(
        &self,
        key: EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (key, token);
        std::future::ready(Ok(false))
    }

    /// Forgets that an event is handled: the next delivery of it is handled. It is what an operator calls
    /// after a handler answered 2xx for work that it had not done.
    ///
    /// It is fenced against handlers:
    ///
    /// - A key that is claimed under a live lease is not forgotten, and the answer is
    ///   [`Forgotten::InFlight`]. So is one that a handler has completed in a transaction of its own
    ///   that is still open: it is handled when that commits. It waits for neither; only where a store
    ///   has one writer at a time (SQLite), it has to wait for its turn.
    /// - One that has committed such a transaction is handled, also if its handler has more to do: if it is
    ///   forgotten then, its next delivery does not wait for that handler.
    /// - The token that had completed the key is released in the same step, as by
    ///   [`release`](Self::release): what is late of its calls (a renewal, a second `complete`) changes
    ///   nothing, and settling with it answers [`Settled::Lost`] from then on. Marks of tokens that were
    ///   released before stay as they are.
    /// - The count of its [attempts](Self::attempt) and its [parked](Self::park) record, if it has them,
    ///   are removed in the same step: its next attempt is the first one.
    /// - Only that one handling is forgotten: a copy of this call that arrives late forgets none that
    ///   came after it. So an event is handled at most once more for each call that answers
    ///   [`Forgotten::Forgotten`].
    ///
    /// A store that sends a call again by itself may answer [`Forgotten::NotHandled`] where the first
    /// copy was carried out. A store around another one passes that one's on. Defaults to an error
    /// of the kind [`Unsupported`](crate::StoreErrorKind::Unsupported).
    fn forget(&self, key: EventKey) -> impl Future<Output = Result<Forgotten, StoreError>> + Send {
        let _ = key;
        std::future::ready(Err(StoreError::unsupported("forget")))
    }

    /// Counts the claim that this token holds now as one more attempt of the event, and answers which one
    /// it is. It is asked once for each claim, before its handler runs, where the endpoint
    /// [counts attempts](crate::EndpointBuilder::count_attempts).
    ///
    /// It is one atomic step and fenced by the token: a claim that is not held (its lease is over, it was
    /// settled, or it is somebody else's) is [`Attempt::Lost`] and not counted. A call that is repeated with
    /// the same token is answered the same number. The count is kept for `keep` from the last attempt on,
    /// and stays when the claim is released or its lease ends. It may go when the event is completed. A claim of
    /// an event that is recorded as [parked](Self::park) is the first attempt, and the record goes: who
    /// removed the event's own entry by hand has forgotten it. A store without room for the count answers an error
    /// of the kind [`Full`](crate::StoreErrorKind::Full). A store around another one passes that one's
    /// on. Defaults to an error of the kind [`Unsupported`](crate::StoreErrorKind::Unsupported).
    fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> impl Future<Output = Result<Attempt, StoreError>> + Send {
        let _ = (key, token, keep);
        std::future::ready(Err(StoreError::unsupported("attempt")))
    }

    /// Takes back the count of this token's [attempt](Self::attempt). It is called after the claim was
    /// released, whenever its handler did not begin, and may be repeated.
    ///
    /// If the claim of this token was the last that was counted, the count is what it was before; one that
    /// is zero then begins anew. Else, and for an event that is parked, it changes nothing. A store
    /// around another one passes that one's on. Defaults to an error of the kind
    /// [`Unsupported`](crate::StoreErrorKind::Unsupported), which is taken for nothing to do.
    fn uncount(
        &self,
        key: EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = (key, token);
        std::future::ready(Err(StoreError::unsupported("uncount")))
    }

    /// Ends a claim: the event is not handled and is not to come again. In one atomic step it is completed,
    /// to be remembered for `keep`, and recorded as parked for as long, with the attempts that were counted.
    ///
    /// It is fenced as [`complete`](Self::complete) is, and a call that is repeated with the same token is
    /// settled again and changes nothing. [`Settled::Settled`] says that this token has parked the event:
    /// one that has completed it is [`Settled::Lost`]. To the other calls a parked event is a handled one:
    /// claims are answered [`Claimed::Done`], and [`forget`](Self::forget) lets it be handled again. A store
    /// around another one passes that one's on. Defaults to an error of the kind
    /// [`Unsupported`](crate::StoreErrorKind::Unsupported).
    fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> impl Future<Output = Result<Settled, StoreError>> + Send {
        let _ = (key, token, keep, note);
        std::future::ready(Err(StoreError::unsupported("park")))
    }

    /// The events that are parked now, at most so many, those that were parked first first. It changes
    /// nothing and may look at everything, as [`stats`](Self::stats) does. A store around another one
    /// passes that one's on. Defaults to an error of the kind
    /// [`Unsupported`](crate::StoreErrorKind::Unsupported).
    fn parked(&self, limit: u32) -> impl Future<Output = Result<Vec<Parked>, StoreError>> + Send {
        let _ = limit;
        std::future::ready(Err(StoreError::unsupported("parked")))
    }

    /// The record of this event, if it is parked: what [`parked`](Self::parked) would list of it. Defaults
    /// to an error of the kind [`Unsupported`](crate::StoreErrorKind::Unsupported).
    fn parked_event(
        &self,
        key: EventKey,
    ) -> impl Future<Output = Result<Option<Parked>, StoreError>> + Send {
        let _ = key;
        std::future::ready(Err(StoreError::unsupported("parked_event")))
    }

    /// What the store knows of an event, by what is committed now. It changes nothing and waits for
    /// nobody. It is for people and reports: by the time the answer is read, it may have changed. A
    /// store around another one passes that one's on. Defaults to an error of the kind
    /// [`Unsupported`](crate::StoreErrorKind::Unsupported).
    fn state(&self, key: EventKey) -> impl Future<Output = Result<EventState, StoreError>> + Send {
        let _ = key;
        std::future::ready(Err(StoreError::unsupported("state")))
    }

    /// How much the store holds, [parked](Self::park) events apart from those that were handled.
    /// It changes nothing and holds up no delivery, and it looks at
    /// everything: seconds for millions of keys, so it is for people and not for each scrape of a
    /// monitor. A store around another one passes that one's on. Defaults to an error of the kind
    /// [`Unsupported`](crate::StoreErrorKind::Unsupported).
    fn stats(&self) -> impl Future<Output = Result<StoreStats, StoreError>> + Send {
        std::future::ready(Err(StoreError::unsupported("stats")))
    }

    /// What the metrics call it, such as `postgres`: the kind of store, and not which one. A store around
    /// another one passes that one's on. Defaults to the name of the type.
    fn name(&self) -> &'static str {
        let name = std::any::type_name::<Self>();
        let name = name.split('<').next().unwrap_or(name);
        name.rsplit("::").next().unwrap_or(name)
    }

    /// For a store in a database that handlers write to as well: what its crate needs to complete a
    /// claim in a handler's own transaction, through
    /// [`Claim::complete_with`](crate::Claim::complete_with). A store around another one passes
    /// that one's on. Defaults to nothing.
    fn transactional(&self) -> Option<Transactional> {
        None
    }
}

/// How long a store remembers that a token was released. No call is under way for longer: the core
/// gives a call up after seconds, and what a connection still holds of it arrives or is lost.
pub const RELEASED_FOR: Duration = Duration::from_secs(5 * 60);

/// A hundred years: a store may cut a longer lease or retention to this, where its database has no
/// place for more. It is a length of time that is never waited for.
pub const LONGEST_KEPT: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What [`Store::transactional`] gives.
pub type Transactional = Arc<dyn Any + Send + Sync>;

/// What [`Store::claim`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claimed {
    /// The event is yours to handle.
    Fresh,
    /// Another delivery of it is being handled, or this token's own claim has ended.
    InFlight {
        /// When its lease ends at the latest; nothing for a token whose own claim has ended.
        retry_after: Duration,
    },
    /// It has been handled.
    Done,
}

/// What settling a claim answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// The claim was held and has ended as asked.
    Settled,
    /// The claim was not held any more. Nothing has changed.
    Lost,
}

/// What completing a claim in a transaction of the user's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InTransaction {
    /// The claim is completed when the transaction commits.
    Completed,
    /// A transaction before this one completed the claim, and has committed.
    AlreadyCompleted,
    /// The claim was not held any more. Nothing has changed.
    Lost,
}
