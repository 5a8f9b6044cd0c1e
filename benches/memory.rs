//! Fills the in-memory store with ten million live keys; prints the bytes that each takes and the
//! slowest single claim. Not criterion: it runs once. An argument is another number of keys.

use std::time::{Duration, Instant};

use countersign::{ClaimToken, Claimed, MemoryStore, Settled, Store};
use countersign_benches::keys::{key, ready};

const LEASE: Duration = Duration::from_secs(300);
const RETENTION: Duration = Duration::from_secs(86_400);

fn main() {
    let given = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let keys: u64 = given.unwrap_or(10_000_000);
    let store = MemoryStore::builder().capacity(usize::MAX).build();
    let mut slow: Vec<Duration> = Vec::with_capacity(1024);

    let before = resident();
    let start = Instant::now();
    for number in 0..keys {
        let (key, token) = (key(number), ClaimToken::random().expect("randomness"));
        let claim = Instant::now();
        let claimed = ready(store.claim(key, token, LEASE)).expect("there is room");
        let took = claim.elapsed();
        if took > Duration::from_micros(500) && slow.len() < slow.capacity() {
            slow.push(took);
        }
        assert_eq!(claimed, Claimed::Fresh);
        let settled = ready(store.complete(key, token, RETENTION)).expect("it is claimed");
        assert_eq!(settled, Settled::Settled);
    }
    let (took, after) = (start.elapsed(), resident());
    assert_eq!(store.len() as u64, keys);

    slow.sort_unstable();
    let bytes = (after - before) as f64 / keys as f64;
    println!("{keys} keys, {bytes:.1} bytes each, filled in {took:.1?}");
    println!("claims over 0.5 ms: {}, the slowest {:?}", slow.len(), slow.last());
}

/// The process's resident memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kibibytes = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
    kibibytes * 1024
}
