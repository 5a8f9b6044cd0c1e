//! The in-memory store against a `HashMap` that keeps the contract of `countersign::Store` in the
//! plainest way: claims, settlements and the passing of time in any order.
#![no_main]

use std::collections::HashMap;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use arbitrary::Arbitrary;
use countersign::{
    ClaimToken, Claimed, EventKey, ManualClock, MemoryStore, RELEASED_FOR, Settled, Store,
    StoreError, StoreErrorKind,
};
use libfuzzer_sys::fuzz_target;

/// Their values do not matter, only that they differ.
static TOKENS: LazyLock<[ClaimToken; 4]> =
    LazyLock::new(|| std::array::from_fn(|_| ClaimToken::random().expect("randomness")));

#[derive(Arbitrary, Debug)]
struct Input {
    /// Small, so that the store fills up; or large.
    capacity: Option<u8>,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Claim { key: u8, token: u8, lease: Span },
    Complete { key: u8, token: u8, retention: Span },
    Release { key: u8, token: u8 },
    Advance(Span),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Span {
    Millis(u16),
    Seconds(u16),
    Years(u8),
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        match span {
            Span::Millis(millis) => Self::from_millis(millis.into()),
            Span::Seconds(seconds) => Self::from_secs(seconds.into()),
            Span::Years(years) => Self::from_secs(u64::from(years) * 365 * 86_400),
        }
    }
}

struct Held {
    token: usize,
    done: bool,
    until: Duration,
}

fuzz_target!(|input: Input| {
    let clock = ManualClock::at(SystemTime::UNIX_EPOCH);
    let capacity = input.capacity.map_or(usize::MAX, |capacity| usize::from(capacity) % 8);
    let store = MemoryStore::builder().capacity(capacity).clock(clock.clone()).build();
    let mut now = Duration::ZERO;
    let mut model: HashMap<u8, Held> = HashMap::new();
    // The store keeps a key until the end of the second in which it ends.
    let mut kept: HashMap<u8, Duration> = HashMap::new();
    // Who may not claim a key, and until when. The store has room for all of them.
    let mut released: HashMap<(u8, usize), Duration> = HashMap::new();

    for step in input.steps {
        match step {
            Step::Advance(by) => {
                let by = Duration::from(by);
                // The store counts seconds in 32 bits from when the process began.
                if now + by > Duration::from_secs(u32::MAX.into()) {
                    continue;
                }
                now += by;
                clock.advance(by);
                model.retain(|_, held| held.until > now);
                kept.retain(|_, until| *until > now);
                released.retain(|_, until| *until > now);
            }
            Step::Claim { key, token, lease } => {
                let (key, token) = (key % 16, usize::from(token) % 4);
                let until = now + Duration::from(lease);
                let answer = claim(&store, key, token, lease.into());
                let is_released = released.contains_key(&(key, token));
                match (answer, model.get_mut(&key)) {
                    (answer, None) if is_released => {
                        let ended = Claimed::InFlight { retry_after: Duration::ZERO };
                        assert_eq!(answer.expect("no room is needed"), ended);
                    }
                    (Ok(Claimed::Fresh), None) => {
                        assert!(model.len() < capacity, "over capacity");
                        model.insert(key, Held { token, done: false, until });
                        kept.insert(key, whole_second(until));
                    }
                    (Ok(Claimed::Fresh), Some(held)) => {
                        assert!(!held.done && held.token == token, "two owners, or forgotten");
                        held.until = until;
                        let kept = kept.entry(key).or_default();
                        *kept = whole_second(until);
                    }
                    (Ok(Claimed::Done), Some(held)) => assert!(held.done),
                    (Ok(Claimed::InFlight { retry_after }), Some(held)) => {
                        assert!(!held.done && held.token != token);
                        assert_eq!(retry_after, held.until - now);
                    }
                    (Ok(answer), held) => {
                        panic!("{answer:?} for a key of which the model has {}", held.is_some());
                    }
                    (Err(error), held) => {
                        assert!(held.is_none(), "no room for a key that is there");
                        assert_eq!(error.kind(), StoreErrorKind::Full);
                        assert!(store.len() >= capacity);
                        assert!(kept.len() >= capacity, "full of keys that have ended");
                    }
                }
                model.retain(|_, held| held.until > now);
            }
            Step::Complete { key, token, retention } => {
                let (key, token) = (key % 16, usize::from(token) % 4);
                let answer = ready(store.complete(name(key), TOKENS[token], retention.into()));
                match model.get_mut(&key).filter(|held| held.token == token) {
                    None => assert_eq!(answer, Settled::Lost),
                    Some(held) => {
                        assert_eq!(answer, Settled::Settled);
                        if !held.done {
                            held.done = true;
                            held.until = now + Duration::from(retention);
                            kept.insert(key, whole_second(held.until));
                        }
                    }
                }
                model.retain(|_, held| held.until > now);
            }
            Step::Release { key, token } => {
                let (key, token) = (key % 16, usize::from(token) % 4);
                let answer = ready(store.release(name(key), TOKENS[token]));
                released.insert((key, token), now + RELEASED_FOR);
                match model.get(&key).filter(|held| held.token == token && !held.done) {
                    None => assert_eq!(answer, Settled::Lost),
                    Some(_) => {
                        assert_eq!(answer, Settled::Settled);
                        model.remove(&key);
                        kept.remove(&key);
                    }
                }
            }
        }
        assert!(store.len() >= model.len());
        assert!(store.len() <= capacity);
    }
});

/// Keys in one shard (an even number) and in others.
fn name(key: u8) -> EventKey {
    EventKey::from_bytes(std::array::from_fn(|at| match at {
        0 if key.is_multiple_of(2) => 0,
        _ => key,
    }))
}

fn claim(
    store: &MemoryStore,
    key: u8,
    token: usize,
    lease: Duration,
) -> Result<Claimed, StoreError> {
    poll(store.claim(name(key), TOKENS[token], lease))
}

fn ready(work: impl Future<Output = Result<Settled, StoreError>>) -> Settled {
    poll(work).expect("settling needs no room")
}

/// The in-memory store never waits.
fn poll<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("there is nothing to wait for"),
    }
}

fn whole_second(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0))
}
