//! Times as the documentation of `TimeFormat` says them, read one character after the other.

use countersign::TimeFormat;

use crate::reference::time::rfc3339;

/// Milliseconds since 1970; nothing if the text is not of this format.
pub fn read(format: TimeFormat, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let number = || {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let digits = digits && (!text.starts_with('0') || text == "0");
        if digits { text.parse::<i64>().ok() } else { None }
    };
    match format {
        TimeFormat::UnixSeconds => number()?.checked_mul(1000),
        TimeFormat::UnixMillis => number(),
        TimeFormat::Rfc3339 => rfc3339(text),
        _ => match number() {
            Some(number) if number < 100_000_000_000 => Some(number * 1000),
            Some(number) => Some(number),
            None => rfc3339(text),
        },
    }
}
