//! Telling the store how a claim has ended, again and again if need be.

use std::time::{Duration, Instant};

use crate::dedup::{ClaimToken, Settled, Store, StoreError};
use crate::delivery::Delivery;
use crate::receiver::Receiver;

/// How a claim ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The event is handled: remember it.
    Complete,
    /// It is not: let its next delivery in.
    Release,
}

/// The end of a claim, on its way to the store.
pub(crate) struct Settling<S> {
    pub(crate) receiver: Receiver<S>,
    pub(crate) delivery: Delivery,
    pub(crate) token: ClaimToken,
    pub(crate) end: End,
    /// What is left of the lease.
    pub(crate) left: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl<S: Store> Settling<S> {
    /// Tells the store once; gives what is amiss all the same.
    pub(crate) async fn once(&self) -> Result<Option<&'static str>, StoreError> {
        let (key, token, store) = (self.delivery.key(), self.token, self.receiver.store());
        let (settled, step) = match self.end {
            End::Complete => {
                let retention = self.receiver.retention();
                let complete = store.complete(key, token, retention);
                (self.receiver.limited(complete).await, "complete")
            }
            End::Release => (self.receiver.limited(store.release(key, token)).await, "release"),
        };
        match settled {
            Ok(Settled::Settled) => Ok(None),
            // A lost claim has nothing to release.
            Ok(Settled::Lost) => Ok((self.end == End::Complete).then_some("claim_lost")),
            Err(error) => {
                self.receiver.note_failure(step, &error);
                Err(error)
            }
        }
    }

    /// Tells the store until it has heard or the lease has run out; gives the reason to report.
    pub(crate) async fn until_told(&self) -> Option<&'static str> {
        let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            if let Ok(reason) = self.once().await {
                return Some(reason.unwrap_or("recorded_late"));
            }
            let left = self.left.saturating_sub(started.elapsed());
            let runtime = self.receiver.runtime().filter(|_| !left.is_zero())?;
            runtime.sleep(pause.min(left)).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
}
