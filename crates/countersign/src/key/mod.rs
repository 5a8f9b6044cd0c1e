//! The event key: what makes two deliveries the same event.

mod hasher;
mod of_delivery;

use std::error::Error;
use std::fmt;
use std::str::FromStr;

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

/// A key from what it is shown as: 32 hex digits.
///
/// ```
/// let key: countersign::EventKey = "4516429cf007aae5bcadde7a4ace7897".parse()?;
/// assert_eq!(key.to_string(), "4516429cf007aae5bcadde7a4ace7897");
/// # Ok::<(), countersign::InvalidEventKey>(())
/// ```
impl FromStr for EventKey {
    type Err = InvalidEventKey;

    fn from_str(text: &str) -> Result<Self, InvalidEventKey> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut key = [0; 16];
        if pairs.len() != key.len() || !rest.is_empty() {
            return Err(InvalidEventKey);
        }
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(InvalidEventKey);
        for (byte, [high, low]) in key.iter_mut().zip(pairs) {
            *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).map_err(|_| InvalidEventKey)?;
        }
        Ok(Self(key))
    }
}

/// A text that is not an event key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidEventKey;

impl fmt::Display for InvalidEventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event key has 32 hex digits")
    }
}

impl Error for InvalidEventKey {}
