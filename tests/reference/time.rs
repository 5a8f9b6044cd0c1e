//! Times, read one character after the other and written again.

/// Milliseconds since 1970, if the text is of this unit. `one_length`: only as many digits as the
/// times of these centuries have, because what stands beside the time may be digits too.
pub fn moment(unit: &str, text: &str, one_length: bool) -> Option<i64> {
    if text.len() > 40 {
        return None;
    }
    let length_is = |length: usize| (!one_length || text.len() == length).then_some(());
    match unit {
        "s" => length_is(10).and(number(text))?.checked_mul(1_000),
        "ms" => length_is(13).and(number(text)),
        "rfc3339" => rfc3339(text),
        "rfc3339-utc-without-zone" => rfc3339(&format!("{text}Z")),
        // From 1973 on, milliseconds have twelve digits and more; seconds have them from 5138 on.
        "s-or-ms" | "s-or-ms-or-rfc3339" => match number(text) {
            Some(number) if number < 100_000_000_000 => Some(number * 1_000),
            Some(number) => Some(number),
            None if unit == "s-or-ms" => None,
            None => rfc3339(text),
        },
        other => panic!("no unit {other}"),
    }
}

/// A number has one spelling: no sign, no zeros before it.
fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

/// `2026-05-23T14:30:00.000Z` (RFC 3339 §5.6, with a space for the `T` as its note allows), without
/// leap seconds.
pub fn rfc3339(text: &str) -> Option<i64> {
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

/// The date and the time of day in UTC, to the second, without a zone: found by trying.
pub fn civil(unix_seconds: i64) -> String {
    let (days, second) = (unix_seconds.div_euclid(86_400), unix_seconds.rem_euclid(86_400));
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let mut year = 1970;
    let begins = |year: i64| rfc3339(&format!("{year}-01-01T00:00:00Z")).map(|at| at / 86_400_000);
    while begins(year) > Some(days) {
        year -= 1;
    }
    while begins(year + 1) <= Some(days) {
        year += 1;
    }
    let dates =
        (1..=12).flat_map(|month| (1..=31).map(move |day| format!("{year}-{month:02}-{day:02}")));
    let mut real =
        dates.filter(|date| rfc3339(&format!("{date}T00:00:00Z")) == Some(days * 86_400_000));
    real.next().map(|date| format!("{date}T{clock}")).expect("some day it is")
}
