//! The promises, by force: receivers are killed, servers are frozen and restarted, senders hang
//! up, and then the effects are counted.
//!
//! Each has a short form, which is part of every test run, and a long one for
//! `COUNTERSIGN_LONG=1 cargo test -p countersign-tests --test force`. `-- --nocapture` shows the
//! figures.

mod crash;
mod database;
mod fleet;
mod outage;
#[path = "../ports.rs"]
mod ports;
#[cfg(target_os = "linux")]
mod power;
mod receiver;
mod sender;
mod servers;
mod storm;

/// `long` where the long form is asked for, otherwise `short`.
fn size(short: usize, long: usize) -> usize {
    if std::env::var_os("COUNTERSIGN_LONG").is_some() { long } else { short }
}

/// Numbers that look random, for spreading things out. Not the same in every run.
#[derive(Clone, Copy)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        Self(now ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
