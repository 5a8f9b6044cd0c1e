//! What the database is given in place of the store contract's values.

use std::fmt;
use std::time::Duration;

#[cfg(feature = "postgres")]
use countersign::EventKey;
use countersign::{ClaimToken, LONGEST_KEPT, StoreStats};
use sha2::{Digest, Sha256};

/// The owner as the database knows it: a digest of the claim's token. Whoever reads the table, a
/// backup or a log of statements learns nothing that settles a claim.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Owner([u8; 16]);

impl Owner {
    /// The owner of a row that no token owns.
    #[cfg(feature = "postgres")]
    pub(crate) const NOBODY: Self = Self([0; 16]);

    pub(crate) fn of(token: ClaimToken) -> Self {
        Self::digest(b"countersign owner 1", &[token.as_bytes()])
    }

    /// The key of the row that says that this owner of the event was released.
    #[cfg(feature = "postgres")]
    pub(crate) fn released(self, key: EventKey) -> Self {
        Self::digest(b"countersign released 2", &[key.as_bytes(), &self.0])
    }

    fn digest(of: &[u8], parts: &[&[u8; 16]]) -> Self {
        let sha =
            parts.iter().fold(Sha256::new_with_prefix(of), |sha, part| sha.chain_update(part));
        let digest: [u8; 32] = sha.finalize().into();
        let (half, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Self(*half)
    }

    #[cfg(feature = "postgres")]
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Hexadecimal digits.
#[cfg(feature = "postgres")]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How long watermarks are kept unless something else is set.
pub(crate) const WATERMARKS_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// A lease or retention in microseconds.
#[cfg(feature = "postgres")]
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.min(LONGEST_KEPT).as_micros()).unwrap_or(i64::MAX)
}

/// A lease or retention in milliseconds.
#[cfg(feature = "sqlite")]
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.min(LONGEST_KEPT).as_millis()).unwrap_or(i64::MAX)
}

/// How many are claimed, done (handled or parked), parked, released, and have run out.
pub(crate) fn stats(counts: [i64; 5]) -> StoreStats {
    let [in_flight, done, parked, released, expired] =
        counts.map(|count| u64::try_from(count).unwrap_or(0));
    let mut stats = StoreStats::new();
    (stats.in_flight, stats.handled) = (in_flight, done.saturating_sub(parked));
    stats.parked = parked;
    (stats.released, stats.expired) = (released, expired);
    stats
}
