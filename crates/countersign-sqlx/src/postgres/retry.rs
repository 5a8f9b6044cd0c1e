//! Asking again, a few times.

use std::time::Duration;

use crate::error;

/// Waits that get longer, and end after about 75 ms altogether.
pub(super) struct Waits(u32);

const WAITS: u32 = 4;
const FIRST: Duration = Duration::from_millis(5);

impl Waits {
    pub(super) const fn new() -> Self {
        Self(0)
    }

    /// Whether the next one is not waited for any more.
    pub(super) const fn is_over(&self) -> bool {
        self.0 >= WAITS
    }

    /// Waits, or answers that the time is over.
    pub(super) async fn next(&mut self) -> bool {
        if self.is_over() {
            return false;
        }
        tokio::time::sleep(FIRST.saturating_mul(1 << self.0)).await;
        self.0 += 1;
        true
    }
}

/// Whether another transaction came between, or held a lock for a while, so that the same statement
/// may well succeed now.
pub(super) fn may_succeed_again(error: &sqlx::Error) -> bool {
    matches!(error::code(error).as_deref(), Some("40001" | "40P01" | "55P03"))
}

/// Whether only one of many keys may be to blame: a lock or a conflict, a timeout, or what a trigger
/// or a constraint of the user's says.
pub(super) fn is_of_one_key(error: &sqlx::Error) -> bool {
    const CLASSES: [&str; 4] = ["22", "23", "40", "P0"];
    error::code(error).is_some_and(|code| {
        matches!(&*code, "55P03" | "57014") || CLASSES.iter().any(|class| code.starts_with(class))
    })
}
