//! Ports for servers that have to be told theirs.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port of 127.0.0.1 that nobody listens on, and that this process has not given before.
///
/// A port that the system chooses (`:0`) is one that it may give to the next connection as well, and
/// then the server that was to listen there cannot. These are below the ones that systems give to
/// connections: from 32 768 on Linux, from 49 152 elsewhere.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 15_000;
    const COUNT: u16 = 15_000;
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Processes that run side by side begin at different ones, also in containers, where their numbers repeat.
    static START: OnceLock<u16> = OnceLock::new();
    let start = *START.get_or_init(|| (RandomState::new().hash_one(0) % 15_000) as u16);
    for _ in 0..COUNT {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + given % COUNT) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("somebody listens on each port from {FIRST} on")
}
