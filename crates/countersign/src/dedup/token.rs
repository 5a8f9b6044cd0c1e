//! The token of a claim.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::error::{StoreError, StoreErrorKind};
use crate::clock::{Clock as _, SystemClock};

/// The owner's mark on a claim: 128 bits that cannot be guessed, new for every claim.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClaimToken([u8; 16]);

impl ClaimToken {
    /// A new token.
    ///
    /// # Errors
    ///
    /// If the operating system has no randomness to give.
    pub fn random() -> Result<Self, StoreError> {
        static SEED: OnceLock<[u8; 32]> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let seed = match SEED.get() {
            Some(seed) => seed,
            None => {
                let mut seed = [0; 32];
                getrandom::fill(&mut seed).map_err(|error| {
                    StoreError::new(StoreErrorKind::Unavailable, error.to_string())
                })?;
                SEED.get_or_init(|| seed)
            }
        };
        // One draw a process, not one a claim: asking the operating system takes longer than all
        // else that a claim does. The count makes each token new, and the time keeps apart copies
        // of a process that were made with its memory (a fork, a snapshot).
        // No time is judged by this, so it is not the endpoint's clock: it only makes tokens differ.
        let now = SystemClock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let digest = Sha256::new_with_prefix(seed)
            .chain_update(COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes())
            .chain_update((now.as_nanos() as u64).to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, random)| *byte = random);
        Ok(Self(bytes))
    }

    /// The token's bytes, for a store to write.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for ClaimToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows the token can settle the claim.
        f.write_str("ClaimToken(..)")
    }
}
