//! The store as the core calls it: each call within its time, and a panic in it as an error.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use super::catch_unwind::CatchUnwind;
use crate::dedup::{
    ClaimToken, Claimed, Settled, Store, StoreError, StoreErrorKind, Transactional,
};
use crate::key::EventKey;
use crate::runtime::Runtime;

/// A store, the time that a call of it may take, and the runtime whose timer measures that.
pub(crate) struct StoreCalls<S> {
    store: S,
    timeout: Duration,
    runtime: OnceLock<Runtime>,
}

/// A claim on its way to the store. It owns what it needs, so whoever waits for its answer can leave
/// the rest of the wait to somebody else.
pub(crate) type ClaimCall = Pin<Box<dyn Future<Output = Result<Claimed, StoreError>> + Send>>;

impl<S: Store> StoreCalls<S> {
    pub(super) fn new(store: S, timeout: Duration) -> Self {
        Self { store, timeout, runtime: OnceLock::new() }
    }

    pub(crate) fn claim_call(
        self: &Arc<Self>,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> ClaimCall {
        let calls = Arc::clone(self);
        Box::pin(async move { calls.claim(key, token, lease).await })
    }

    pub(crate) async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.limited(async { self.store.claim(key, token, lease).await }).await
    }

    pub(crate) async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        self.limited(async { self.store.complete(key, token, retention).await }).await
    }

    pub(crate) async fn release(
        &self,
        key: EventKey,
        token: ClaimToken,
    ) -> Result<Settled, StoreError> {
        self.limited(async { self.store.release(key, token).await }).await
    }

    pub(crate) async fn is_completed(
        &self,
        key: EventKey,
        token: ClaimToken,
    ) -> Result<bool, StoreError> {
        self.limited(async { self.store.is_completed(key, token).await }).await
    }

    pub(crate) fn transactional(&self) -> Option<Transactional> {
        self.store.transactional()
    }

    /// A call within its time, if there is a runtime to measure it.
    async fn limited<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let call = pin!(call);
        let (mut call, mut timer) = (CatchUnwind(call), None);
        poll_fn(|cx| {
            match Pin::new(&mut call).poll(cx) {
                Poll::Ready(Ok(answer)) => return Poll::Ready(answer),
                Poll::Ready(Err(panic)) => return Poll::Ready(Err(panicked(&*panic))),
                Poll::Pending => {}
            }
            // No timer is made for a store that answers at once.
            let Some(runtime) = self.runtime() else { return Poll::Pending };
            let timer = timer.get_or_insert_with(|| runtime.sleep(self.timeout));
            timer.as_mut().poll(cx).map(|()| {
                let late = format!("no answer within {:?}", self.timeout);
                Err(StoreError::new(StoreErrorKind::Unavailable, late))
            })
        })
        .await
    }
}

impl<S> StoreCalls<S> {
    pub(crate) fn runtime(&self) -> Option<Runtime> {
        self.runtime.get().copied()
    }

    /// Sets the runtime, unless there is one already.
    pub(super) fn set_runtime(&self, runtime: Runtime) {
        let _ = self.runtime.set(runtime);
    }
}

/// A panic of a store. Whether the call took effect is open, as with every error.
fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let what = format!("the store panicked: {}", said.unwrap_or("without a message"));
    StoreError::new(StoreErrorKind::Unavailable, what)
}
