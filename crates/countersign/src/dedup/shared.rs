//! Stores behind a pointer: `Arc<S>`, and `Arc<dyn DynStore>` where the type is chosen at run time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::attempts::{Attempt, Parked, ParkedNote};
use super::error::StoreError;
use super::operate::{EventState, Forgotten, StoreStats};
use super::store::{Claimed, Settled, Store, Transactional};
use super::token::ClaimToken;
use crate::key::EventKey;

impl<S: Store + ?Sized> Store for Arc<S> {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        (**self).claim(key, token, lease).await
    }

    fn claim_at_once(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Option<Result<Claimed, StoreError>> {
        (**self).claim_at_once(key, token, lease)
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

    async fn forget(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        (**self).forget(key).await
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        (**self).attempt(key, token, keep).await
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        (**self).uncount(key, token).await
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        (**self).park(key, token, keep, note).await
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        (**self).parked(limit).await
    }

    async fn parked_event(&self, key: EventKey) -> Result<Option<Parked>, StoreError> {
        (**self).parked_event(key).await
    }

    async fn state(&self, key: EventKey) -> Result<EventState, StoreError> {
        (**self).state(key).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        (**self).stats().await
    }

    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn transactional(&self) -> Option<Transactional> {
        (**self).transactional()
    }
}

/// [`Store`] as a trait object. Every store is one; `Arc<dyn DynStore>` is a [`Store`] again. It
/// cannot be implemented: implement [`Store`].
///
/// ```
/// use countersign::{DynStore, MemoryStore};
/// use std::sync::Arc;
///
/// let store: Arc<dyn DynStore> = Arc::new(MemoryStore::new());
/// ```
///
/// ```compile_fail,E0277
/// struct Mine;
///
/// impl countersign::DynStore for Mine {}
/// ```
pub trait DynStore: Erased {}

impl<S: Store> DynStore for S {}

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What is behind a [`DynStore`]. It has no public name, so that stores implement [`Store`].
pub trait Erased: Send + Sync + 'static {
    fn dyn_claim(&self, key: EventKey, token: ClaimToken, lease: Duration) -> Call<'_, Claimed>;

    fn dyn_claim_at_once(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Option<Result<Claimed, StoreError>>;

    fn dyn_complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Call<'_, Settled>;

    fn dyn_release(&self, key: EventKey, token: ClaimToken) -> Call<'_, Settled>;

    fn dyn_is_completed(&self, key: EventKey, token: ClaimToken) -> Call<'_, bool>;

    fn dyn_forget(&self, key: EventKey) -> Call<'_, Forgotten>;

    fn dyn_attempt(&self, key: EventKey, token: ClaimToken, keep: Duration) -> Call<'_, Attempt>;

    fn dyn_uncount(&self, key: EventKey, token: ClaimToken) -> Call<'_, ()>;

    fn dyn_park<'a>(
        &'a self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &'a ParkedNote,
    ) -> Call<'a, Settled>;

    fn dyn_parked(&self, limit: u32) -> Call<'_, Vec<Parked>>;

    fn dyn_parked_event(&self, key: EventKey) -> Call<'_, Option<Parked>>;

    fn dyn_state(&self, key: EventKey) -> Call<'_, EventState>;

    fn dyn_stats(&self) -> Call<'_, StoreStats>;

    fn dyn_name(&self) -> &'static str;

    fn dyn_transactional(&self) -> Option<Transactional>;
}

impl<S: Store> Erased for S {
    fn dyn_claim(&self, key: EventKey, token: ClaimToken, lease: Duration) -> Call<'_, Claimed> {
        Box::pin(self.claim(key, token, lease))
    }

    fn dyn_claim_at_once(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Option<Result<Claimed, StoreError>> {
        self.claim_at_once(key, token, lease)
    }

    fn dyn_complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Call<'_, Settled> {
        Box::pin(self.complete(key, token, retention))
    }

    fn dyn_release(&self, key: EventKey, token: ClaimToken) -> Call<'_, Settled> {
        Box::pin(self.release(key, token))
    }

    fn dyn_is_completed(&self, key: EventKey, token: ClaimToken) -> Call<'_, bool> {
        Box::pin(self.is_completed(key, token))
    }

    fn dyn_forget(&self, key: EventKey) -> Call<'_, Forgotten> {
        Box::pin(self.forget(key))
    }

    fn dyn_attempt(&self, key: EventKey, token: ClaimToken, keep: Duration) -> Call<'_, Attempt> {
        Box::pin(self.attempt(key, token, keep))
    }

    fn dyn_uncount(&self, key: EventKey, token: ClaimToken) -> Call<'_, ()> {
        Box::pin(self.uncount(key, token))
    }

    fn dyn_park<'a>(
        &'a self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &'a ParkedNote,
    ) -> Call<'a, Settled> {
        Box::pin(self.park(key, token, keep, note))
    }

    fn dyn_parked(&self, limit: u32) -> Call<'_, Vec<Parked>> {
        Box::pin(self.parked(limit))
    }

    fn dyn_parked_event(&self, key: EventKey) -> Call<'_, Option<Parked>> {
        Box::pin(self.parked_event(key))
    }

    fn dyn_state(&self, key: EventKey) -> Call<'_, EventState> {
        Box::pin(self.state(key))
    }

    fn dyn_stats(&self) -> Call<'_, StoreStats> {
        Box::pin(self.stats())
    }

    fn dyn_name(&self) -> &'static str {
        self.name()
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

    fn claim_at_once(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Option<Result<Claimed, StoreError>> {
        self.dyn_claim_at_once(key, token, lease)
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

    async fn forget(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        self.dyn_forget(key).await
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        self.dyn_attempt(key, token, keep).await
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        self.dyn_uncount(key, token).await
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        self.dyn_park(key, token, keep, note).await
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        self.dyn_parked(limit).await
    }

    async fn parked_event(&self, key: EventKey) -> Result<Option<Parked>, StoreError> {
        self.dyn_parked_event(key).await
    }

    async fn state(&self, key: EventKey) -> Result<EventState, StoreError> {
        self.dyn_state(key).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.dyn_stats().await
    }

    fn name(&self) -> &'static str {
        self.dyn_name()
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
