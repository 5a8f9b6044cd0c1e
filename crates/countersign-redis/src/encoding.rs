//! What stands in the server: keys, values and expiries.

use std::time::Duration;

use countersign::{ClaimToken, EventKey, LONGEST_KEPT};

use crate::error::ConfigError;

/// What every key of a store starts with.
#[derive(Clone, Debug)]
pub(crate) struct Prefix(Box<str>);

impl Prefix {
    pub(crate) const DEFAULT: &str = "countersign:";
    const LONGEST: usize = 64;

    pub(crate) fn new(prefix: &str) -> Result<Self, ConfigError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":._-/".contains(&byte);
        if (1..=Self::LONGEST).contains(&prefix.len()) && prefix.bytes().all(plain) {
            Ok(Self(prefix.into()))
        } else {
            Err(ConfigError::InvalidPrefix { prefix: prefix.to_owned() })
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The event's key in the server: the prefix and 32 hex digits.
    pub(crate) fn key(&self, event: EventKey) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.0.len() + 32);
        key.extend_from_slice(self.0.as_bytes());
        event.as_bytes().iter().for_each(|byte| key.extend_from_slice(&hex(*byte)));
        key
    }
}

/// Where a token is remembered as released: next to its event's key. Braces make a cluster place it
/// by what is between them, which is that key, so one script reaches both.
pub(crate) fn released_key(key: &[u8], token: ClaimToken) -> Vec<u8> {
    Mark::claimed(token).released_key(key)
}

/// A further place of an event, in the same slot of a cluster.
pub(crate) fn under(key: &[u8], name: &[u8]) -> Vec<u8> {
    [b"{", key, b"}", name].concat()
}

impl Default for Prefix {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

/// What stands under an event's key: its state, and the owner's token in hex. All that can stand
/// there is said in `scripts/state.lua`.
pub(crate) struct Mark([u8; Self::LENGTH]);

impl Mark {
    pub(crate) const LENGTH: usize = 33;

    /// No token's.
    pub(crate) const NOBODY: Self = Self([b'-'; Self::LENGTH]);

    /// The mark of a handled event, from what stands under its key.
    pub(crate) fn read_done(value: &[u8]) -> Option<Self> {
        let (mark, _) = value.split_first_chunk()?;
        mark.starts_with(b"d").then_some(Self(*mark))
    }

    /// Where its token is remembered as released.
    pub(crate) fn released_key(&self, key: &[u8]) -> Vec<u8> {
        let digits = self.0.split_first().map_or(&[][..], |(_, digits)| digits);
        under(key, &[b"r", digits].concat())
    }

    pub(crate) fn claimed(token: ClaimToken) -> Self {
        Self::new(b'c', token)
    }

    pub(crate) fn done(token: ClaimToken) -> Self {
        Self::new(b'd', token)
    }

    fn new(state: u8, token: ClaimToken) -> Self {
        let mut mark = [state; Self::LENGTH];
        let (digits, _) = mark.split_at_mut(1).1.as_chunks_mut();
        for (digits, byte) in digits.iter_mut().zip(token.as_bytes()) {
            *digits = hex(*byte);
        }
        Self(mark)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An expiry in whole milliseconds: rounded up, for nothing is remembered too short, and never 0. The
/// server refuses expiries that are too long.
pub(crate) fn millis(duration: Duration) -> u64 {
    let millis = duration.min(LONGEST_KEPT).as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(u64::MAX).max(1)
}

fn hex(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_prefix_and_what_is_shown_of_the_event() {
        let event =
            EventKey::from_bytes([0, 1, 9, 10, 15, 16, 127, 128, 255, 4, 5, 6, 7, 8, 9, 10]);
        let key = Prefix::default().key(event);
        assert_eq!(String::from_utf8(key).unwrap(), format!("countersign:{event}"));
    }

    #[test]
    fn a_released_key_is_in_the_slot_of_its_event() {
        let event = EventKey::from_bytes([7; 16]);
        let key = Prefix::default().key(event);
        let token = ClaimToken::random().unwrap();
        let digits: String = token.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let released = String::from_utf8(released_key(&key, token)).unwrap();
        assert_eq!(released, format!("{{countersign:{event}}}r{digits}"));
    }

    #[test]
    fn a_mark_holds_the_state_and_the_whole_token() {
        let token = ClaimToken::random().unwrap();
        let digits: String = token.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Mark::claimed(token).as_bytes(), format!("c{digits}").as_bytes());
        assert_eq!(Mark::done(token).as_bytes(), format!("d{digits}").as_bytes());
    }

    #[test]
    fn expiries_are_rounded_up_and_kept_in_range() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_micros(1_001)), 2);
        assert_eq!(millis(Duration::from_secs(300)), 300_000);
        assert_eq!(millis(Duration::MAX), 3_153_600_000_000);
    }

    #[test]
    fn prefixes_are_short_and_plain() {
        for good in ["a", "countersign:", "shop-1/webhooks.v2:_", &"x".repeat(64)] {
            assert!(Prefix::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a*", "{slot}", "a\n", "é", "a?", "[a]", "\0", &"x".repeat(65)] {
            assert!(Prefix::new(bad).is_err(), "{bad}");
        }
    }
}
