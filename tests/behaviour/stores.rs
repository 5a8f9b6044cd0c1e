//! Stores that count, and stores that fail on command. Each is a whole store of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use countersign::{
    Attempt, Claim, ClaimToken, Claimed, EventKey, Forgotten, InTransaction, MemoryStore, Parked,
    ParkedNote, Settled, Store, StoreError, StoreErrorKind, Transactional,
};

use crate::harness::Gate;

/// A store that can be taken down, and counts what it is asked.
#[derive(Clone, Default)]
pub struct Switchable {
    store: MemoryStore,
    down: Arc<AtomicBool>,
    settles_down: Arc<AtomicBool>,
    parking_down: Arc<AtomicBool>,
    parked_gate: Option<Gate>,
    counted: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    name: Option<&'static str>,
}

impl Switchable {
    /// With a name of its own in the metrics, so that other tests do not count there.
    pub fn named(name: &'static str) -> Self {
        Self { name: Some(name), ..Self::default() }
    }

    /// Nothing works.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Claims work, `complete` and `release` do not.
    pub fn set_settles_down(&self, down: bool) {
        self.settles_down.store(down, Ordering::SeqCst);
    }

    /// Events cannot be parked.
    pub fn set_parking_down(&self, down: bool) {
        self.parking_down.store(down, Ordering::SeqCst);
    }

    /// It parks an event at once, and answers when this gate is open.
    pub fn answering_at(gate: &Gate) -> Self {
        Self { parked_gate: Some(gate.clone()), ..Self::default() }
    }

    /// How often it was asked to count an attempt, or to park.
    pub fn counted(&self) -> usize {
        self.counted.load(Ordering::SeqCst)
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn check(&self, settling: bool) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) || settling && self.settles_down.load(Ordering::SeqCst)
        {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "taken down by the test"));
        }
        Ok(())
    }
}

impl Store for Switchable {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.check(false)?;
        self.store.claim(key, token, lease).await
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        self.check(true)?;
        self.store.complete(key, token, retention).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        self.check(true)?;
        self.store.release(key, token).await
    }

    async fn forget(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        self.store.forget(key).await
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        self.counted.fetch_add(1, Ordering::SeqCst);
        self.check(false)?;
        self.store.attempt(key, token, keep).await
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        self.check(false)?;
        self.store.uncount(key, token).await
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        self.counted.fetch_add(1, Ordering::SeqCst);
        self.check(true)?;
        if self.parking_down.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "taken down by the test"));
        }
        let parked = self.store.park(key, token, keep, note).await;
        if let Some(gate) = &self.parked_gate {
            gate.pass().await;
        }
        parked
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        self.store.parked(limit).await
    }

    fn name(&self) -> &'static str {
        self.name.unwrap_or("switchable")
    }
}

/// A store that takes its time to release a claim.
#[derive(Clone)]
pub struct SlowToRelease {
    store: MemoryStore,
    gate: Gate,
    releasing: Arc<AtomicUsize>,
}

impl SlowToRelease {
    /// Releases wait at this gate.
    pub fn new(gate: &Gate) -> Self {
        Self { store: MemoryStore::new(), gate: gate.clone(), releasing: Arc::default() }
    }

    /// How many releases were begun.
    pub fn releasing(&self) -> usize {
        self.releasing.load(Ordering::SeqCst)
    }
}

impl Store for SlowToRelease {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.store.claim(key, token, lease).await
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        self.store.complete(key, token, retention).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        self.releasing.fetch_add(1, Ordering::SeqCst);
        self.gate.pass().await;
        self.store.release(key, token).await
    }
}

/// A store in whose database a handler completes claims, and never commits.
#[derive(Default)]
pub struct Uncommitted(MemoryStore);

impl Uncommitted {
    /// What a handler does that forgets to commit.
    pub async fn complete(claim: &Claim) {
        let complete = async |_: Arc<()>, _, _, _| Ok(InTransaction::Completed);
        claim.complete_with(complete).await.unwrap();
    }
}

impl Store for Uncommitted {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        self.0.claim(key, token, lease).await
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        self.0.complete(key, token, retention).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        self.0.release(key, token).await
    }

    fn transactional(&self) -> Option<Transactional> {
        Some(Arc::new(()))
    }
}
