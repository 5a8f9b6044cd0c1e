//! Points in time, as they are shown.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last millisecond of the year 9999.
const LAST: Duration = Duration::from_millis(253_402_300_799_999);

/// In the form of RFC 3339, which ends with the year 9999. A clock that is wrong may be far from it, and
/// `humantime` panics then.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let last = UNIX_EPOCH.checked_add(LAST).unwrap_or(time);
    humantime::format_rfc3339_millis(time.max(UNIX_EPOCH).min(last)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_shown() {
        let second = Duration::from_secs(1);
        for (time, shown) in [
            (UNIX_EPOCH - second, "1970-01-01T00:00:00.000Z"),
            (UNIX_EPOCH + second, "1970-01-01T00:00:01.000Z"),
            (UNIX_EPOCH + LAST, "9999-12-31T23:59:59.999Z"),
            (UNIX_EPOCH + LAST + second, "9999-12-31T23:59:59.999Z"),
            (UNIX_EPOCH + Duration::from_secs(1 << 60), "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(time), shown);
        }
    }
}
