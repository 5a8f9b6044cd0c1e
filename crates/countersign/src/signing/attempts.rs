//! When a provider sends an event again.

use std::time::Duration;

use super::SignError;
use crate::provider::Provider;

/// The attempts of a provider to deliver one event, by its retry schedule and its rules for answers.
///
/// ```
/// use countersign::providers::pakyas;
/// use countersign::signing::{Attempts, Next};
/// use std::time::Duration;
///
/// let mut attempts = Attempts::of(&pakyas::provider())?;
/// assert_eq!(attempts.after(Some(503)), Next::In(Duration::from_secs(60)));
/// assert_eq!(attempts.after(None), Next::In(Duration::from_secs(300))); // no answer
/// assert_eq!(attempts.after(Some(404)), Next::GivenUp); // to Pakyas, a 4xx is final
/// # Ok::<(), countersign::signing::SignError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Attempts {
    waits: Vec<Duration>,
    made: usize,
    final_on_4xx: bool,
    assumed: bool,
}

/// What a provider does after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The event is delivered: there are no further attempts.
    Delivered,
    /// The event is not delivered, and there are no further attempts.
    GivenUp,
    /// The next attempt comes after this time.
    In(Duration),
}

impl Attempts {
    /// The attempts of this provider. Where it is known how long it tries but not when, the waits are
    /// assumed to double from a minute on; see [`are_assumed`](Self::are_assumed).
    ///
    /// # Errors
    ///
    /// [`SignError`] where nothing is known of the provider's retries.
    pub fn of(provider: &Provider) -> Result<Self, SignError> {
        let retries = provider.retries();
        let waits = match (retries.waits(), retries.horizon()) {
            (Some(waits), _) => waits.to_vec(),
            (None, Some(horizon)) => doubling(horizon),
            (None, None) => {
                return Err(SignError::new(format!(
                    "it is not known when {} sends an event again",
                    provider.name()
                )));
            }
        };
        let assumed = retries.waits().is_none();
        Ok(Self { waits, made: 0, final_on_4xx: provider.is_final_on_4xx(), assumed })
    }

    /// Whether the provider's documentation does not say when its attempts come.
    #[must_use]
    pub fn are_assumed(&self) -> bool {
        self.assumed
    }

    /// The waits between all attempts.
    #[must_use]
    pub fn waits(&self) -> &[Duration] {
        &self.waits
    }

    /// What follows an attempt with this answer; none if no answer came.
    pub fn after(&mut self, status: Option<u16>) -> Next {
        match status {
            Some(200..=299) => return Next::Delivered,
            Some(400..=499) if self.final_on_4xx => return Next::GivenUp,
            _ => {}
        }
        let wait = self.waits.get(self.made).copied();
        self.made += 1;
        wait.map_or(Next::GivenUp, Next::In)
    }
}

/// Waits that double, whose sum is the horizon.
fn doubling(horizon: Duration) -> Vec<Duration> {
    let (mut waits, mut wait, mut left) = (Vec::new(), Duration::from_secs(60), horizon);
    while left > wait {
        waits.push(wait);
        left = left.saturating_sub(wait);
        wait = wait.saturating_mul(2);
    }
    waits.push(left);
    waits
}
