//! Room: a store refuses rather than forgets.

use countersign::{Claimed, ErrorChain, Settled, Store, StoreErrorKind};

use super::{Asked, DAY, LEASE, MILLI, in_flight, key, store, token};
use crate::support::{NOW, clock_at, ready, seconds};

#[test]
fn a_full_store_refuses_and_does_not_forget() {
    let clock = clock_at(NOW);
    let memory = store(&clock, 100);
    let store = Asked::new(memory.clone());
    let full = |number| {
        let error = ready(memory.claim(key(number), token(), LEASE)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full);
        assert!(ErrorChain::of(&error).to_string().contains("100"), "{error}");
    };
    let mine = token();
    for number in 0..100 {
        assert_eq!(store.claim(key(number), mine, LEASE), Claimed::Fresh);
    }
    assert_eq!(memory.len(), 100);
    full(100);
    for number in 0..50 {
        assert_eq!(store.complete(key(number), mine, DAY), Settled::Settled);
    }
    for round in 0..1000 {
        full(100 + round);
    }
    // Whoever is in it is served as ever.
    for number in 0..100 {
        let expected = if number < 50 { Claimed::Done } else { in_flight(LEASE) };
        assert_eq!(store.claim(key(number), token(), LEASE), expected, "{number}");
    }
    assert_eq!(memory.len(), 100);
    // Room for one, by a release.
    assert_eq!(store.release(key(99), mine), Settled::Settled);
    assert_eq!(store.claim(key(500), mine, LEASE), Claimed::Fresh);
    full(501);
    // Room for fifty, when leases end. Retention has not ended.
    clock.advance(LEASE + seconds(1));
    for number in 600..650 {
        assert_eq!(store.claim(key(number), mine, LEASE), Claimed::Fresh, "{number}");
    }
    full(650);
    for number in 0..50 {
        assert_eq!(store.claim(key(number), token(), LEASE), Claimed::Done);
    }
    // And for all, when everything has.
    clock.advance(DAY + seconds(1));
    for number in 700..800 {
        assert_eq!(store.claim(key(number), mine, LEASE), Claimed::Fresh, "{number}");
    }
    full(800);
    assert_eq!(memory.len(), 100);
}

#[test]
fn busy_hours_do_not_push_handled_keys_out() {
    let clock = clock_at(NOW);
    let memory = store(&clock, 1_000_000);
    let store = Asked::new(memory.clone());
    let mine = token();
    for number in 0..5_000 {
        store.claim(key(number), mine, LEASE);
        let _ = store.complete(key(number), mine, DAY);
    }
    for number in 5_000..50_000 {
        store.claim(key(number), mine, seconds(1));
        match number % 3 {
            0 => drop(store.release(key(number), mine)),
            1 => drop(store.complete(key(number), mine, seconds(1))),
            _ => {}
        }
        clock.advance(MILLI);
    }
    for number in 0..5_000 {
        assert_eq!(store.claim(key(number), token(), LEASE), Claimed::Done, "{number}");
    }
    // What is over has not piled up.
    assert!(memory.len() < 10_000, "{}", memory.len());
}

/// Marks of long-lived keys that come due early stand before those of expired ones.
#[test]
fn a_full_store_finds_its_expired_keys() {
    let clock = clock_at(NOW);
    let memory = store(&clock, 20_000);
    let store = Asked::new(memory.clone());
    let mine = token();
    for number in 0..20_000 {
        assert_eq!(store.claim(key(number), mine, LEASE), Claimed::Fresh);
        if number < 19_600 {
            assert_eq!(store.complete(key(number), mine, DAY), Settled::Settled);
        }
    }
    clock.advance(LEASE + seconds(1));
    for number in 20_000..20_400 {
        assert_eq!(store.claim(key(number), mine, LEASE), Claimed::Fresh, "{number}");
    }
    let error = ready(memory.claim(key(20_400), mine, LEASE)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert_eq!(memory.len(), 20_000);
}
