//! A delivery as a row of the file: what is secret is not in it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use countersign::Reason;
use serde::{Deserialize, Serialize};

use super::super::redact::{self, Redaction};
use crate::record::{Facts, Forwarded, ProgramAnswer, Record, Verdict};

/// The row's text; bodies have columns of their own.
#[derive(Serialize, Deserialize)]
struct Kept {
    received_at: SystemTime,
    method: String,
    target: String,
    headers: Vec<(String, Written)>,
    body_is_complete: bool,
    endpoint: Option<String>,
    provider: Option<String>,
    verdict: String,
    status: Option<u16>,
    reason: Option<String>,
    says: Option<String>,
    facts: Option<KeptFacts>,
    elapsed: Duration,
    forwarded: Option<KeptForwarded>,
    unmatched: bool,
    replay_of: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct KeptFacts {
    event: Option<String>,
    id: Option<String>,
    key: String,
    time: Option<SystemTime>,
    secret: Option<String>,
    unverified_event: Option<String>,
    unverified_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptForwarded {
    url: String,
    status: Option<u16>,
    headers: Vec<(String, Written)>,
    unreachable: Option<String>,
    elapsed: Duration,
}

/// A header's value: text, as long as it is some.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

/// The text, the body and the body of the program's answer.
pub(super) fn row(record: &Record, redaction: &Redaction) -> Option<(String, Bytes, Bytes)> {
    let forwarded = record.forwarded.as_deref();
    let answer = match forwarded.map(|forwarded| &forwarded.answer) {
        Some(ProgramAnswer::Answered { body, .. }) => body.clone(),
        _ => Bytes::new(),
    };
    let kept = Kept {
        received_at: record.received_at,
        method: record.method.to_string(),
        target: redact::target(&record.uri),
        headers: pairs(&redaction.headers(&record.headers)),
        body_is_complete: record.body_is_complete,
        endpoint: record.endpoint.as_deref().map(str::to_owned),
        provider: record.provider.as_deref().map(str::to_owned),
        verdict: record.verdict.as_str().to_owned(),
        status: record.status,
        reason: record.reason.map(str::to_owned),
        says: record.says.clone(),
        facts: record.facts.as_deref().map(facts),
        elapsed: record.elapsed,
        forwarded: forwarded.map(|forwarded| of_forwarded(forwarded, redaction)),
        unmatched: record.unmatched,
        replay_of: record.replay_of,
    };
    Some((serde_json::to_string(&kept).ok()?, record.body.clone(), answer))
}

/// The record of a row; nothing if that is none.
pub(super) fn record(number: u64, text: &str, body: Vec<u8>, answer: Vec<u8>) -> Option<Record> {
    let kept: Kept = serde_json::from_str(text).ok()?;
    let verdict = verdict(&kept.verdict)?;
    // What was worked on when the program ended is not worked on any more.
    let (verdict, reason) = match verdict {
        Verdict::Working => (Verdict::Failed, Some(Reason::HandlerCancelled)),
        verdict => (verdict, kept.reason.as_deref().and_then(Reason::from_code)),
    };
    Some(Record {
        number,
        received_at: kept.received_at,
        method: kept.method.parse().ok()?,
        uri: kept.target.parse().ok()?,
        headers: headers(kept.headers),
        body: body.into(),
        body_is_complete: kept.body_is_complete,
        endpoint: kept.endpoint.map(Arc::from),
        provider: kept.provider.map(Arc::from),
        verdict,
        status: kept.status,
        reason: reason.map(Reason::as_str).or_else(|| not_found(verdict)),
        says: kept.says.or_else(|| reason.map(|reason| reason.describe().to_owned())),
        facts: kept.facts.map(|facts| Arc::new(facts.read())),
        elapsed: kept.elapsed,
        forwarded: kept.forwarded.map(|forwarded| Arc::new(forwarded.read(answer.into()))),
        unmatched: kept.unmatched,
        replay_of: kept.replay_of,
    })
}

fn facts(facts: &Facts) -> KeptFacts {
    let Facts { event, id, key, time, secret, unverified_event, unverified_id } = facts.clone();
    KeptFacts { event, id, key, time, secret, unverified_event, unverified_id }
}

impl KeptFacts {
    fn read(self) -> Facts {
        let Self { event, id, key, time, secret, unverified_event, unverified_id } = self;
        Facts { event, id, key, time, secret, unverified_event, unverified_id }
    }
}

fn of_forwarded(forwarded: &Forwarded, redaction: &Redaction) -> KeptForwarded {
    let (status, headers, unreachable) = match &forwarded.answer {
        ProgramAnswer::Answered { status, headers, .. } => {
            (Some(*status), pairs(&redaction.headers(headers)), None)
        }
        ProgramAnswer::Unreachable(why) => (None, Vec::new(), Some(why.clone())),
        ProgramAnswer::TooLate => (None, Vec::new(), None),
    };
    let url = redact::url(&forwarded.url);
    KeptForwarded { url, status, headers, unreachable, elapsed: forwarded.elapsed }
}

impl KeptForwarded {
    fn read(self, body: Bytes) -> Forwarded {
        let answer = match (self.status, self.unreachable) {
            (Some(status), _) => {
                ProgramAnswer::Answered { status, headers: headers(self.headers), body }
            }
            (None, Some(why)) => ProgramAnswer::Unreachable(why),
            (None, None) => ProgramAnswer::TooLate,
        };
        Forwarded { url: self.url, answer, elapsed: self.elapsed }
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, Written)> {
    let written = |value: &HeaderValue| match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Written::Text(text.to_owned()),
        Err(_) => Written::Bytes(value.as_bytes().to_vec()),
    };
    headers.iter().map(|(name, value)| (name.to_string(), written(value))).collect()
}

fn headers(pairs: Vec<(String, Written)>) -> HeaderMap {
    let read = |(name, value): (String, Written)| {
        let value = match value {
            Written::Text(text) => text.into_bytes(),
            Written::Bytes(bytes) => bytes,
        };
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(&value).ok()?))
    };
    pairs.into_iter().filter_map(read).collect()
}

fn verdict(name: &str) -> Option<Verdict> {
    use Verdict::{
        Accepted, Duplicate, Failed, Handshake, InFlight, NotFound, Parked, Rejected, Working,
    };
    let all =
        [Working, Accepted, Duplicate, InFlight, Handshake, Rejected, Failed, Parked, NotFound];
    all.into_iter().find(|verdict| verdict.as_str() == name)
}

fn not_found(verdict: Verdict) -> Option<&'static str> {
    (verdict == Verdict::NotFound).then_some("not_found")
}
