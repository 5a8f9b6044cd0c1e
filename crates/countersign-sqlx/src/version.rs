//! Versions of an entity, as bytes that compare as the versions do.

use std::fmt;
use std::time::SystemTime;

use time::OffsetDateTime;

/// Which state of an entity an event reports: the later one is the greater one. Made of what the provider
/// gives, with `into()`: a number, a time, or a pair of these (the second counts where the first ones
/// are equal).
///
/// ```
/// use countersign_sqlx::Version;
/// use time::OffsetDateTime;
///
/// let sequence = Version::from(7_u64);
/// let updated_at = Version::from(OffsetDateTime::UNIX_EPOCH);
/// let pair = Version::from((1_700_000_000_i64, 7_u32));
/// assert!(pair > Version::from((1_700_000_000_i64, 6_u32)));
/// ```
///
/// Use the same kind for all events of an entity. A number is not the time of so many seconds: a time
/// counts in nanoseconds since 1970, and is greater than every number of seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    bytes: [u8; 32],
    /// The first one, or both.
    len: usize,
}

/// Bytes of one number.
const ONE: usize = 16;

impl Version {
    /// Big endian, and no number is negative: bytes then compare as the numbers do. A number is the
    /// beginning of a pair, and less than it.
    fn one(number: i128) -> Self {
        let mut bytes = [0; 32];
        let sortable = number.cast_unsigned() ^ (1 << 127);
        for (byte, digit) in bytes.iter_mut().zip(sortable.to_be_bytes()) {
            *byte = digit;
        }
        Self { bytes, len: ONE }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

macro_rules! from_numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Version {
            fn from(number: $number) -> Self {
                Self::one(number.into())
            }
        })*
    };
}

from_numbers!(i32, u32, i64, u64);

/// With its nanoseconds; the offset does not count.
impl From<OffsetDateTime> for Version {
    fn from(time: OffsetDateTime) -> Self {
        Self::one(time.unix_timestamp_nanos())
    }
}

/// The same as the [`OffsetDateTime`] of that time.
impl From<SystemTime> for Version {
    fn from(time: SystemTime) -> Self {
        let nanos = |duration: std::time::Duration| {
            i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
        };
        Self::one(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => nanos(since),
            Err(before) => nanos(before.duration()).saturating_neg(),
        })
    }
}

/// Each of the two may be a number or a time. Of a pair, its first number counts.
impl<A: Into<Version>, B: Into<Version>> From<(A, B)> for Version {
    fn from((major, minor): (A, B)) -> Self {
        let (mut version, minor) = (major.into(), minor.into());
        for (byte, digit) in version.bytes.iter_mut().skip(ONE).zip(minor.bytes) {
            *byte = digit;
        }
        version.len = version.bytes.len();
        version
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.as_bytes().as_chunks::<ONE>().0.iter();
        let numbers = numbers.map(|bytes| (u128::from_be_bytes(*bytes) ^ (1 << 127)).cast_signed());
        f.write_str("Version")?;
        f.debug_list().entries(numbers).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn bytes_compare_as_versions_do() {
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let versions: Vec<Version> = vec![
            i64::MIN.into(),
            (-1).into(),
            0_u32.into(),
            (0_u32, i64::MIN).into(),
            (0_u32, 7_u64).into(),
            255_u32.into(),
            256_i64.into(),
            (256_i64, 0_u32).into(),
            second.into(),
            (second, 1_u32).into(),
            (second + Duration::from_nanos(1)).into(),
            u64::MAX.into(),
        ];
        for pair in versions.windows(2) {
            let [older, newer] = pair else { panic!() };
            assert!(older < newer && older.as_bytes() < newer.as_bytes(), "{older:?} {newer:?}");
        }
        assert_eq!(Version::from(7_i32), Version::from(7_u64));
        assert_eq!(Version::from(OffsetDateTime::from(second)), Version::from(second));
        let before = SystemTime::UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(format!("{:?}", Version::from((before, 7_u32))), "Version[-1, 7]");
    }
}
