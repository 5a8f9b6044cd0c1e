//! A request as one line of JSON.

use std::borrow::Cow;
use std::io;

use countersign::{Delivery, FromDelivery as _};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json_line::harmless;
use crate::record::{Facts, Forwarded, ProgramAnswer, Record, Verdict};
use crate::times;

/// The line, with its end. The payload is that of an accepted delivery.
pub(super) fn line(record: &Record, delivery: Option<&Delivery>) -> io::Result<Vec<u8>> {
    let facts = record.facts.as_deref();
    let accepted = delivery.filter(|_| record.verdict == Verdict::Accepted);
    let line = Line {
        outcome: record.verdict.as_str(),
        received_at: times::rfc3339(record.received_at),
        provider: record.provider.as_deref(),
        endpoint: record.endpoint.as_deref(),
        path: record.endpoint.is_none().then(|| record.uri.path()),
        status: record.status,
        event: facts.and_then(|facts| facts.event.as_deref()),
        id: facts.and_then(|facts| facts.id.as_deref()),
        key: facts.map(|facts| &*facts.key),
        reason: record.reason,
        unverified: facts.and_then(Claims::of),
        unmatched: record.unmatched.then_some(true),
        forward: record.forwarded.as_deref().map(Forward::of),
        payload: accepted.map(Payload::of),
    };
    let mut line = harmless(serde_json::to_string(&line)?);
    line.push('\n');
    Ok(line.into_bytes())
}

#[derive(Serialize)]
struct Line<'a> {
    outcome: &'static str,
    received_at: String,
    provider: Option<&'a str>,
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    status: Option<u16>,
    event: Option<&'a str>,
    id: Option<&'a str>,
    key: Option<&'a str>,
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unverified: Option<Claims<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unmatched: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward: Option<Forward<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
}

/// What headers claim outside of the proof.
#[derive(Serialize)]
struct Claims<'a> {
    event: Option<&'a str>,
    id: Option<&'a str>,
}

/// What the user's program answered, or why there is no answer.
#[derive(Serialize)]
struct Forward<'a> {
    url: &'a str,
    status: Option<u16>,
    error: Option<&'a str>,
    elapsed_ms: u128,
}

/// What a body holds: the JSON as it was sent, the fields of a form, or the text that it is instead.
#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(Cow<'a, RawValue>),
    Form(Value),
    Text(Cow<'a, str>),
}

impl<'a> Claims<'a> {
    fn of(facts: &'a Facts) -> Option<Self> {
        let (event, id) = (facts.unverified_event.as_deref(), facts.unverified_id.as_deref());
        (event.is_some() || id.is_some()).then_some(Self { event, id })
    }
}

impl<'a> Forward<'a> {
    fn of(forwarded: &'a Forwarded) -> Self {
        let (status, error) = match &forwarded.answer {
            ProgramAnswer::Answered { status, .. } => (Some(*status), None),
            ProgramAnswer::Unreachable(why) => (None, Some(&**why)),
            ProgramAnswer::TooLate => (None, Some("no answer within the lease")),
        };
        Self { url: &forwarded.url, status, error, elapsed_ms: forwarded.elapsed.as_millis() }
    }
}

impl<'a> Payload<'a> {
    fn of(delivery: &'a Delivery) -> Self {
        match delivery.payload() {
            countersign::Payload::Json(json) => Self::written(json),
            countersign::Payload::Form(form) => match Value::from_delivery(delivery) {
                Ok(fields) => Self::Form(fields),
                Err(_) => Self::written(form),
            },
            _ => Self::written(delivery.body()),
        }
    }

    fn written(text: &'a [u8]) -> Self {
        match serde_json::from_slice::<&RawValue>(text) {
            Ok(json) => Self::Json(on_one_line(json)),
            Err(_) => Self::Text(String::from_utf8_lossy(text)),
        }
    }
}

/// JSON without its line breaks. Inside of strings there are none, for there they are escaped.
fn on_one_line(json: &RawValue) -> Cow<'_, RawValue> {
    let breaks = ['\n', '\r'];
    if !json.get().contains(breaks) {
        return Cow::Borrowed(json);
    }
    match RawValue::from_string(json.get().replace(breaks, "")) {
        Ok(json) => Cow::Owned(json),
        Err(_) => Cow::Borrowed(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_one_line_of_json_whatever_the_body() {
        for (body, printed) in [
            (&b" {\"z\": 1.10,\r\n\"a\": \"\\n\"}\n"[..], r#"{"z": 1.10,"a": "\n"}"#),
            (b"1\n", "1"),
            (b"not\njson", r#""not\njson""#),
            (b"{} {}", r#""{} {}""#),
            (b"\"a\nb\"", r#""\"a\nb\"""#),
            (b"\xff", "\"\u{fffd}\""),
            (b"", r#""""#),
        ] {
            assert_eq!(serde_json::to_string(&Payload::written(body)).unwrap(), printed);
        }
    }
}
