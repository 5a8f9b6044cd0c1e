//! Any sequence of calls has the answers of a simple model.

use std::collections::HashMap;
use std::time::Duration;

use countersign::{Claimed, RELEASED_FOR, Settled};
use proptest::prelude::*;

use super::{Asked, in_flight, key, store, token};
use crate::support::{NOW, clock_at};

#[derive(Clone, Copy, Debug)]
enum Op {
    Claim { key: u32, token: usize, lease: u64 },
    Complete { key: u32, token: usize, retention: u64 },
    Release { key: u32, token: usize },
    Advance { by: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    let (key, token, time) = (0..4_u32, 0..3_usize, 1..5_000_u64);
    prop_oneof![
        4 => (key.clone(), token.clone(), time.clone())
            .prop_map(|(key, token, lease)| Op::Claim { key, token, lease }),
        2 => (key.clone(), token.clone(), time.clone())
            .prop_map(|(key, token, retention)| Op::Complete { key, token, retention }),
        2 => (key, token).prop_map(|(key, token)| Op::Release { key, token }),
        1 => time.prop_map(|by| Op::Advance { by }),
        1 => (200_000..301_000_u64).prop_map(|by| Op::Advance { by }),
    ]
}

/// What a store is, in the simplest terms: who has a key until when, whether it is done, and until
/// when who may not claim it.
#[derive(Default)]
struct Model {
    now: u64,
    keys: HashMap<u32, (usize, u64, bool)>,
    released: HashMap<(u32, usize), u64>,
}

impl Model {
    fn live(&self, key: u32) -> Option<(usize, u64, bool)> {
        self.keys.get(&key).copied().filter(|(_, until, _)| *until > self.now)
    }

    fn claim(&mut self, key: u32, token: usize, lease: u64) -> Claimed {
        match self.live(key) {
            Some((_, _, true)) => Claimed::Done,
            Some((owner, until, false)) if owner != token => {
                in_flight(Duration::from_millis(until - self.now))
            }
            None if self.released.get(&(key, token)).is_some_and(|until| *until > self.now) => {
                in_flight(Duration::ZERO)
            }
            _ => {
                self.keys.insert(key, (token, self.now + lease, false));
                Claimed::Fresh
            }
        }
    }

    fn complete(&mut self, key: u32, token: usize, retention: u64) -> Settled {
        match self.live(key) {
            Some((owner, _, done)) if owner == token => {
                if !done {
                    self.keys.insert(key, (token, self.now + retention, true));
                }
                Settled::Settled
            }
            _ => Settled::Lost,
        }
    }

    fn release(&mut self, key: u32, token: usize) -> Settled {
        let until = self.now + RELEASED_FOR.as_millis() as u64;
        self.released.insert((key, token), until);
        match self.live(key) {
            Some((owner, _, false)) if owner == token => {
                self.keys.remove(&key);
                Settled::Settled
            }
            _ => Settled::Lost,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_store_is_as_the_model(ops in proptest::collection::vec(op(), 1..200)) {
        let clock = clock_at(NOW);
        let memory = store(&clock, 100);
        let store = Asked::new(memory.clone());
        let tokens = [token(), token(), token()];
        let mut model = Model::default();
        let millis = Duration::from_millis;
        for op in ops {
            match op {
                Op::Claim { key: k, token, lease } => prop_assert_eq!(
                    store.claim(key(k), tokens[token], millis(lease)),
                    model.claim(k, token, lease)
                ),
                Op::Complete { key: k, token, retention } => prop_assert_eq!(
                    store.complete(key(k), tokens[token], millis(retention)),
                    model.complete(k, token, retention)
                ),
                Op::Release { key: k, token } => prop_assert_eq!(
                    store.release(key(k), tokens[token]),
                    model.release(k, token)
                ),
                Op::Advance { by } => {
                    clock.advance(millis(by));
                    model.now += by;
                }
            }
            let live = (0..4).filter(|k| model.live(*k).is_some()).count();
            prop_assert!(memory.len() >= live && memory.len() <= 4);
        }
    }
}
