//! What the API says of a delivery.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::Provider;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::history::Entry;
use super::redact::{self, Redaction};
use crate::listen::{Current, Mount};
use crate::record::{Facts, Forwarded, ProgramAnswer, Record};

/// So much of a body is in an answer of the API.
const MOST_OF_BODY: usize = 2 * 1024 * 1024;

/// A row of the list.
#[derive(Serialize)]
pub(super) struct Summary<'r> {
    number: u64,
    received_at: Option<String>,
    endpoint: Option<&'r str>,
    provider: Option<&'r str>,
    method: &'r str,
    path: String,
    outcome: &'static str,
    status: Option<u16>,
    reason: Option<&'static str>,
    says: Option<&'r str>,
    event: Option<&'r str>,
    id: Option<&'r str>,
    key: Option<&'r str>,
    unverified: Option<Unverified<'r>>,
    size: usize,
    elapsed_ms: f64,
    replay_of: Option<u64>,
    forward: Option<Forward<'r>>,
    unmatched: bool,
    attempt: Option<u64>,
}

#[derive(Serialize)]
struct Unverified<'r> {
    event: Option<&'r str>,
    id: Option<&'r str>,
}

#[derive(Serialize)]
struct Forward<'r> {
    url: String,
    status: Option<u16>,
    error: Option<&'r str>,
    elapsed_ms: f64,
}

impl<'r> Summary<'r> {
    pub(super) fn of(entry: &'r Entry) -> Self {
        let record: &Record = &entry.record;
        let facts = record.facts.as_deref();
        Self {
            number: record.number,
            received_at: stamp(record.received_at),
            endpoint: record.endpoint.as_deref(),
            provider: record.provider.as_deref(),
            method: record.method.as_str(),
            path: redact::target(&record.uri),
            outcome: record.verdict.as_str(),
            status: record.status,
            reason: record.reason,
            says: record.says.as_deref(),
            event: facts.and_then(|facts| facts.event.as_deref()),
            id: facts.and_then(|facts| facts.id.as_deref()),
            key: facts.map(|facts| &*facts.key),
            unverified: facts.and_then(Unverified::of),
            size: record.body.len(),
            elapsed_ms: millis(record.elapsed),
            replay_of: record.replay_of,
            forward: record.forwarded.as_deref().map(Forward::of),
            unmatched: record.unmatched,
            attempt: entry.attempt,
        }
    }

    /// Whether a text is somewhere in it. The text is in lower case.
    pub(super) fn has(&self, text: &str) -> bool {
        let unverified = self.unverified.as_ref();
        let texts = [
            self.endpoint,
            self.provider,
            Some(self.method),
            Some(&*self.path),
            Some(self.outcome),
            self.reason,
            self.says,
            self.event,
            self.id,
            self.key,
            unverified.and_then(|claims| claims.event),
            unverified.and_then(|claims| claims.id),
        ];
        texts.into_iter().flatten().any(|other| other.to_lowercase().contains(text))
            || self.number.to_string() == text
    }

    pub(super) fn is(&self, outcome: Option<&str>, endpoint: Option<&str>) -> bool {
        outcome.is_none_or(|outcome| outcome == self.outcome)
            && endpoint.is_none_or(|endpoint| Some(endpoint) == self.endpoint)
    }
}

impl<'r> Unverified<'r> {
    fn of(facts: &'r Facts) -> Option<Self> {
        let (event, id) = (facts.unverified_event.as_deref(), facts.unverified_id.as_deref());
        (event.is_some() || id.is_some()).then_some(Self { event, id })
    }
}

impl<'r> Forward<'r> {
    fn of(forwarded: &'r Forwarded) -> Self {
        let (status, error) = match &forwarded.answer {
            ProgramAnswer::Answered { status, .. } => (Some(*status), None),
            ProgramAnswer::Unreachable(why) => (None, Some(&**why)),
            ProgramAnswer::TooLate => (None, Some("no answer within the lease")),
        };
        let url = redact::url(&forwarded.url);
        Self { url, status, error, elapsed_ms: millis(forwarded.elapsed) }
    }
}

/// Everything of one delivery. `current` is its endpoint as it is now.
pub(super) fn detail(
    entry: &Entry,
    attempts: &[Entry],
    current: Option<&Current>,
    cannot_sign: Option<String>,
    redaction: &Redaction,
) -> serde_json::Result<Value> {
    let record: &Record = &entry.record;
    let mut detail = serde_json::to_value(Summary::of(entry))?;
    let facts = record.facts.as_deref();
    let time = facts.and_then(|facts| facts.time);
    let more = json!({
        "headers": headers(&record.headers, redaction),
        "body": body(&record.body, record.body_is_complete),
        "secret": facts.and_then(|facts| facts.secret.as_deref()),
        "time": time.and_then(stamp),
        "age_ms": time.map(|time| age(record.received_at, time)),
        "window_ms": current.and_then(window),
        "attempts": attempts.iter().map(|attempt| {
            let Summary { number, received_at, outcome, status, replay_of, .. } =
                Summary::of(attempt);
            json!({
                "number": number,
                "received_at": received_at,
                "outcome": outcome,
                "status": status,
                "replay_of": replay_of,
            })
        }).collect::<Vec<_>>(),
        "schedule": current.map(|current| schedule(current.endpoint.provider())),
        "can_sign": cannot_sign.is_none(),
        "cannot_sign_because": cannot_sign,
        "forward_answer": record.forwarded.as_deref().and_then(|to| answer(to, redaction)),
        "restored": entry.restored,
    });
    if let (Value::Object(detail), Value::Object(more)) = (&mut detail, more) {
        detail.extend(more);
    }
    Ok(detail)
}

/// An endpoint, for the page's first look.
pub(super) fn endpoint(mount: &Arc<Mount>, can_sign: bool) -> Value {
    let current = mount.current();
    let provider = current.endpoint.provider();
    let preset = countersign::catalogue::by_id(provider.name());
    json!({
        "name": &*mount.name,
        "provider": provider.name(),
        "title": preset.map_or(provider.name(), |preset| preset.name()),
        "path": &mount.path,
        "proof": provider.describe_proof(),
        "freshness": provider.describe_freshness(),
        "window_ms": window(&current),
        "retries": provider.describe_retries(),
        "can_sign": can_sign,
    })
}

fn schedule(provider: &Provider) -> Value {
    let waits = provider.retries().waits();
    let seconds = |waits: &[Duration]| waits.iter().map(Duration::as_secs).collect::<Vec<_>>();
    json!({ "text": provider.describe_retries(), "waits_s": waits.map(seconds) })
}

fn window(current: &Current) -> Option<u64> {
    let window = current.endpoint.window()?;
    u64::try_from(window.past.as_millis()).ok()
}

fn headers<'h>(
    headers: &'h axum::http::HeaderMap,
    redaction: &'h Redaction,
) -> Vec<(&'h str, std::borrow::Cow<'h, str>)> {
    headers.iter().map(|(name, value)| (name.as_str(), redaction.value(name, value))).collect()
}

fn answer(forwarded: &Forwarded, redaction: &Redaction) -> Option<Value> {
    let ProgramAnswer::Answered { headers: of_answer, body: bytes, .. } = &forwarded.answer else {
        return None;
    };
    Some(json!({ "headers": headers(of_answer, redaction), "body": body(bytes, true) }))
}

/// A body, as text where it is UTF-8, and not more of it than a page can show.
fn body(bytes: &[u8], complete: bool) -> Value {
    let size = bytes.len();
    let mut most = size.min(MOST_OF_BODY);
    let whole = std::str::from_utf8(bytes).ok();
    if let Some(text) = whole {
        while !text.is_char_boundary(most) {
            most = most.saturating_sub(1);
        }
    }
    let text = whole.and_then(|text| text.get(..most));
    let base64 = match text {
        Some(_) => None,
        None => bytes.get(..most).map(|bytes| STANDARD.encode(bytes)),
    };
    json!({ "complete": complete, "text": text, "base64": base64, "size": size, "shown": most })
}

/// A time in RFC 3339, to the millisecond.
pub(super) fn stamp(time: SystemTime) -> Option<String> {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from(time).format(&form).ok()
}

/// How old it was, in milliseconds; less than 0 where its time was ahead.
fn age(received: SystemTime, time: SystemTime) -> i64 {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    match received.duration_since(time) {
        Ok(age) => millis(age),
        Err(ahead) => millis(ahead.duration()).saturating_neg(),
    }
}

fn millis(duration: Duration) -> f64 {
    // To the microsecond.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
