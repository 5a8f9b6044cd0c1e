//! Step 4: the envelope of a proven delivery, its time and its key.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;

use super::head::Head;
use crate::delivery::{Delivery, Facts};
use crate::endpoint::Endpoint;
use crate::envelope::{self, Value};
use crate::key::EventKey;
use crate::provider::{KeySpec, Spec, TimeSource};
use crate::rejection::{Rejection, RejectionKind};
use crate::scheme::Scheme;
use crate::scheme::content::Part;
use crate::trace;

/// A delivery whose proof was good.
pub struct Proven {
    endpoint: Endpoint,
    head: Head,
    body: Bytes,
    secret: usize,
}

/// Why a proven delivery is refused.
struct Flaw {
    kind: RejectionKind,
    /// The field that is not as it should be.
    field: Option<String>,
    /// For the operator; empty where the kind says it all.
    problem: Cow<'static, str>,
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
    /// event key.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::BodyMalformed`], or what is wrong with the time in the body.
    pub fn open(self) -> Result<Delivery, Rejection> {
        match self.read() {
            Ok(facts) => Ok(Delivery::new(facts)),
            Err(Flaw { kind, field, problem }) => {
                if !problem.is_empty() {
                    trace::body_refused(&self.endpoint, field.as_deref(), &problem);
                }
                Err(self.endpoint.reject(kind).after_proof())
            }
        }
    }

    fn read(&self) -> Result<Facts, Flaw> {
        let inner = self.endpoint.inner();
        let spec = inner.provider.spec();
        let found = if spec.paths.is_empty() {
            Vec::new()
        } else {
            // Our reader's errors are fixed texts, and show nothing of the body.
            envelope::read(&spec.paths, &self.body).map_err(|error| Flaw {
                kind: RejectionKind::BodyMalformed,
                field: None,
                problem: error.to_string().into(),
            })?
        };
        let value = |slot: usize| found.get(slot)?.as_ref();
        let flaw = |kind, slot, problem: &'static str| Flaw {
            kind,
            field: Some(spec.paths.path(slot)),
            problem: problem.into(),
        };
        let received_at = inner.clock.now();
        let time = match &spec.time {
            Some(TimeSource::Body { slots, format, .. }) => {
                let first = slots.first().copied().unwrap_or_default();
                let found = slots.iter().find_map(|slot| Some((*slot, value(*slot)?)));
                let (slot, value) = found.ok_or_else(|| {
                    flaw(RejectionKind::TimestampMissing, first, "the time is missing")
                })?;
                let time = match value {
                    Value::Text(text) => format.read(text.as_bytes()),
                    Value::Integer(number) => {
                        i64::try_from(*number).ok().and_then(|number| format.read_number(number))
                    }
                    Value::Bool(_) | Value::Other => None,
                };
                let time = time.ok_or_else(|| {
                    flaw(RejectionKind::TimestampMalformed, slot, "that is no time of its format")
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
        let event_type = match spec.event_type.and_then(value) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.as_ref().into()),
            found => match spec.event_type.filter(|_| spec.event_type_required) {
                Some(slot) => {
                    let problem = match found {
                        None => "the event's type is missing",
                        Some(_) => "the event's type is empty or no text",
                    };
                    return Err(flaw(RejectionKind::BodyMalformed, slot, problem));
                }
                None => None,
            },
        };
        Ok(Facts {
            endpoint: self.endpoint.clone(),
            body: self.body.clone(),
            key: self.key(spec, &value),
            event_type,
            id: self.id(spec, &value),
            time: time.filter(|_| time_is_proven(spec)),
            received_at,
            secret: self.secret,
            arrived: None,
            taken: AtomicBool::new(true),
        })
    }

    fn key<'v>(&self, spec: &Spec, value: &dyn Fn(usize) -> Option<&'v Value<'v>>) -> EventKey {
        let hasher = self.endpoint.inner().key_hasher.clone();
        let names = |value: &&Value<'_>| match value {
            Value::Text(text) => !text.is_empty(),
            Value::Integer(_) | Value::Bool(_) => true,
            Value::Other => false,
        };
        match &spec.key {
            KeySpec::Id => match spec.id {
                None => return hasher.id(self.head.texts.id.as_bytes()),
                Some(slot) => {
                    if let Some(id) = value(slot).filter(names) {
                        return hasher.fields([Some(id)].into_iter());
                    }
                }
            },
            KeySpec::Fields { required, optional } => {
                let all_there = required.iter().all(|slot| value(*slot).filter(names).is_some());
                let none_odd = optional.iter().all(|slot| value(*slot) != Some(&Value::Other));
                if all_there && none_odd {
                    return hasher.fields(required.iter().chain(optional).map(|slot| value(*slot)));
                }
            }
            KeySpec::Content => {}
        }
        hasher.content(|sink| match &spec.scheme {
            Scheme::Hmac { content, .. } if !spec.key_by_body => {
                content.feed_before(&self.head.texts, &mut *sink);
                sink(&self.body);
                content.feed_after(&self.head.texts, sink);
            }
            Scheme::Hmac { .. } | Scheme::Token(_) => sink(&self.body),
        })
    }

    fn id<'v>(
        &self,
        spec: &Spec,
        value: &dyn Fn(usize) -> Option<&'v Value<'v>>,
    ) -> Option<Box<str>> {
        if spec.id_header.is_some() {
            return std::str::from_utf8(self.head.texts.id.as_bytes()).ok().map(Into::into);
        }
        match value(spec.id?)? {
            Value::Text(text) if !text.is_empty() => Some(text.as_ref().into()),
            Value::Integer(number) => Some(number.to_string().into()),
            _ => None,
        }
    }
}

/// Whether the delivery's time is vouched for by its proof. One that is not may be held against a
/// window, but is never handed over.
fn time_is_proven(spec: &Spec) -> bool {
    match (&spec.time, &spec.scheme) {
        (Some(TimeSource::Body { .. }), _) => true,
        (Some(TimeSource::Header { .. }), Scheme::Hmac { content, .. }) => {
            content.contains(&Part::Timestamp)
        }
        _ => false,
    }
}
