//! The in-memory store against the contract of stores.

mod capacity;
mod model;
mod races;
mod released;

use std::sync::Arc;
use std::time::Duration;

use countersign::{
    ClaimToken, Claimed, Clock, DynStore, EventKey, ManualClock, MemoryStore, Settled, Store,
};

use crate::support::{NOW, clock_at, moment, ready, seconds};

const LEASE: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);
const MILLI: Duration = Duration::from_millis(1);

/// A store that is asked through a trait object, and answers at once.
struct Asked(Arc<dyn DynStore>);

impl Asked {
    fn new(store: impl Store) -> Self {
        Self(Arc::new(store))
    }

    fn claim(&self, key: EventKey, token: ClaimToken, lease: Duration) -> Claimed {
        ready(self.0.claim(key, token, lease)).unwrap()
    }

    fn complete(&self, key: EventKey, token: ClaimToken, retention: Duration) -> Settled {
        ready(self.0.complete(key, token, retention)).unwrap()
    }

    fn release(&self, key: EventKey, token: ClaimToken) -> Settled {
        ready(self.0.release(key, token)).unwrap()
    }
}

fn key(number: u32) -> EventKey {
    // Spread over the first byte, as digests are.
    let [a, b, c, d] = number.to_be_bytes();
    EventKey::from_bytes([d, c, b, a, 0, 0, 0, 0, d, c, b, a, 0, 0, 0, 1])
}

fn token() -> ClaimToken {
    ClaimToken::random().unwrap()
}

fn store(clock: &ManualClock, capacity: usize) -> MemoryStore {
    MemoryStore::builder().clock(clock.clone()).capacity(capacity).build()
}

/// Runs a test on the store as an object, behind `Arc`s, and as an object of an object.
fn on_each(test: impl Fn(&Asked, &ManualClock)) {
    let clock = clock_at(NOW);
    test(&Asked::new(store(&clock, 100)), &clock);
    test(&Asked::new(Arc::new(Arc::new(store(&clock, 100)))), &clock);
    let object: Arc<dyn DynStore> = Arc::new(store(&clock, 100));
    assert_eq!(format!("{object:?}"), "DynStore");
    test(&Asked::new(object), &clock);
}

fn in_flight(retry_after: Duration) -> Claimed {
    Claimed::InFlight { retry_after }
}

#[test]
fn a_key_has_one_owner_until_the_lease_ends() {
    on_each(|store, clock| {
        let (mine, other) = (token(), token());
        assert_eq!(store.claim(key(1), mine, LEASE), Claimed::Fresh);
        assert_eq!(store.claim(key(1), other, LEASE), in_flight(LEASE));
        assert_eq!(store.claim(key(2), other, LEASE), Claimed::Fresh);
        clock.advance(LEASE - MILLI);
        assert_eq!(store.claim(key(1), other, LEASE), in_flight(MILLI));
        clock.advance(MILLI);
        assert_eq!(store.claim(key(1), other, LEASE), Claimed::Fresh);
        assert_eq!(store.claim(key(1), mine, LEASE), in_flight(LEASE));
    });
}

#[test]
fn an_owner_whose_lease_has_run_out_disturbs_nobody() {
    on_each(|store, clock| {
        let (mine, other) = (token(), token());
        store.claim(key(1), mine, LEASE);
        clock.advance(LEASE);
        // Nobody has taken over, and yet the claim is over.
        assert_eq!(store.complete(key(1), mine, DAY), Settled::Lost);
        assert_eq!(store.release(key(1), mine), Settled::Lost);
        assert_eq!(store.claim(key(1), other, LEASE), Claimed::Fresh);
        assert_eq!(store.complete(key(1), mine, DAY), Settled::Lost);
        assert_eq!(store.release(key(1), mine), Settled::Lost);
        assert_eq!(store.claim(key(1), mine, LEASE), in_flight(LEASE));
        assert_eq!(store.complete(key(1), other, DAY), Settled::Settled);
        assert_eq!(store.release(key(1), mine), Settled::Lost);
        assert_eq!(store.claim(key(1), mine, LEASE), Claimed::Done);
    });
}

#[test]
fn claiming_again_with_the_same_token_is_the_same_claim() {
    on_each(|store, clock| {
        let (mine, other) = (token(), token());
        store.claim(key(1), mine, LEASE);
        clock.advance(seconds(200));
        assert_eq!(store.claim(key(1), mine, LEASE), Claimed::Fresh);
        clock.advance(seconds(200));
        assert_eq!(store.claim(key(1), other, LEASE), in_flight(seconds(100)));
        assert_eq!(store.complete(key(1), mine, DAY), Settled::Settled);
        assert_eq!(store.complete(key(1), mine, DAY), Settled::Settled);
        assert_eq!(store.claim(key(1), mine, LEASE), Claimed::Done);
    });
}

#[test]
fn a_released_key_can_be_claimed_at_once() {
    on_each(|store, _| {
        let (mine, other) = (token(), token());
        store.claim(key(1), mine, LEASE);
        assert_eq!(store.release(key(1), mine), Settled::Settled);
        assert_eq!(store.release(key(1), mine), Settled::Lost);
        assert_eq!(store.complete(key(1), mine, DAY), Settled::Lost);
        assert_eq!(store.claim(key(1), other, LEASE), Claimed::Fresh);
    });
}

#[test]
fn a_handled_key_is_remembered_for_its_retention() {
    on_each(|store, clock| {
        let (mine, other) = (token(), token());
        store.claim(key(1), mine, LEASE);
        clock.advance(seconds(10));
        assert_eq!(store.complete(key(1), mine, DAY), Settled::Settled);
        // It cannot be released any more.
        assert_eq!(store.release(key(1), mine), Settled::Lost);
        clock.advance(DAY - MILLI);
        assert_eq!(store.claim(key(1), other, LEASE), Claimed::Done);
        clock.advance(MILLI);
        assert_eq!(store.claim(key(1), other, LEASE), Claimed::Fresh);
    });
}

#[test]
fn settling_what_was_never_claimed_is_lost() {
    on_each(|store, _| {
        assert_eq!(store.complete(key(1), token(), DAY), Settled::Lost);
        assert_eq!(store.release(key(1), token()), Settled::Lost);
        assert_eq!(store.claim(key(1), token(), LEASE), Claimed::Fresh);
    });
}

#[test]
fn the_time_of_day_changes_nothing() {
    let clock = clock_at(NOW);
    let store = Asked::new(store(&clock, 100));
    let (mine, other) = (token(), token());
    store.claim(key(1), mine, LEASE);
    store.claim(key(2), mine, LEASE);
    let _ = store.complete(key(2), mine, DAY);
    clock.advance(seconds(10));
    for unix in [NOW + 48 * 3600, NOW - 48 * 3600, 0] {
        clock.set(moment(unix));
        assert_eq!((clock.now(), clock.monotonic()), (moment(unix), seconds(10)));
        assert_eq!(store.claim(key(1), other, LEASE), in_flight(LEASE - seconds(10)));
        assert_eq!(store.claim(key(2), other, LEASE), Claimed::Done);
    }
    clock.advance(LEASE);
    assert_eq!(store.claim(key(1), other, LEASE), Claimed::Fresh);
}

#[test]
fn durations_without_end_do_not_overflow() {
    let clock = clock_at(NOW);
    let store = Asked::new(store(&clock, 100));
    let mine = token();
    clock.advance(seconds(5));
    assert_eq!(store.claim(key(1), mine, Duration::MAX), Claimed::Fresh);
    assert_eq!(store.complete(key(1), mine, Duration::MAX), Settled::Settled);
    clock.advance(seconds(u64::from(u32::MAX)));
    assert_eq!(store.claim(key(1), token(), LEASE), Claimed::Done);
}

#[test]
fn a_claim_is_given_away_when_its_lease_has_run_out_and_not_before() {
    const NANO: Duration = Duration::from_nanos(1);
    // At any phase of a millisecond.
    for phase in [0, 1, 499_999, 600_000, 999_999] {
        let clock = clock_at(NOW);
        let store = Asked::new(store(&clock, 100));
        clock.advance(Duration::from_nanos(phase));
        let lease = Duration::from_micros(1_000_500);
        let (mine, other) = (token(), token());
        assert_eq!(store.claim(key(1), mine, lease), Claimed::Fresh);
        assert_eq!(store.claim(key(2), mine, lease), Claimed::Fresh);
        assert_eq!(store.complete(key(2), mine, lease), Settled::Settled);
        clock.advance(lease - NANO);
        assert_eq!(store.claim(key(1), other, LEASE), in_flight(NANO), "{phase}");
        assert_eq!(store.claim(key(2), other, LEASE), Claimed::Done, "{phase}");
        clock.advance(NANO);
        assert_eq!(store.complete(key(1), mine, DAY), Settled::Lost, "{phase}");
        assert_eq!(store.claim(key(1), other, LEASE), Claimed::Fresh, "{phase}");
        assert_eq!(store.claim(key(2), other, LEASE), Claimed::Fresh, "{phase}");
    }
}
