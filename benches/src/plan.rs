//! How thorough a run is: the real one, or a smoke run that only shows that everything works.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub quick: bool,
}

impl Plan {
    /// How often each side has its turn.
    pub fn rounds(self, thorough: usize) -> usize {
        if self.quick { 3 } else { thorough }
    }

    /// How long a turn takes, about.
    pub fn turn(self, thorough: Duration) -> Duration {
        if self.quick { thorough / 10 } else { thorough }
    }

    /// One of two, where a smoke run does less.
    pub fn or<T>(self, quick: T, thorough: T) -> T {
        if self.quick { quick } else { thorough }
    }
}
