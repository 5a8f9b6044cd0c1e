//! Tokens that have released a key.

use countersign::{ClaimToken, Claimed, EventKey, RELEASED_FOR, Settled};

use super::{Asked, DAY, LEASE, MILLI, in_flight, key, on_each, store, token};
use crate::support::{NOW, clock_at, seconds};

/// For a token whose own claim has ended.
const ENDED: Claimed = Claimed::InFlight { retry_after: std::time::Duration::ZERO };

#[test]
fn a_released_token_does_not_claim_its_key_again() {
    on_each(|store, clock| {
        let (mine, early, other) = (token(), token(), token());
        assert_eq!(store.claim(key(1), mine, LEASE), Claimed::Fresh);
        assert_eq!(store.release(key(1), mine), Settled::Settled);
        // Its claim has not arrived yet.
        assert_eq!(store.release(key(1), early), Settled::Lost);
        for late in [mine, early] {
            assert_eq!(store.claim(key(1), late, LEASE), ENDED);
            assert_eq!(store.complete(key(1), late, DAY), Settled::Lost);
        }
        // Other keys are none of its business.
        assert_eq!(store.claim(key(2), mine, LEASE), Claimed::Fresh);
        assert_eq!(store.claim(key(1), other, seconds(1)), Claimed::Fresh);
        assert_eq!(store.claim(key(1), mine, LEASE), in_flight(seconds(1)));
        // The claim of `other` runs out, and lies there still.
        clock.advance(seconds(1));
        assert_eq!(store.claim(key(1), mine, LEASE), ENDED);
        clock.advance(RELEASED_FOR - seconds(1) - MILLI);
        assert_eq!(store.claim(key(1), mine, LEASE), ENDED);
        // A release that is repeated is remembered from then on.
        assert_eq!(store.release(key(1), early), Settled::Lost);
        clock.advance(MILLI);
        assert_eq!(store.claim(key(1), early, LEASE), ENDED);
        // Nothing is under way for so long.
        assert_eq!(store.claim(key(1), mine, LEASE), Claimed::Fresh);
    });
}

#[test]
fn released_tokens_take_no_room_of_keys() {
    let clock = clock_at(NOW);
    let memory = store(&clock, 10);
    let store = Asked::new(memory.clone());
    let tokens: Vec<ClaimToken> = (0..10_u32).map(|_| token()).collect();
    for round in 0..20 {
        for (number, token) in (0..).zip(&tokens) {
            let key = key(100 * round + number);
            assert_eq!(store.claim(key, *token, LEASE), Claimed::Fresh);
        }
        assert_eq!(memory.len(), 10);
        for (number, token) in (0..).zip(&tokens) {
            let key = key(100 * round + number);
            assert_eq!(store.release(key, *token), Settled::Settled);
            assert_eq!(store.claim(key, *token, LEASE), ENDED);
        }
        assert!(memory.is_empty());
    }
    // Also in a full one.
    let mine = token();
    for number in 0..10 {
        assert_eq!(store.claim(key(number), mine, LEASE), Claimed::Fresh);
    }
    assert_eq!(store.release(key(3), mine), Settled::Settled);
    assert_eq!(store.claim(key(3), mine, LEASE), ENDED);
    assert_eq!(store.claim(key(3), token(), LEASE), Claimed::Fresh);
}

/// A provider whose every delivery fails must not fill the memory.
#[test]
fn released_tokens_are_bounded_and_the_oldest_go_first() {
    let clock = clock_at(NOW);
    let store = Asked::new(store(&clock, 256 * 100));
    // All in one shard.
    let key = EventKey::from_bytes([7; 16]);
    let tokens: Vec<ClaimToken> = (0..150_u32).map(|_| token()).collect();
    for token in &tokens {
        assert_eq!(store.release(key, *token), Settled::Lost);
    }
    for token in &tokens[50..] {
        assert_eq!(store.claim(key, *token, LEASE), ENDED);
    }
    assert_eq!(store.claim(key, tokens[49], LEASE), Claimed::Fresh);
}
