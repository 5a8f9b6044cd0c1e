//! Keys for the in-memory store, and its futures' results.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use countersign::EventKey;

/// The in-memory store never waits.
pub fn ready<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("there is nothing to wait for"),
    }
}

/// Evenly spread, as digests are (splitmix64).
pub fn key(number: u64) -> EventKey {
    let mix = |seed: u64| {
        let mut value = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mix(2 * number + 1).to_be_bytes());
    bytes[8..].copy_from_slice(&mix(2 * number + 2).to_be_bytes());
    EventKey::from_bytes(bytes)
}
