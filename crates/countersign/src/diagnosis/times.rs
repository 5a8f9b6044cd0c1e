//! The times that the sender may have signed, where they stand in a header.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::cause::Cause;
use super::change::{Change, Variant, change};
use super::request::Head;
use crate::provider::{HeaderTime, Item, Provider, TimeSource};
use crate::window::{TimeFormat, UnixMillis};

/// How far from now a time that is missing is looked for, in seconds.
const LOOKED_BACK: i64 = 600;
const LOOKED_AHEAD: i64 = 60;

/// The heads with the time in another unit. With `guess`, also with any of the times that are possible:
/// where it is missing, and where milliseconds were signed and seconds are here.
pub(super) fn variants(
    head: &Head,
    provider: &Provider,
    now: UnixMillis,
    guess: bool,
) -> Vec<Variant<Head>> {
    let given = Variant::given(head.clone());
    let Some(TimeSource::Header { time, .. }) = &provider.spec().time else { return vec![given] };
    let values = head.values(time.name.as_str());
    let mut all = vec![given.clone()];
    match &*values {
        [] if time.item.is_none() && guess => {
            for text in near(now, time.format) {
                all.push(
                    given.and(head.with(time.name.as_str(), text.into_bytes()), missing(time)),
                );
            }
        }
        [value] => match place(time, value) {
            Some((start, end)) => {
                let text = String::from_utf8_lossy(value.get(start..end).unwrap_or_default());
                for (other, says) in other_units(&text, time, guess) {
                    let (before, after) = (value.get(..start), value.get(end..));
                    let parts =
                        [before.unwrap_or_default(), other.as_bytes(), after.unwrap_or_default()];
                    let head = head.with(time.name.as_str(), parts.concat());
                    all.push(given.and(head, change(Cause::TimeUnit, says)));
                }
            }
            None if guess => {
                for text in near(now, time.format) {
                    let Some(value) = with_item(time, value, &text) else { break };
                    all.push(given.and(head.with(time.name.as_str(), value), missing(time)));
                }
            }
            None => {}
        },
        _ => {}
    }
    all
}

/// What is said of a time that is missing.
pub(super) fn missing(time: &HeaderTime) -> Change {
    let says = match &time.item {
        None => {
            format!(
                "The header {} is missing; the time is part of what is signed.",
                time.name.as_str()
            )
        }
        Some(_) => format!("{} holds no time; it is part of what is signed.", time.name.as_str()),
    };
    change(Cause::TimeMissing, says)
}

/// Where the time stands in its header's value.
fn place(time: &HeaderTime, value: &[u8]) -> Option<(usize, usize)> {
    let found = match &time.item {
        None => value.trim_ascii(),
        Some(Item::First(separators)) => {
            separators.items(value).next().filter(|item| item.len() < 21)?
        }
        Some(Item::Prefixed(separators, prefix)) => {
            separators.items(value).find_map(|item| item.strip_prefix(prefix.as_bytes()))?
        }
    };
    let start = value.windows(found.len().max(1)).position(|window| window == found)?;
    Some((start, start + found.len()))
}

fn with_item(time: &HeaderTime, value: &[u8], text: &str) -> Option<Vec<u8>> {
    let Some(Item::Prefixed(separators, prefix)) = &time.item else { return None };
    let item = format!("{prefix}{text}{}", separators.item);
    Some([item.as_bytes(), value].concat())
}

/// The times near now, as the provider writes them.
fn near(now: UnixMillis, format: TimeFormat) -> Vec<String> {
    let seconds = now.0.div_euclid(1000);
    if !matches!(format, TimeFormat::UnixSeconds | TimeFormat::Detect) {
        return Vec::new();
    }
    let all = seconds.saturating_sub(LOOKED_BACK)..=seconds.saturating_add(LOOKED_AHEAD);
    all.map(|second| second.to_string()).collect()
}

/// The same time in other units and formats, as far as it can be known.
fn other_units(text: &str, time: &HeaderTime, guess: bool) -> Vec<(String, String)> {
    let says = |from: &str, to: &str| {
        format!("The time in {} is {from}; it was signed in {to}.", time.name.as_str())
    };
    let mut all = Vec::new();
    if let Some((whole, fraction)) = text.split_once('.')
        && is_number(whole)
        && is_number(fraction)
    {
        all.push((whole.to_owned(), says("a decimal number", "whole seconds")));
    }
    if is_number(text) {
        let number: i128 = text.parse().unwrap_or_default();
        // Which unit it is, by its size: seconds, milliseconds, microseconds, nanoseconds.
        let (nanos, from) = match text.len() {
            ..=11 => (number.saturating_mul(1_000_000_000), "in seconds"),
            12..=14 => (number.saturating_mul(1_000_000), "in milliseconds"),
            15..=17 => (number.saturating_mul(1_000), "in microseconds"),
            _ => (number, "in nanoseconds"),
        };
        let seconds = nanos.div_euclid(1_000_000_000);
        all.push((seconds.to_string(), says(from, "seconds")));
        if text.len() < 12 {
            let guessed = if guess { 1000 } else { 1 };
            let millis =
                (0..guessed).map(|millis| seconds.saturating_mul(1000).saturating_add(millis));
            all.extend(millis.map(|millis| (millis.to_string(), says(from, "milliseconds"))));
        } else {
            let millis = nanos.div_euclid(1_000_000);
            all.push((millis.to_string(), says(from, "milliseconds")));
        }
        if let Ok(moment) = OffsetDateTime::from_unix_timestamp_nanos(nanos) {
            all.extend(written(moment).map(|text| (text, says("a number", "RFC 3339"))));
        }
    } else if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        let nanos = moment.unix_timestamp_nanos();
        let says = |unit: &str| says("in RFC 3339", unit);
        all.push((nanos.div_euclid(1_000_000_000).to_string(), says("seconds")));
        all.push((nanos.div_euclid(1_000_000).to_string(), says("milliseconds")));
        all.extend(written(moment).map(|text| (text, says("another form of it"))));
    }
    all.retain(|(other, _)| other != text);
    all
}

/// RFC 3339 as it is written most often.
fn written(moment: OffsetDateTime) -> impl Iterator<Item = String> {
    let moment = moment.to_offset(time::UtcOffset::UTC);
    let whole = moment.replace_nanosecond(0).ok();
    let whole = whole.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default();
    let bare = whole.trim_end_matches('Z').to_owned();
    let millis = format!("{bare}.{:03}Z", moment.millisecond());
    [whole, millis, format!("{bare}+00:00"), bare].into_iter().filter(|text| !text.is_empty())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 30 && text.bytes().all(|byte| byte.is_ascii_digit())
}
