//! The store as the core calls it: each call within its time, and a panic in it as an error.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::catch_unwind::CatchUnwind;
use crate::dedup::{
    Attempt, ClaimToken, Claimed, ParkedNote, Settled, Store, StoreError, StoreErrorKind,
    Transactional,
};
use crate::endpoint::Endpoint;
use crate::key::EventKey;
use crate::report::metrics::{Operation, StoreMetrics, StoreWatch};
use crate::runtime::{BoxFuture, Runtime, poll_limit};

/// A store, the endpoint, which says how long a call of it may take, and the runtime whose timer
/// measures that.
pub(crate) struct StoreCalls<S> {
    store: S,
    endpoint: Endpoint,
    runtime: OnceLock<Runtime>,
    metrics: StoreMetrics,
}

/// A claim on its way to the store. It owns what it needs, so whoever waits for its answer can leave
/// the rest of the wait to somebody else.
pub(crate) type ClaimCall = Pin<Box<dyn Future<Output = Result<Claimed, StoreError>> + Send>>;

impl<S: Store> StoreCalls<S> {
    pub(super) fn new(store: S, endpoint: Endpoint) -> Self {
        Self { store, endpoint, runtime: OnceLock::new(), metrics: StoreMetrics::default() }
    }

    /// The answer of a store that answers at once.
    pub(crate) fn claim_at_once(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Option<Result<Claimed, StoreError>> {
        let watch = self.start(Operation::Claim);
        let call = AssertUnwindSafe(|| self.store.claim_at_once(key, token, lease));
        let claimed = catch_unwind(call).unwrap_or_else(|panic| Some(Err(panicked(&*panic))));
        if claimed.is_some() {
            self.metrics.stop(watch, &self.endpoint);
        }
        claimed
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

    pub(crate) fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> impl Future<Output = Result<Claimed, StoreError>> + Send {
        self.limited(Operation::Claim, move || self.store.claim(key, token, lease))
    }

    /// The claim once more, so that its lease starts anew.
    pub(crate) fn renew(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> impl Future<Output = Result<Claimed, StoreError>> + Send {
        self.limited(Operation::Renew, move || self.store.claim(key, token, lease))
    }

    pub(crate) fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> impl Future<Output = Result<Settled, StoreError>> + Send {
        self.limited(Operation::Complete, move || self.store.complete(key, token, retention))
    }

    pub(crate) fn release(
        &self,
        key: EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<Settled, StoreError>> + Send {
        self.limited(Operation::Release, move || self.store.release(key, token))
    }

    pub(crate) fn is_completed(
        &self,
        key: EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.limited(Operation::Check, move || self.store.is_completed(key, token))
    }

    pub(crate) fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> impl Future<Output = Result<Attempt, StoreError>> + Send {
        self.limited(Operation::Attempt, move || self.store.attempt(key, token, keep))
    }

    /// Takes back the count of an attempt, where the store can.
    pub(crate) async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        let done = self.limited(Operation::Attempt, move || self.store.uncount(key, token)).await;
        match done {
            Err(error) if error.kind() == StoreErrorKind::Unsupported => Ok(()),
            done => done,
        }
    }

    pub(crate) fn park<'a>(
        &'a self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &'a ParkedNote,
    ) -> impl Future<Output = Result<Settled, StoreError>> + Send {
        self.limited(Operation::Park, move || self.store.park(key, token, keep, note))
    }

    pub(crate) fn transactional(&self) -> Option<Transactional> {
        self.store.transactional()
    }

    /// A call within its time, if there is a runtime to measure it.
    fn limited<C, F, T>(&self, operation: Operation, call: C) -> Limited<'_, S, C, F>
    where
        C: FnOnce() -> F,
        F: Future<Output = Result<T, StoreError>>,
    {
        let watch = self.start(operation);
        Limited { call: CatchUnwind::new(call), timer: None, watch, calls: self }
    }

    fn start(&self, operation: Operation) -> StoreWatch {
        self.metrics.start(&self.store, &self.endpoint, operation)
    }

    /// A call has failed.
    pub(crate) fn failed(&self, operation: Operation) {
        self.metrics.failed(&self.store, operation);
    }
}

pin_project! {
    /// A call of a store. By hand, because it is a part of every delivery's future, which grows with it:
    /// an `async` block has twice what is moved into a part of it.
    struct Limited<'a, S, C, F> {
        #[pin]
        call: CatchUnwind<C, F>,
        timer: Option<BoxFuture>,
        watch: StoreWatch,
        calls: &'a StoreCalls<S>,
    }
}

impl<S, C, F, T> Future for Limited<'_, S, C, F>
where
    C: FnOnce() -> F,
    F: Future<Output = Result<T, StoreError>>,
{
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let calls = *this.calls;
        if let Poll::Ready(answer) = this.call.poll(cx) {
            calls.metrics.stop(*this.watch, &calls.endpoint);
            return Poll::Ready(answer.unwrap_or_else(|panic| Err(panicked(&*panic))));
        }
        let timeout = calls.endpoint.store_timeout();
        poll_limit(this.timer, calls.runtime(), timeout, cx).map(|()| {
            calls.metrics.stop(*this.watch, &calls.endpoint);
            let late = format!("no answer within {timeout:?}");
            Err(StoreError::new(StoreErrorKind::Unavailable, late))
        })
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
