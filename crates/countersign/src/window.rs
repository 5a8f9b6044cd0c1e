//! The replay window, and the times that are held against it.

#![warn(clippy::arithmetic_side_effects)]

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::rejection::RejectionKind;

/// How old, and how far in the future, a delivery's time may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// The greatest age. A delivery of exactly this age still passes.
    pub past: Duration,
    /// How far the sender's clock may be ahead of ours.
    pub future: Duration,
}

impl Window {
    /// A window with its two tolerances.
    #[must_use]
    pub const fn new(past: Duration, future: Duration) -> Self {
        Self { past, future }
    }

    /// The time from the first to the last moment at which one delivery is fresh.
    #[must_use]
    pub const fn span(&self) -> Duration {
        self.past.saturating_add(self.future)
    }

    pub(crate) fn check(&self, time: UnixMillis, now: UnixMillis) -> Result<(), RejectionKind> {
        let age = i128::from(now.0).saturating_sub(i128::from(time.0));
        let millis =
            |tolerance: Duration| i128::try_from(tolerance.as_millis()).unwrap_or(i128::MAX);
        if age > millis(self.past) {
            Err(RejectionKind::Stale)
        } else if age.saturating_neg() > millis(self.future) {
            Err(RejectionKind::InTheFuture)
        } else {
            Ok(())
        }
    }
}

/// How a provider writes its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeFormat {
    /// Any of the other three. Numbers below 100 000 000 000 are seconds, others milliseconds.
    #[default]
    Detect,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMillis,
    /// RFC 3339, with or without a fraction: `2026-05-23T14:30:00.000Z`.
    Rfc3339,
    /// The same without a zone, in UTC: `2026-05-23T14:30:00`.
    Rfc3339WithoutZone,
}

/// Numbers from here on are milliseconds when the format is detected. In seconds this is the
/// year 5138, in milliseconds March 1973.
const FIRST_MILLIS: i64 = 100_000_000_000;

/// The longest time a header may hold; every format fits.
pub(crate) const MAX_TIME_LENGTH: usize = 40;

impl TimeFormat {
    /// Reads a time as text; nothing if it is not exactly of this format.
    pub(crate) fn read(self, text: &[u8]) -> Option<UnixMillis> {
        if text.is_empty() || text.len() > MAX_TIME_LENGTH {
            return None;
        }
        if text.iter().all(u8::is_ascii_digit) {
            // One spelling a number, as a provider's clock writes it.
            if text.starts_with(b"0") && text != b"0" {
                return None;
            }
            let number = text.iter().try_fold(0_i64, |number, digit| {
                number.checked_mul(10)?.checked_add(i64::from(digit.wrapping_sub(b'0')))
            });
            return self.read_number(number?);
        }
        let text = std::str::from_utf8(text).ok()?;
        let time = match self {
            Self::Detect | Self::Rfc3339 => OffsetDateTime::parse(text, &Rfc3339).ok()?,
            Self::Rfc3339WithoutZone => {
                let mut zoned = [b'Z'; MAX_TIME_LENGTH + 1];
                zoned.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
                let zoned = std::str::from_utf8(zoned.get(..=text.len())?).ok()?;
                OffsetDateTime::parse(zoned, &Rfc3339).ok()?
            }
            Self::UnixSeconds | Self::UnixMillis => return None,
        };
        i64::try_from(time.unix_timestamp_nanos().checked_div(1_000_000)?).ok().map(UnixMillis)
    }

    /// Whether a text has the length that this format has in our times. From 2001 until 2286 there are
    /// 10 digits of seconds and 13 of milliseconds; RFC 3339 begins with four digits of the year and
    /// ends with its zone.
    pub(crate) fn has_usual_length(self, text: &[u8]) -> bool {
        match self {
            Self::UnixSeconds => text.len() == 10,
            Self::UnixMillis => text.len() == 13,
            Self::Rfc3339 => true,
            Self::Rfc3339WithoutZone => text.len() == 19,
            Self::Detect => false,
        }
    }

    /// Reads a time that a JSON body holds as a number.
    pub(crate) fn read_number(self, number: i64) -> Option<UnixMillis> {
        match self {
            Self::Rfc3339 | Self::Rfc3339WithoutZone => None,
            Self::UnixMillis => Some(UnixMillis(number)),
            Self::Detect if number >= FIRST_MILLIS => Some(UnixMillis(number)),
            Self::Detect | Self::UnixSeconds => number.checked_mul(1000).map(UnixMillis),
        }
    }
}

/// Milliseconds since 1970; negative before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnixMillis(pub(crate) i64);

impl UnixMillis {
    pub(crate) fn to_offset_date_time(self) -> Option<OffsetDateTime> {
        let nanos = i128::from(self.0).checked_mul(1_000_000)?;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
    }
}

impl From<SystemTime> for UnixMillis {
    fn from(time: SystemTime) -> Self {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => millis(since),
            Err(before) => millis(before.duration()).saturating_neg(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_strictly() {
        let read = |format: TimeFormat, text: &str| format.read(text.as_bytes()).map(|time| time.0);
        for text in
            ["1716477000", "1716477000000", "2024-05-23T15:10:00Z", "2024-05-23T17:10:00.000+02:00"]
        {
            assert_eq!(read(TimeFormat::Detect, text), Some(1_716_477_000_000), "{text}");
        }
        for text in [
            "",
            " ",
            "+1716477000",
            "-1716477000",
            "01716477000",
            "1716477000.5",
            "1e9",
            "0x10",
            "99999999999999999999",
            "2024-05-23",
            "2024-05-23T15:10:00",
            "2024-13-23T15:10:00Z",
            "1716477000 ",
            "１７１６",
            "9999999999999999999999999999999999999999999999999999",
        ] {
            assert_eq!(read(TimeFormat::Detect, text), None, "{text}");
        }
        assert_eq!(read(TimeFormat::UnixSeconds, "1716477000000"), Some(1_716_477_000_000_000));
        assert_eq!(read(TimeFormat::UnixSeconds, "9223372036854775807"), None);
        assert_eq!(read(TimeFormat::UnixMillis, "2024-05-23T15:10:00Z"), None);
        assert_eq!(read(TimeFormat::Rfc3339, "1716477000"), None);
    }

    #[test]
    fn the_window_holds_its_edges_and_does_not_overflow() {
        let window = Window::new(Duration::from_secs(300), Duration::from_secs(60));
        let now = UnixMillis(1_716_477_000_000);
        let at = |offset: i64| window.check(UnixMillis(now.0 + offset), now);
        assert_eq!(at(-300_000), Ok(()));
        assert_eq!(at(-300_001), Err(RejectionKind::Stale));
        assert_eq!(at(60_000), Ok(()));
        assert_eq!(at(60_001), Err(RejectionKind::InTheFuture));
        for time in [i64::MIN, i64::MAX] {
            assert!(window.check(UnixMillis(time), now).is_err());
            assert!(window.check(now, UnixMillis(time)).is_err());
        }
        let endless = Window::new(Duration::MAX, Duration::MAX);
        assert_eq!(endless.check(UnixMillis(i64::MIN), UnixMillis(i64::MAX)), Ok(()));
    }
}
