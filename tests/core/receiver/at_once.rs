//! Stores that answer a claim at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::{
    ClaimToken, Claimed, DynStore, EventKey, ManualClock, MemoryStore, Outcome, RejectionKind,
    Settled, Store, StoreError, StoreErrorKind, providers::hostwares,
};

use super::{ACCEPTED, Bench, LEASE, TOKIO};
use crate::support::{NOW, build, clock_at};

/// What becomes of a claim that is made at once.
#[derive(Clone, Copy)]
enum AtOnce {
    Answer,
    /// The answer comes when the lease has run out.
    Late,
    /// The answer gets lost.
    Fail,
    Panic,
    /// The answer is left to `claim`.
    SayNothing,
}

#[derive(Clone)]
struct Quick {
    inner: MemoryStore,
    at_once: Arc<Mutex<AtOnce>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
    clock: ManualClock,
}

impl Quick {
    fn new(at_once: AtOnce) -> Self {
        Self {
            inner: MemoryStore::new(),
            at_once: Arc::new(Mutex::new(at_once)),
            calls: Arc::default(),
            clock: clock_at(NOW),
        }
    }

    fn called(&self, method: &'static str) {
        self.calls.lock().unwrap().push(method);
    }

    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

impl Store for Quick {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.called("claim");
        self.inner.claim(key, token, lease).await
    }

    fn claim_at_once(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Option<Result<Claimed, StoreError>> {
        self.called("at once");
        let claimed = self.inner.claim_at_once(key, token, lease);
        let at_once = *self.at_once.lock().unwrap();
        match at_once {
            AtOnce::Answer => claimed,
            AtOnce::Late => {
                self.clock.advance(LEASE);
                claimed
            }
            AtOnce::Fail => Some(Err(StoreError::new(StoreErrorKind::Unavailable, "as ordered"))),
            AtOnce::Panic => panic!("as ordered"),
            AtOnce::SayNothing => None,
        }
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        self.called("complete");
        self.inner.complete(key, token, retention).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        self.called("release");
        self.inner.release(key, token).await
    }
}

async fn is_asked_once<S: Store>(quick: &Quick, store: S) {
    let bench = Bench::with(store, |receiver| receiver.runtime(TOKIO));
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(quick.calls(), ["at once", "complete"]);
    assert_eq!(bench.send(1, 200).await.unwrap_err().kind(), RejectionKind::Duplicate);
    assert_eq!(bench.send(2, 500).await, Ok(2));
    assert_eq!(quick.calls(), ["at once", "at once", "release"]);
}

/// Also behind a pointer, and where its type is chosen at run time.
#[tokio::test]
async fn a_store_that_answers_at_once_is_asked_once() {
    let quick = Quick::new(AtOnce::Answer);
    is_asked_once(&quick, quick.clone()).await;
    let quick = Quick::new(AtOnce::Answer);
    is_asked_once(&quick, Arc::new(quick.clone())).await;
    let quick = Quick::new(AtOnce::Answer);
    let chosen: Arc<dyn DynStore> = Arc::new(quick.clone());
    is_asked_once(&quick, chosen).await;
}

/// No handler runs on a lease that is over.
#[tokio::test]
async fn a_claim_that_is_answered_too_late_is_let_go() {
    let store = Quick::new(AtOnce::Late);
    let clock = store.clock.clone();
    let endpoint = build(&hostwares::provider(), |endpoint| endpoint.lease(LEASE).clock(clock));
    let bench = Bench::at(endpoint, store.clone(), |receiver| receiver.runtime(TOKIO));
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::StoreUnavailable);
    bench.until("released", || store.inner.is_empty()).await;
    assert_eq!(store.calls(), ["at once", "release"]);
}

/// Nothing or an error may hide a claim that was made.
#[tokio::test]
async fn a_claim_that_was_made_without_an_answer_is_let_go() {
    for at_once in [AtOnce::Fail, AtOnce::Panic] {
        let store = Quick::new(at_once);
        let bench = Bench::with(store.clone(), |receiver| receiver.runtime(TOKIO));
        let rejection = bench.send(1, 200).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::StoreUnavailable);
        assert_eq!(bench.seen().len(), 1);
        bench.until("released", || store.inner.is_empty()).await;
        assert_eq!(store.calls(), ["at once", "release"]);
        *store.at_once.lock().unwrap() = AtOnce::Answer;
        assert_eq!(bench.send(1, 200).await, Ok(1));
        assert_eq!(bench.seen(), [ACCEPTED]);
    }
}

#[tokio::test]
async fn a_claim_that_was_made_and_not_told_is_the_same_claim() {
    let store = Quick::new(AtOnce::SayNothing);
    let bench = Bench::with(store.clone(), |receiver| receiver.runtime(TOKIO));
    assert_eq!(bench.send(1, 200).await, Ok(1));
    assert_eq!(store.calls(), ["at once", "claim", "complete"]);
    let rejection = bench.send(1, 200).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::Duplicate);
    assert_eq!(bench.seen().last().map(|seen| seen.0), Some(Outcome::Duplicate));
}
