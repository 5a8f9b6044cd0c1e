//! Attempts that are counted, and events that are parked (what [`Store::attempt`] and [`Store::park`]
//! promise).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::operating::is_there;
use super::{LONG, SHORT, StoreSuite, TOLERANCE, answered, claim, new_key, new_token};
use crate::dedup::{
    Attempt, ClaimToken, Claimed, EventState, Forgotten, Parked, ParkedNote, Settled, Store,
    StoreStats,
};
use crate::key::EventKey;

const FENCED: &str = "attempts: a claim that is not held was counted";
const SAME: &str = "attempts: a repeated call was counted as another attempt";
const KEPT: &str = "attempts: the count was not kept";
const NOT_PARKED: &str = "parking: an event was parked by a claim that was not held";

impl<S: Store> StoreSuite<S> {
    /// Each claim of an event is counted once, however the ones before have ended, and only while it is
    /// held.
    pub async fn attempts_are_counted(&self) {
        let (key, first) = (new_key(), new_token());
        assert_eq!(self.attempt(key, first, LONG).await, Attempt::Lost, "{FENCED}");
        assert_eq!(self.claim(key, first, LONG).await, Claimed::Fresh);
        assert_eq!(self.attempt(key, new_token(), LONG).await, Attempt::Lost, "{FENCED}");
        assert_eq!(self.number(key, first).await, 1);
        assert_eq!(self.number(key, first).await, 1, "{SAME}");
        assert_eq!(self.claim(key, first, LONG).await, Claimed::Fresh);
        assert_eq!(self.number(key, first).await, 1, "{SAME}");
        assert_eq!(self.release(key, first).await, Settled::Settled);
        assert_eq!(self.attempt(key, first, LONG).await, Attempt::Lost, "{FENCED}");

        // One that its process does not end.
        let dies = new_token();
        assert_eq!(self.claim(key, dies, SHORT).await, Claimed::Fresh);
        assert_eq!(self.number(key, dies).await, 2, "{KEPT}");
        self.runtime.sleep(SHORT + SHORT).await;
        assert_eq!(self.attempt(key, dies, LONG).await, Attempt::Lost, "{FENCED}");
        let third = new_token();
        assert_eq!(self.claim(key, third, LONG).await, Claimed::Fresh);
        assert_eq!(self.attempt(key, dies, LONG).await, Attempt::Lost, "{FENCED}");
        match self.attempt(key, third, LONG).await {
            Attempt::Counted { number: 3, since_first } => assert!(
                since_first + TOLERANCE >= SHORT + SHORT && since_first < LONG / 2,
                "attempts: the first one was {since_first:?} ago"
            ),
            other => panic!("{KEPT}: {other:?}"),
        }
        assert_eq!(self.complete(key, third, LONG).await, Settled::Settled);
        assert_eq!(self.attempt(key, third, LONG).await, Attempt::Lost, "{FENCED}");
        self.is_done(key, "attempts: a count changed a handled event").await;
        assert_eq!(self.forget(key).await, Forgotten::Forgotten);
        self.is_at_the_first_attempt(key).await;

        // Another event has a count of its own, which ends.
        let (other, owner) = (new_key(), new_token());
        assert_eq!(self.claim(other, owner, LONG).await, Claimed::Fresh);
        assert!(matches!(
            self.attempt(other, owner, SHORT).await,
            Attempt::Counted { number: 1, .. }
        ));
        assert_eq!(self.release(other, owner).await, Settled::Settled);
        self.runtime.sleep(SHORT + SHORT).await;
        self.is_at_the_first_attempt(other).await;
    }

    /// A parked event is handled for everybody, and is listed until it is forgotten or its time is over.
    pub async fn parked_events_are_kept(&self) {
        let key = new_key();
        let mut owner = new_token();
        assert_eq!(self.park(key, owner, LONG).await, Settled::Lost, "{NOT_PARKED}");
        for number in 1..=2 {
            owner = new_token();
            assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
            assert_eq!(self.number(key, owner).await, number);
            if number == 1 {
                assert_eq!(self.release(key, owner).await, Settled::Settled);
                assert_eq!(self.park(key, owner, LONG).await, Settled::Lost, "{NOT_PARKED}");
            }
        }
        assert_eq!(self.park(key, new_token(), LONG).await, Settled::Lost, "{NOT_PARKED}");
        assert_eq!(self.parked_event(key).await, None, "{NOT_PARKED}");
        assert_eq!(self.park(key, owner, LONG).await, Settled::Settled);
        let parked = self.parked_event(key).await;
        let parked = parked.unwrap_or_else(|| panic!("parking: there is no record"));
        assert_eq!((parked.key, &parked.note, parked.attempts), (key, &note(), 2));
        assert_eq!(self.park(key, owner, LONG).await, Settled::Settled, "parking once more");
        assert_eq!(self.parked_event(key).await, Some(parked.clone()), "parking once more");
        self.is_done(key, "parking: a parked event could be claimed").await;
        assert!(matches!(self.state(key).await, EventState::Handled { .. }));
        assert_eq!(self.release(key, owner).await, Settled::Lost, "a parked event was released");
        assert_eq!(self.complete(key, owner, LONG).await, Settled::Settled);
        assert_eq!(self.parked_event(key).await, Some(parked.clone()), "it was completed late");

        // Without a count, and later.
        let (later, other) = (new_key(), new_token());
        self.runtime.sleep(Duration::from_millis(20)).await;
        assert_eq!(self.claim(later, other, LONG).await, Claimed::Fresh);
        assert_eq!(self.park(later, other, LONG).await, Settled::Settled);
        let listed = self.parked(u32::MAX).await;
        let place = |key| listed.iter().position(|parked| parked.key == key);
        assert_eq!(place(key).and_then(|place| listed.get(place)), Some(&parked));
        assert!(place(key) < place(later), "parking: the list is not in the order of the times");
        assert_eq!(self.parked_event(later).await.map(|parked| parked.attempts), Some(0));
        assert_eq!(self.parked(1).await.len(), 1);

        assert_eq!(self.forget(key).await, Forgotten::Forgotten);
        assert_eq!(self.parked_event(key).await, None, "parking: the record of a forgotten event");
        assert!(!self.parked(u32::MAX).await.iter().any(|parked| parked.key == key));
        assert_eq!(self.park(key, owner, LONG).await, Settled::Lost, "{NOT_PARKED}");
        self.is_at_the_first_attempt(key).await;
        assert_eq!(self.forget(later).await, Forgotten::Forgotten);
    }

    /// What was completed, or is somebody else's by now, is not parked; a record ends with its time.
    pub async fn parking_is_fenced(&self) {
        let (completed, owner) = (new_key(), new_token());
        assert_eq!(self.claim(completed, owner, LONG).await, Claimed::Fresh);
        assert_eq!(self.number(completed, owner).await, 1);
        assert_eq!(self.complete(completed, owner, LONG).await, Settled::Settled);
        assert_eq!(self.park(completed, owner, LONG).await, Settled::Lost, "it was completed");
        assert_eq!(self.parked_event(completed).await, None, "it was completed");

        let (taken, late, next) = (new_key(), new_token(), new_token());
        assert_eq!(self.claim(taken, late, SHORT).await, Claimed::Fresh);
        assert_eq!(self.number(taken, late).await, 1);
        self.runtime.sleep(SHORT + SHORT).await;
        assert_eq!(self.park(taken, late, LONG).await, Settled::Lost, "{NOT_PARKED}");
        assert_eq!(self.claim(taken, next, LONG).await, Claimed::Fresh, "{NOT_PARKED}");
        assert_eq!(self.park(taken, late, LONG).await, Settled::Lost, "{NOT_PARKED}");
        assert_eq!(self.parked_event(taken).await, None, "{NOT_PARKED}");
        self.is_in_flight(taken, NOT_PARKED).await;
        assert_eq!(self.number(taken, next).await, 2, "{KEPT}");
        assert_eq!(self.park(taken, next, SHORT).await, Settled::Settled);
        self.runtime.sleep(SHORT + SHORT).await;
        assert_eq!(self.parked_event(taken).await, None, "parking: the record outlived its time");
        self.is_at_the_first_attempt(taken).await;
    }

    /// Parked events are counted as parked and not as handled, until they are forgotten or their time is over.
    pub async fn parked_events_are_counted(&self) {
        let before = self.stats().await;
        let [handled, parked, forgotten, ended] = [(); 4].map(|()| new_key());
        let owner = new_token();
        for key in [handled, parked, forgotten, ended] {
            assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
            assert_eq!(self.number(key, owner).await, 1);
        }
        assert_eq!(self.complete(handled, owner, LONG).await, Settled::Settled);
        for (key, keep) in [(parked, LONG), (forgotten, LONG), (ended, SHORT)] {
            assert_eq!(self.park(key, owner, keep).await, Settled::Settled);
        }
        assert_eq!(self.forget(forgotten).await, Forgotten::Forgotten);
        self.runtime.sleep(SHORT + SHORT).await;
        let after = self.stats().await;
        // Others may use the store.
        assert!(after.parked > 0, "parking: a parked event was not counted: {after:?}");
        if before == StoreStats::new() {
            let StoreStats { handled, parked, .. } = after;
            assert_eq!(
                (handled, parked),
                (1, 1),
                "parking: of an empty store, to which these were added"
            );
        }
    }

    /// Many that claim the same events, and count: no number is given twice, and none is left out.
    pub async fn attempts_race(&self, events: usize) {
        let (failed, running) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
        let events = (0..events).map(|_| (new_key(), Arc::new(Mutex::new(Vec::new()))));
        let events: Vec<(EventKey, Arc<Mutex<Vec<u32>>>)> = events.collect();
        for (key, numbers) in &events {
            for _ in 0..4 {
                let (store, runtime, key) = (Arc::clone(&self.store), self.runtime, *key);
                let (numbers, failed) = (Arc::clone(numbers), Arc::clone(&failed));
                let running = Arc::clone(&running);
                self.runtime.spawn(async move {
                    for _ in 0..6 {
                        match attempted(&*store, key).await {
                            Some(Some(number)) => lock(&numbers).push(number),
                            Some(None) => {}
                            None => drop(failed.fetch_add(1, Ordering::SeqCst)),
                        }
                        runtime.sleep(Duration::from_micros(300)).await;
                    }
                    drop(running);
                });
            }
        }
        self.until_alone(&running).await;
        assert_eq!(failed.load(Ordering::SeqCst), 0, "calls failed");
        for (_, numbers) in events {
            let mut numbers = lock(&numbers).clone();
            numbers.sort_unstable();
            let wanted: Vec<u32> = (1..).take(numbers.len()).collect();
            assert_eq!(numbers, wanted, "attempts: numbers are missing, or there twice");
        }
    }

    /// What was counted is taken back where the handler did not begin, and only once, and only by the last that was
    /// counted.
    pub async fn an_attempt_is_taken_back(&self) {
        const BACK: &str = "attempts: one that did not begin was counted";
        const ONCE: &str = "attempts: what another claim had counted was taken back";
        let key = new_key();
        let [first, second, third] = [(); 3].map(|()| new_token());
        assert_eq!(self.claim(key, first, LONG).await, Claimed::Fresh);
        assert_eq!(self.number(key, first).await, 1);
        assert_eq!(self.release(key, first).await, Settled::Settled);
        self.uncount(key, first).await;
        self.uncount(key, first).await;
        assert_eq!(self.claim(key, second, LONG).await, Claimed::Fresh);
        self.uncount(key, first).await;
        assert_eq!(self.number(key, second).await, 1, "{BACK}");
        self.uncount(key, first).await;
        assert_eq!(self.number(key, second).await, 1, "{ONCE}");
        assert_eq!(self.release(key, second).await, Settled::Settled);
        assert_eq!(self.claim(key, third, LONG).await, Claimed::Fresh);
        assert_eq!(self.number(key, third).await, 2, "{KEPT}");
        assert_eq!(self.release(key, third).await, Settled::Settled);
        self.uncount(key, third).await;
        self.uncount(key, third).await;
        let fourth = new_token();
        assert_eq!(self.claim(key, fourth, LONG).await, Claimed::Fresh);
        assert_eq!(self.number(key, fourth).await, 2, "{BACK}, or taken back twice");
        assert_eq!(self.park(key, fourth, LONG).await, Settled::Settled);
        self.uncount(key, fourth).await;
        let parked = self.parked_event(key).await.map(|parked| parked.attempts);
        assert_eq!(parked, Some(2), "parking: an attempt of a parked event was taken back");
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) {
        answered("uncount", self.store.uncount(key, token).await);
    }

    /// The cases of the calls that the store has.
    pub(super) async fn attempting(&self) {
        if is_there(&self.store.attempt(new_key(), new_token(), LONG).await) {
            self.attempts_are_counted().await;
            self.attempts_race(10).await;
            if is_there(&self.store.parked(1).await) {
                if is_there(&self.store.uncount(new_key(), new_token()).await) {
                    self.an_attempt_is_taken_back().await;
                }
                self.parked_events_are_kept().await;
                self.parking_is_fenced().await;
                if is_there(&self.store.stats().await) {
                    self.parked_events_are_counted().await;
                }
            }
        }
    }

    async fn is_at_the_first_attempt(&self, key: EventKey) {
        let owner = new_token();
        assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
        assert_eq!(self.number(key, owner).await, 1, "attempts: the count outlived its time");
    }

    async fn number(&self, key: EventKey, token: ClaimToken) -> u32 {
        match self.attempt(key, token, LONG).await {
            Attempt::Counted { number, .. } => number,
            other => panic!("attempts: a claim that is held was not counted: {other:?}"),
        }
    }

    async fn attempt(&self, key: EventKey, token: ClaimToken, keep: Duration) -> Attempt {
        answered("attempt", self.store.attempt(key, token, keep).await)
    }

    async fn park(&self, key: EventKey, token: ClaimToken, keep: Duration) -> Settled {
        answered("park", self.store.park(key, token, keep, &note()).await)
    }

    async fn parked(&self, limit: u32) -> Vec<Parked> {
        answered("parked", self.store.parked(limit).await)
    }

    async fn parked_event(&self, key: EventKey) -> Option<Parked> {
        answered("parked_event", self.store.parked_event(key).await)
    }
}

/// With what a database could take for its own.
fn note() -> ParkedNote {
    ParkedNote::new("it's $1 'a' \\ \" ?1 é 🦀 \u{0} \n", "{\"reason\": 'é'} $3")
        .tenant(Some("tenant"))
        .event(Some("invoice.paid"), Some("evt 1"))
}

/// Claims and counts once; none if a call has failed, and no number if the event was not free.
async fn attempted<S: Store>(store: &S, key: EventKey) -> Option<Option<u32>> {
    let token = new_token();
    if claim(store, key, token, LONG).await.ok()? != Claimed::Fresh {
        return Some(None);
    }
    let counted = store.attempt(key, token, LONG).await.ok()?;
    let Attempt::Counted { number, .. } = counted else { return None };
    (store.release(key, token).await.ok()? == Settled::Settled).then_some(Some(number))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
