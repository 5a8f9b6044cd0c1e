//! A store whose methods do what a test orders: work, fail, or never answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::{
    Attempt, ClaimToken, Claimed, EventKey, ManualClock, MemoryStore, Parked, ParkedNote, Settled,
    Store, StoreError, StoreErrorKind, Transactional,
};

use super::{NOW, clock_at};

/// What a method does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Act {
    #[default]
    Work,
    /// Nothing is done.
    Fail(StoreErrorKind),
    /// The same, but not at once.
    FailLater(StoreErrorKind),
    /// It is done, and the answer gets lost.
    LoseTheAnswer,
    /// Nothing is done and no answer comes.
    Hang,
    /// It is done, and no answer comes.
    WorkAndHang,
    /// It is done when the clock shows so much later.
    Take(Duration),
    /// Nothing is done but a panic.
    Panic,
}

#[derive(Default)]
pub(super) struct Orders {
    pub(super) claim: Act,
    pub(super) complete: Act,
    pub(super) release: Act,
    pub(super) check: Act,
    pub(super) attempt: Act,
    pub(super) park: Act,
    pub(super) calls: Vec<&'static str>,
    last_token: Option<ClaimToken>,
}

/// Clones share the store and the orders.
#[derive(Clone)]
pub(super) struct Commanded {
    pub(super) inner: MemoryStore,
    pub(super) clock: ManualClock,
    orders: Arc<Mutex<Orders>>,
}

/// What a handler's own transaction is to this store: there is none, the mark is made at once.
pub(super) struct Ledger(pub(super) MemoryStore);

impl Commanded {
    pub(super) fn new() -> Self {
        Self::around(MemoryStore::new(), clock_at(NOW))
    }

    /// With a clock that stands still until it is moved, for leases that end when a test says so.
    pub(super) fn clocked() -> Self {
        let clock = clock_at(NOW);
        Self::around(MemoryStore::builder().clock(clock.clone()).build(), clock)
    }

    pub(super) fn around(inner: MemoryStore, clock: ManualClock) -> Self {
        Self { inner, clock, orders: Arc::default() }
    }

    pub(super) fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.orders.lock().unwrap());
    }

    /// The calls since the last time.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.orders.lock().unwrap().calls)
    }

    pub(super) fn was_called(&self, method: &str) -> bool {
        self.orders.lock().unwrap().calls.contains(&method)
    }

    /// Forgets a claim, whoever holds it.
    pub(super) async fn forget(&self, key: EventKey) {
        let token = self.orders.lock().unwrap().last_token.unwrap();
        let _ = self.inner.release(key, token).await.unwrap();
    }

    /// How often it was called since the last time.
    pub(super) fn count(&self, method: &str) -> usize {
        self.orders.lock().unwrap().calls.iter().filter(|call| **call == method).count()
    }

    /// Lets a third of the lease pass, and waits until the claim is asked for again.
    pub(super) async fn renewed(&self, lease: Duration) {
        let before = self.count("claim");
        self.clock.advance(lease / 3);
        for _ in 0..2_000 {
            if self.count("claim") > before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it is not renewed");
    }

    async fn act<T>(
        &self,
        method: &'static str,
        act: impl FnOnce(&Orders) -> Act,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let act = {
            let mut orders = self.orders.lock().unwrap();
            orders.calls.push(method);
            act(&orders)
        };
        match act {
            Act::Work => work.await,
            Act::Fail(kind) => Err(StoreError::new(kind, "as ordered")),
            Act::FailLater(kind) => {
                tokio::task::yield_now().await;
                Err(StoreError::new(kind, "as ordered"))
            }
            Act::LoseTheAnswer => {
                work.await?;
                Err(StoreError::new(StoreErrorKind::Unavailable, "the answer got lost"))
            }
            Act::Take(time) => {
                self.clock.advance(time);
                work.await
            }
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("as ordered"),
            Act::WorkAndHang => {
                work.await?;
                std::future::pending().await
            }
        }
    }
}

impl Store for Commanded {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.orders.lock().unwrap().last_token = Some(token);
        self.act("claim", |orders| orders.claim, self.inner.claim(key, token, lease)).await
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        let work = self.inner.complete(key, token, retention);
        self.act("complete", |orders| orders.complete, work).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        self.act("release", |orders| orders.release, self.inner.release(key, token)).await
    }

    async fn is_completed(&self, key: EventKey, token: ClaimToken) -> Result<bool, StoreError> {
        let done = async {
            // The store in memory knows no transactions, and answers by its marks.
            let lease = Duration::from_secs(60);
            Ok(self.inner.claim(key, token, lease).await? == Claimed::Done
                && self.inner.complete(key, token, lease).await? == Settled::Settled)
        };
        self.act("check", |orders| orders.check, done).await
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        let work = self.inner.attempt(key, token, keep);
        self.act("attempt", |orders| orders.attempt, work).await
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        let work = self.inner.uncount(key, token);
        self.act("uncount", |_| Act::Work, work).await
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        let work = self.inner.park(key, token, keep, note);
        self.act("park", |orders| orders.park, work).await
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        self.inner.parked(limit).await
    }

    fn transactional(&self) -> Option<Transactional> {
        Some(Arc::new(Ledger(self.inner.clone())))
    }
}
