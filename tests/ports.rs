//! Ports for servers that have to be told theirs.

use std::net::TcpListener;
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
    // Processes that run side by side begin at different ones.
    let start = (std::process::id() % 150) as u16 * 100;
    for _ in 0..COUNT {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + given % COUNT) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("somebody listens on each port from {FIRST} on")
}
