//! What a store must do, so that an event is handled once at a time and remembered once handled.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

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
///    So a call whose answer got lost can be repeated.
/// 4. A released key can be claimed at once.
/// 5. A completed key is forgotten when its retention ends and not before. A store without room
///    refuses new keys with [`StoreErrorKind::Full`].
/// 6. A token that was released or completed never claims again. Calls can overtake each other (over
///    other connections, late bytes, a repeated message), so a claim may arrive after the release of
///    its own token, and must then change nothing: nobody would settle it. Releasing a token keeps
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

/// What [`Store::transactional`] gives.
pub type Transactional = Arc<dyn Any + Send + Sync>;

/// What [`Store::claim`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The event is yours to handle.
    Fresh,
    /// Somebody else is handling it, or this token's own claim has ended.
    InFlight {
        /// When their lease ends at the latest; nothing for a token whose own claim has ended.
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

/// The owner's mark on a claim: 128 bits that nobody can guess, new for every claim.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClaimToken([u8; 16]);

impl ClaimToken {
    /// A new token.
    ///
    /// # Errors
    ///
    /// If the operating system has no randomness to give.
    pub fn random() -> Result<Self, StoreError> {
        static SEED: OnceLock<[u8; 32]> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let seed = match SEED.get() {
            Some(seed) => seed,
            None => {
                let mut seed = [0; 32];
                getrandom::fill(&mut seed).map_err(|error| {
                    StoreError::new(StoreErrorKind::Unavailable, error.to_string())
                })?;
                SEED.get_or_init(|| seed)
            }
        };
        // One draw a process, not one a claim: asking the operating system takes longer than all
        // else that a claim does. The count makes each token new, and the time keeps apart copies
        // of a process that were made with its memory (a fork, a snapshot).
        // No time is judged by this, so it is not the endpoint's clock: it only makes tokens differ.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let digest = Sha256::new_with_prefix(seed)
            .chain_update(COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes())
            .chain_update((now.as_nanos() as u64).to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, random)| *byte = random);
        Ok(Self(bytes))
    }

    /// The token's bytes, for a store to write.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for ClaimToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows the token can settle the claim.
        f.write_str("ClaimToken(..)")
    }
}

/// A store that could not do what it was asked.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It cannot answer: down, slow, restarting.
    Unavailable,
    /// It has no room for another key.
    Full,
}

impl StoreError {
    /// An error of this kind, with its cause for the log.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            StoreErrorKind::Unavailable => write!(f, "the store cannot answer: {}", self.source),
            StoreErrorKind::Full => write!(f, "the store is full: {}", self.source),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        (**self).claim(key, token, lease).await
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        (**self).complete(key, token, retention).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        (**self).release(key, token).await
    }

    async fn is_completed(&self, key: EventKey, token: ClaimToken) -> Result<bool, StoreError> {
        (**self).is_completed(key, token).await
    }

    fn transactional(&self) -> Option<Transactional> {
        (**self).transactional()
    }
}

/// What the methods of [`DynStore`] return.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`Store`] as a trait object. Every store is one; `Arc<dyn DynStore>` is a [`Store`] again.
///
/// ```
/// use countersign::{DynStore, MemoryStore};
/// use std::sync::Arc;
///
/// let store: Arc<dyn DynStore> = Arc::new(MemoryStore::new());
/// ```
pub trait DynStore: Send + Sync + 'static {
    /// [`Store::claim`].
    fn dyn_claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> StoreFuture<'_, Claimed>;
    /// [`Store::complete`].
    fn dyn_complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> StoreFuture<'_, Settled>;
    /// [`Store::release`].
    fn dyn_release(&self, key: EventKey, token: ClaimToken) -> StoreFuture<'_, Settled>;
    /// [`Store::is_completed`].
    fn dyn_is_completed(&self, key: EventKey, token: ClaimToken) -> StoreFuture<'_, bool>;
    /// [`Store::transactional`].
    fn dyn_transactional(&self) -> Option<Transactional>;
}

impl<S: Store> DynStore for S {
    fn dyn_claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> StoreFuture<'_, Claimed> {
        Box::pin(self.claim(key, token, lease))
    }

    fn dyn_complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> StoreFuture<'_, Settled> {
        Box::pin(self.complete(key, token, retention))
    }

    fn dyn_release(&self, key: EventKey, token: ClaimToken) -> StoreFuture<'_, Settled> {
        Box::pin(self.release(key, token))
    }

    fn dyn_is_completed(&self, key: EventKey, token: ClaimToken) -> StoreFuture<'_, bool> {
        Box::pin(self.is_completed(key, token))
    }

    fn dyn_transactional(&self) -> Option<Transactional> {
        self.transactional()
    }
}

impl Store for dyn DynStore {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.dyn_claim(key, token, lease).await
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        self.dyn_complete(key, token, retention).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        self.dyn_release(key, token).await
    }

    async fn is_completed(&self, key: EventKey, token: ClaimToken) -> Result<bool, StoreError> {
        self.dyn_is_completed(key, token).await
    }

    fn transactional(&self) -> Option<Transactional> {
        self.dyn_transactional()
    }
}

impl fmt::Debug for dyn DynStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynStore")
    }
}
