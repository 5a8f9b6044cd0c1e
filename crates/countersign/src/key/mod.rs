//! The event key: what makes two deliveries the same event.

mod hasher;
mod of_delivery;

use std::fmt;

pub(crate) use hasher::KeyHasher;
pub(crate) use of_delivery::{KeySource, KeySpec};

use crate::encoding::write_hex;

/// Names an event: 128 bits of a SHA-256 over the endpoint's name and what tells events apart.
///
/// Two deliveries with equal keys are the same event; an event has the same key in every process
/// whose endpoint has the same name. Shown as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey([u8; 16]);

impl EventKey {
    /// A key from its bytes, for stores that read one back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The key's bytes, evenly distributed.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventKey({self})")
    }
}
