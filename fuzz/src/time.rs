//! Times as the documentation of `TimeFormat` says them, read one character after the other.

use countersign::TimeFormat;

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

/// `2026-05-23T14:30:00.000Z` (RFC 3339 §5.6, with a space for the `T` as its note allows), without
/// leap seconds.
fn rfc3339(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let is = |at: usize, wanted: &[u8]| wanted.contains(text.as_bytes().get(at)?).then_some(());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    is(4, b"-").and(is(7, b"-")).and(is(10, b"Tt ")).and(is(13, b":")).and(is(16, b":"))?;

    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        let first_nine = format!("{:0<9.9}", &fraction[..length]);
        nanos = first_nine.parse::<i128>().ok()?;
        rest = &fraction[length..];
    }
    let offset = match rest.as_bytes() {
        [b'Z' | b'z'] => 0,
        [
            sign @ (b'+' | b'-'),
            a @ b'0'..=b'2',
            b @ b'0'..=b'9',
            b':',
            c @ b'0'..=b'5',
            d @ b'0'..=b'9',
        ] => {
            let hours = i64::from(a - b'0') * 10 + i64::from(b - b'0');
            let minutes = i64::from(c - b'0') * 10 + i64::from(d - b'0');
            let offset = hours * 60 + minutes;
            if hours > 23 {
                return None;
            }
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = |year: i64| 365 * year + year / 4 - year / 100 + year / 400;
    // Days in the years before this one, from the year 1 on; the year 0 is a leap year.
    let years = if year == 0 { -366 } else { before(year - 1) };
    let months: i64 = lengths[..usize::try_from(month - 1).ok()?].iter().sum();
    let days = years + months + day - 1 - before(1969);
    let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second;
    let nanos = i128::from(seconds) * 1_000_000_000 + nanos;
    i64::try_from(nanos / 1_000_000).ok()
}
