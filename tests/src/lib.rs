//! Suites across the crates of countersign, in the test targets of this package: `core` is the
//! core through its public API, `behaviour` is HTTP in, HTTP out, `stores` is every store on its real
//! server, `force` kills and freezes.

/// The code on the project's front page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

mod patience;
mod recorded;

pub use patience::{promptly, quickly};
pub use recorded::Recorded;

use std::sync::OnceLock;

use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Subscriber};

/// Makes the subscriber the current thread's, until the guard is dropped.
///
/// While a process has only one, `tracing` asks the subscriber of the thread that comes first to a line
/// that logs, and remembers it for all threads. In a test that runs beside others, this thread would not
/// log what one without a subscriber came to first. So there is always a second one.
pub fn log_to(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(NoSubscriber::new()));
    tracing::subscriber::set_default(subscriber)
}

#[test]
fn a_thread_logs_what_another_one_came_to_first() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static ENABLED: AtomicUsize = AtomicUsize::new(0);
    let line = || {
        if tracing::enabled!(tracing::Level::INFO) {
            ENABLED.fetch_add(1, Ordering::SeqCst);
        }
    };
    let _guard = log_to(tracing_subscriber::fmt().finish());
    std::thread::spawn(line).join().unwrap();
    line();
    assert_eq!(ENABLED.load(Ordering::SeqCst), 1);
}
