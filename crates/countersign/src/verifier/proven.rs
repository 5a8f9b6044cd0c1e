//! Step 4: the envelope of a proven delivery, its time and its key.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use bytes::Bytes;

use super::head::Head;
use crate::delivery::{Delivery, Facts, Nanos, Text, Unverified};
use crate::endpoint::Endpoint;
use crate::envelope::{self, Found, Slot, Value};
use crate::handshake::Context;
use crate::key::KeySource;
use crate::payload::Reading;
use crate::provider::{Spec, TimeSource};
use crate::rejection::{Rejection, RejectionKind};
use crate::reply::{Answered, Reply};
use crate::trace;
use crate::window::UnixMillis;

/// A delivery whose proof was good.
pub struct Proven {
    endpoint: Endpoint,
    head: Head,
    body: Bytes,
    secret: usize,
}

/// What a proven request is.
#[derive(Debug)]
#[non_exhaustive]
pub enum Opened {
    /// A delivery.
    Delivery(Delivery),
    /// A handshake, and its answer.
    Handshake(Reply),
}

/// Why a proven delivery is refused.
struct Flaw {
    kind: RejectionKind,
    /// The field that is not as it should be.
    field: Option<String>,
    /// For the operator; empty where the kind says it all.
    problem: Cow<'static, str>,
}

/// What is wrong with a field.
fn flaw(spec: &Spec, kind: RejectionKind, slot: Slot, problem: &'static str) -> Flaw {
    Flaw { kind, field: Some(spec.paths.path(slot)), problem: problem.into() }
}

/// What is wrong with the whole body.
fn malformed(problem: impl Into<Cow<'static, str>>) -> Flaw {
    Flaw { kind: RejectionKind::BodyMalformed, field: None, problem: problem.into() }
}

/// What was looked for in a proven body, and the delivery's time.
struct Read<'b> {
    found: Found<'b>,
    time: Option<UnixMillis>,
    received_at: SystemTime,
}

impl From<RejectionKind> for Flaw {
    fn from(kind: RejectionKind) -> Self {
        Self { kind, field: None, problem: Cow::Borrowed("") }
    }
}

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proven")
            .field("endpoint", &self.endpoint.name())
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Proven {
    #[inline]
    pub(super) fn new(endpoint: Endpoint, head: Head, body: Bytes, secret: usize) -> Self {
        Self { endpoint, head, body, secret }
    }

    /// The body, byte for byte.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Step 4: reads the envelope, holds a time in the body against the window, and makes the
    /// event key. A handshake comes out as any other delivery.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::BodyMalformed`], or what is wrong with the time in the body.
    pub fn open(self) -> Result<Delivery, Rejection> {
        let facts = self.reading().and_then(|reading| {
            let read = self.read(&reading)?;
            self.facts(&read, &reading)
        });
        match facts {
            Ok(facts) => Ok(Delivery::new(facts, self.body)),
            Err(flaw) => Err(self.refuse(flaw)),
        }
    }

    /// The same, but a [handshake](crate::Handshake) is answered.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_or_answer(self) -> Result<Opened, Rejection> {
        let opened = self.reading().and_then(|reading| {
            let read = self.read(&reading)?;
            match self.handshake(&read) {
                Some(answered) => Ok(Err(Reply::handshake_answered(answered?))),
                None => Ok(Ok(self.facts(&read, &reading)?)),
            }
        });
        match opened {
            Ok(Ok(facts)) => Ok(Opened::Delivery(Delivery::new(facts, self.body))),
            Ok(Err(reply)) => Ok(Opened::Handshake(reply)),
            Err(flaw) => Err(self.refuse(flaw)),
        }
    }

    fn refuse(&self, Flaw { kind, field, problem }: Flaw) -> Rejection {
        if !problem.is_empty() {
            trace::body_refused(&self.endpoint, field.as_deref(), &problem);
        }
        self.endpoint.reject(kind).after_proof()
    }

    /// The answer, if this is a handshake.
    fn handshake(&self, read: &Read<'_>) -> Option<Result<Answered, Flaw>> {
        let inner = self.endpoint.inner();
        let spec = inner.provider.spec();
        let mut known = spec.handshakes.signed.iter().enumerate();
        let answer = known.find_map(|(index, handshake)| {
            handshake.answer(&Context {
                shown: self.head.handshakes.get(index)?,
                value: &|slot| read.found.get(slot),
                content_begins: spec.scheme.content.first_literal(),
                mac: &|text| inner.secrets.keys.hmac_sha256(self.secret, text),
            })
        })?;
        Some(answer.map_err(malformed))
    }

    /// How the body is read.
    fn reading(&self) -> Result<Reading, Flaw> {
        self.endpoint.provider().spec().bodies.reading(&self.body).map_err(malformed)
    }

    /// Reads what is looked for, and judges the time.
    fn read<'b>(&'b self, reading: &'b Reading) -> Result<Read<'b>, Flaw> {
        let inner = self.endpoint.inner();
        let spec = inner.provider.spec();
        // Our readers' errors are fixed texts, and show nothing of the body.
        let json = |json| {
            let found = envelope::read_json(&spec.paths, json, spec.bodies.array);
            found.map_err(|error| malformed(error.to_string()))
        };
        let found = match reading {
            _ if spec.paths.is_empty() => Found::none_of(0),
            Reading::Json => json(&self.body)?,
            Reading::Field(field) => json(field)?,
            Reading::Form => envelope::read_form(&spec.paths, &self.body).map_err(malformed)?,
            Reading::Other => Found::none_of(0),
        };
        let value = |slot: usize| found.get(slot);
        let received_at = inner.clock.now();
        let time = match &spec.time {
            Some(TimeSource::Body { slots, format, .. }) => {
                let first = slots.first().copied().unwrap_or_default();
                let found = slots.iter().find_map(|slot| Some((*slot, value(*slot)?)));
                let (slot, value) = found.ok_or_else(|| {
                    flaw(spec, RejectionKind::TimestampMissing, first, "the time is missing")
                })?;
                let time = match value {
                    Value::Text(text) => format.read(text.as_bytes()),
                    Value::Integer(number) => {
                        i64::try_from(*number).ok().and_then(|number| format.read_number(number))
                    }
                    Value::Bool(_) | Value::Other => None,
                };
                let time = time.ok_or_else(|| {
                    let problem = "the time is not of its format";
                    flaw(spec, RejectionKind::TimestampMalformed, slot, problem)
                })?;
                if let Some(window) = &inner.window {
                    window.check(time, received_at.into())?;
                }
                Some(time)
            }
            // Judged by the head already, but the body may have taken its time since.
            _ => {
                if let (Some(time), Some(window)) = (self.head.time, &inner.window) {
                    window.check(time, received_at.into())?;
                }
                self.head.time
            }
        };
        Ok(Read { found, time, received_at })
    }

    /// What is known of it. The body is not in there yet: it moves, and what was found is borrowed
    /// from it.
    fn facts(&self, read: &Read<'_>, reading: &Reading) -> Result<Facts, Flaw> {
        let spec = self.endpoint.inner().provider.spec();
        let value = |slot: usize| read.found.get(slot);
        let event_type = match spec.event_type.and_then(value) {
            Some(Value::Text(text)) if !text.is_empty() => Some(Text::of(text, &self.body)),
            found => match spec.event_type.filter(|_| spec.event_type_required) {
                Some(slot) => {
                    let problem = match found {
                        None => "the event's type is missing",
                        Some(_) => "the event's type is empty or not a text",
                    };
                    return Err(flaw(spec, RejectionKind::BodyMalformed, slot, problem));
                }
                None => None,
            },
        };
        Ok(Facts {
            endpoint: self.endpoint.clone(),
            body: Bytes::new(),
            reading: reading.clone(),
            key: KeySource { spec, texts: self.head.texts(), body: &self.body, value: &value }
                .key(self.endpoint.inner().key_hasher.clone()),
            event_type,
            id: self.id(spec, &value),
            time: read.time.filter(|_| time_is_proven(spec)),
            received_at: read.received_at,
            secret: self.secret,
            unverified: self.unverified(),
            arrived: Nanos::NONE,
            proof: Nanos::NONE,
            head: trace::NO_HEAD,
            observer: None,
            taken: AtomicBool::new(true),
        })
    }

    fn unverified(&self) -> Unverified {
        let text = |claim: &[u8]| {
            std::str::from_utf8(claim).ok().filter(|claim| !claim.is_empty()).map(Into::into)
        };
        let [event_type, id, channel, attempt] = self.head.texts().unverified().map(text);
        Unverified { event_type, id, channel, attempt }
    }

    fn id<'v>(&self, spec: &Spec, value: &dyn Fn(usize) -> Option<&'v Value<'v>>) -> Option<Text> {
        if spec.id_header.is_some() {
            return std::str::from_utf8(self.head.texts().id()).ok().map(|id| Text::Own(id.into()));
        }
        match value(spec.id?)? {
            Value::Text(text) if !text.is_empty() => Some(Text::of(text, &self.body)),
            Value::Integer(number) => Some(Text::Own(number.to_string().into())),
            _ => None,
        }
    }
}

/// Whether the proof covers the delivery's time. One that it does not cover may be held against a
/// window, but is never given to a handler.
pub(super) fn time_is_proven(spec: &Spec) -> bool {
    match &spec.time {
        Some(TimeSource::Body { .. }) => true,
        Some(TimeSource::Header { .. }) => {
            spec.scheme.covers_content() && spec.scheme.content.signs_time()
        }
        None => false,
    }
}
