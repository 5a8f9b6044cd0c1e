//! What is new each time: times, and ids of letters and digits.

use std::time::SystemTime;

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::SignError;
use crate::window::{TimeFormat, UnixMillis};

/// A time as a provider writes it, in unix seconds where it may be any format; nothing for a year that
/// the format does not have.
pub(super) fn write_time(time: SystemTime, format: TimeFormat) -> Option<String> {
    let kind = match format {
        TimeFormat::UnixMillis => "unix_ms",
        TimeFormat::Rfc3339 => return OffsetDateTime::from(time).format(&Rfc3339).ok(),
        TimeFormat::Rfc3339WithoutZone => "rfc3339_local",
        TimeFormat::UnixSeconds | TimeFormat::Detect => "unix",
    };
    time_text(UnixMillis::from(time).to_offset_date_time()?, kind)
}

/// Fills in a template: `{{kind}}` is a new text of that kind, and `{{name=kind}}` is one that `{{name}}`
/// repeats.
///
/// Kinds of texts are `uuid`, and `alnum:N`, `upper:N`, `hex:N` and `digits:N` of N characters. Kinds of
/// times are those of [`time_text`], each with an offset in seconds where there is one: `unix-3600`.
#[derive(Debug)]
pub(super) struct Filler {
    now: SystemTime,
    known: Vec<(String, String)>,
}

impl Filler {
    pub(super) fn new(now: SystemTime, event: &str) -> Self {
        let mut filler = Self { now, known: Vec::new() };
        filler.know("event", event);
        // `deployment.failed` has the verb `failed`.
        filler.know("verb", event.rsplit(['.', '/']).next().unwrap_or(event));
        filler
    }

    pub(super) fn know(&mut self, name: &str, value: &str) {
        self.known.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn fill(&mut self, template: &str) -> Result<String, SignError> {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after
                .split_once("}}")
                .ok_or_else(|| SignError::new("`{{` has no `}}` after it"))?;
            out.push_str(before);
            out.push_str(&self.text(inside)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn text(&mut self, inside: &str) -> Result<String, SignError> {
        if let Some((_, value)) = self.known.iter().find(|(name, _)| name == inside) {
            return Ok(value.clone());
        }
        let (name, kind) = match inside.split_once('=') {
            Some((name, kind)) => (Some(name), kind),
            None => (None, inside),
        };
        let text =
            random(kind).transpose().or_else(|| self.time(kind).map(Ok)).unwrap_or_else(|| {
                Err(SignError::new(format!("`{{{{{inside}}}}}` is not a kind of text or time")))
            })?;
        if let Some(name) = name {
            self.know(name, &text);
        }
        Ok(text)
    }

    fn time(&self, kind: &str) -> Option<String> {
        let (kind, offset) = match kind.find(['+', '-']) {
            Some(at) => {
                let (kind, offset) = kind.split_at_checked(at)?;
                (kind, offset.parse().ok()?)
            }
            None => (kind, 0),
        };
        let now = UnixMillis::from(self.now).to_offset_date_time()?;
        time_text(now.checked_add(Duration::seconds(offset))?, kind)
    }
}

/// A time in one of the spellings that bodies have.
fn time_text(time: OffsetDateTime, kind: &str) -> Option<String> {
    let seconds = || time.replace_nanosecond(0).ok()?.format(&Rfc3339).ok();
    let without_zone = || Some(seconds()?.trim_end_matches('Z').to_owned());
    let millis = time.millisecond();
    Some(match kind {
        "unix" => time.unix_timestamp().to_string(),
        "unix_ms" => time.unix_timestamp_nanos().div_euclid(1_000_000).to_string(),
        "rfc3339" => seconds()?,
        "rfc3339_ms" => format!("{}.{millis:03}Z", without_zone()?),
        "rfc3339_us" => format!("{}.{millis:03}000Z", without_zone()?),
        "rfc3339_local" => without_zone()?,
        "rfc3339_offset" => format!("{}+00:00", without_zone()?),
        "utc" => format!("{} UTC", without_zone()?.replace('T', " ")),
        "date" => without_zone()?.split('T').next()?.to_owned(),
        _ => return None,
    })
}

fn random(kind: &str) -> Result<Option<String>, SignError> {
    const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const UPPER: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if kind == "uuid" {
        let hex = of_alphabet(ALPHABET.get(..16), 32)?;
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        // Version 4, variant 1 (RFC 9562).
        let (b, c) = (part(13, 16), part(17, 20));
        return Ok(Some(format!("{}-{}-4{b}-a{c}-{}", part(0, 8), part(8, 12), part(20, 32))));
    }
    let Some((kind, length)) = kind.split_once(':') else { return Ok(None) };
    let Ok(length) = length.parse() else { return Ok(None) };
    let alphabet = match kind {
        "alnum" => Some(ALPHABET),
        "upper" => Some(UPPER),
        "hex" => ALPHABET.get(..16),
        // A number does not begin with 0.
        "digits" => ALPHABET.get(1..10),
        _ => return Ok(None),
    };
    of_alphabet(alphabet, length).map(Some)
}

fn of_alphabet(alphabet: Option<&[u8]>, length: usize) -> Result<String, SignError> {
    let alphabet = alphabet.unwrap_or_default();
    let mut bytes = vec![0_u8; length];
    getrandom::fill(&mut bytes)
        .map_err(|error| SignError::new(format!("no random numbers: {error}")))?;
    let characters = bytes.iter().filter_map(|byte| {
        let index = usize::from(*byte).checked_rem(alphabet.len())?;
        alphabet.get(index).copied().map(char::from)
    });
    Ok(characters.collect())
}

/// A new id for a header, after a prefix.
pub(super) fn new_id(prefix: &str) -> Result<String, SignError> {
    Ok(format!("{prefix}{}", random("alnum:24")?.unwrap_or_default()))
}

/// A new text of a kind such as `alnum:32`.
#[cfg(all(feature = "testing", feature = "tokio"))]
pub(crate) fn new_text(kind: &str) -> Result<String, SignError> {
    Ok(random(kind)?.unwrap_or_default())
}

/// A new UUID.
pub(super) fn new_uuid() -> Result<String, SignError> {
    Ok(random("uuid")?.unwrap_or_default())
}
