//! Steps 1 to 4 without I/O: begin with the headers, push chunks, finish.

use std::fmt;

use bytes::{Bytes, BytesMut};
use hmac::Mac as _;

use crate::delivery::{Delivery, Facts};
use crate::endpoint::{Endpoint, Keys};
use crate::envelope::{self, Value};
use crate::headers::{Headers, Lookup};
use crate::provider::{KeySpec, Spec, TimeSource};
use crate::rejection::{Rejection, RejectionKind};
use crate::scheme::Scheme;
use crate::scheme::content::{Part, SignedContent, Text, Texts};
use crate::scheme::hmac::{Candidates, Mac, finish};
use crate::window::UnixMillis;

impl Endpoint {
    /// Step 1: judges a delivery by its headers alone. A shared token is proven here.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use countersign::{Endpoint, RejectionKind, Secret, Signature, Provider};
    ///
    /// // The example in GitHub's "Validating webhook deliveries".
    /// let github = Provider::builder("github")
    ///     .hmac_sha256(Signature::header("X-Hub-Signature-256").prefix("sha256="))
    ///     .build()?;
    /// let endpoint = Endpoint::builder("github", github)
    ///     .secret(Secret::new("It's a Secret to Everybody")?)
    ///     .build()?;
    /// let headers = [(
    ///     "X-Hub-Signature-256",
    ///     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    /// )];
    ///
    /// let mut incoming = endpoint.begin(&headers)?;
    /// incoming.push(Bytes::from_static(b"Hello, "))?;
    /// incoming.push(Bytes::from_static(b"World!"))?;
    /// assert_eq!(incoming.finish()?.body(), "Hello, World!");
    ///
    /// let unsigned: [(&str, &str); 0] = [];
    /// assert_eq!(endpoint.begin(&unsigned).unwrap_err().kind(), RejectionKind::SignatureMissing);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`Rejection`]: of the signature or token, the id, the time, or the declared length.
    pub fn begin(&self, headers: &(impl Headers + ?Sized)) -> Result<Incoming, Rejection> {
        self.read_head(headers).map_err(|kind| self.reject(kind))
    }

    fn read_head(&self, headers: &(impl Headers + ?Sized)) -> Result<Incoming, RejectionKind> {
        let inner = self.inner();
        let spec = inner.provider.spec();
        match (&spec.scheme, &inner.keys) {
            (Scheme::Hmac { signature, content }, Keys::Hmac(keys)) => {
                let candidates = signature.read(headers)?;
                let head = Head::read(self, headers, content)?;
                let Some(key) = keys.first() else { return Err(RejectionKind::SignatureMismatch) };
                let mac = key.start(content, &head.texts);
                Ok(self.incoming(Pending::Mac { mac, candidates }, head))
            }
            (Scheme::Token(token), Keys::Token(keys)) => {
                let secret = token.check(headers, keys)?;
                let head = Head::read(self, headers, &SignedContent::body_only())?;
                Ok(self.incoming(Pending::Token { secret }, head))
            }
            // The builder prepares the keys by the scheme.
            _ => Err(RejectionKind::SignatureMismatch),
        }
    }

    fn incoming(&self, pending: Pending, head: Head) -> Incoming {
        Incoming { endpoint: self.clone(), pending, head, body: Body::Empty, received: 0 }
    }
}

/// What the headers say besides the proof.
#[derive(Debug)]
struct Head {
    texts: Texts,
    time: Option<UnixMillis>,
}

impl Head {
    fn read(
        endpoint: &Endpoint,
        headers: &(impl Headers + ?Sized),
        content: &SignedContent,
    ) -> Result<Self, RejectionKind> {
        let inner = endpoint.inner();
        let spec = inner.provider.spec();
        let mut head = Self { texts: Texts::default(), time: None };
        if let Some(name) = &spec.id_header {
            head.texts.id =
                read_id(headers.lookup(name), content).ok_or(RejectionKind::IdInvalid)?;
        }
        if let Some(TimeSource::Header { time, .. }) = &spec.time {
            let (time, text) = time.read(headers)?;
            if let Some(window) = &inner.window {
                window.check(time, inner.clock.now().into())?;
            }
            head.texts.time = text;
            head.time = Some(time);
        }
        if let Some(time) = &spec.required_time {
            // Not under the MAC, so a missing one is bad form and not a bad proof.
            time.read(headers).map_err(|_| RejectionKind::TimestampMalformed)?;
        }
        match declared_length(headers) {
            Some(length) if length > inner.max_body as u64 => Err(RejectionKind::BodyTooLarge),
            _ => Ok(head),
        }
    }
}

/// An id that the signed content can be cut at in one way only.
fn read_id(found: Lookup<'_>, content: &SignedContent) -> Option<Text<128>> {
    let Lookup::One(id) = found else { return None };
    let legal = !id.is_empty() && id.iter().all(u8::is_ascii_graphic);
    Text::new(id).filter(|_| legal && content.sets_apart(id))
}

/// The declared length; a number that does not fit counts as the largest. What is no number at
/// all is the server's to refuse: the limit holds when the body arrives.
fn declared_length(headers: &(impl Headers + ?Sized)) -> Option<u64> {
    let Lookup::One(value) = headers.lookup("content-length") else { return None };
    let value = value.trim_ascii();
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits
        .then(|| std::str::from_utf8(value).ok()?.parse().ok())
        .map(|length| length.unwrap_or(u64::MAX))
}

/// A delivery whose head was good and whose body is arriving.
#[must_use = "push the body's chunks, then call `finish`"]
pub struct Incoming {
    endpoint: Endpoint,
    pending: Pending,
    head: Head,
    body: Body,
    received: usize,
}

#[expect(clippy::large_enum_variant, reason = "a box would be an allocation before proof")]
enum Pending {
    Mac {
        mac: Mac,
        candidates: Candidates,
    },
    /// Proven already, by this secret.
    Token {
        secret: usize,
    },
}

/// The body as it arrives. One chunk is kept as it is; several are joined.
enum Body {
    Empty,
    One(Bytes),
    Joined(BytesMut),
}

impl Incoming {
    /// Step 2: takes the next chunk of the body and feeds it to the MAC. Chunks may be cut
    /// anywhere.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::BodyTooLarge`] as soon as the body is over the endpoint's limit.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), Rejection> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.received = self.received.saturating_add(chunk.len());
        if self.received > self.endpoint.max_body() {
            self.body = Body::Empty;
            return Err(self.endpoint.reject(RejectionKind::BodyTooLarge));
        }
        if let Pending::Mac { mac, .. } = &mut self.pending {
            mac.update(&chunk);
        }
        self.body = match std::mem::replace(&mut self.body, Body::Empty) {
            Body::Empty => Body::One(chunk),
            Body::One(first) => {
                // Sized by what has arrived, whatever length was declared.
                let mut joined = BytesMut::with_capacity(self.received);
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&chunk);
                Body::Joined(joined)
            }
            Body::Joined(mut joined) => {
                joined.extend_from_slice(&chunk);
                Body::Joined(joined)
            }
        };
        Ok(())
    }

    /// Steps 3 and 4, after the last chunk: [`prove`](Self::prove), then [`Proven::open`].
    ///
    /// # Errors
    ///
    /// As those two.
    pub fn finish(self) -> Result<Delivery, Rejection> {
        self.prove()?.open()
    }

    /// Step 3: compares the MAC with the signatures. Older secrets are tried only when the
    /// current one does not match. Nothing of the body has been looked at before.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::SignatureMismatch`].
    pub fn prove(self) -> Result<Proven, Rejection> {
        let Self { endpoint, pending, head, body, received } = self;
        if received > endpoint.max_body() {
            return Err(endpoint.reject(RejectionKind::BodyTooLarge));
        }
        let body = match body {
            Body::Empty => Bytes::new(),
            Body::One(chunk) => chunk,
            Body::Joined(joined) => joined.freeze(),
        };
        let secret = match pending {
            Pending::Token { secret } => Some(secret),
            Pending::Mac { mac, candidates } => {
                matching_secret(&endpoint, mac, &candidates, &head.texts, &body)
            }
        };
        match secret {
            Some(secret) => Ok(Proven { endpoint, head, body, secret }),
            None => Err(endpoint.reject(RejectionKind::SignatureMismatch)),
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("endpoint", &self.endpoint.name())
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

fn matching_secret(
    endpoint: &Endpoint,
    mac: Mac,
    candidates: &Candidates,
    texts: &Texts,
    body: &[u8],
) -> Option<usize> {
    let inner = endpoint.inner();
    let (Scheme::Hmac { content, .. }, Keys::Hmac(keys)) =
        (&inner.provider.spec().scheme, &inner.keys)
    else {
        return None;
    };
    if candidates.contain(&finish(mac, content, texts)) {
        return Some(0);
    }
    let older = keys.iter().enumerate().skip(1);
    older.into_iter().find_map(|(index, key)| {
        let mut mac = key.start(content, texts);
        mac.update(body);
        candidates.contain(&finish(mac, content, texts)).then_some(index)
    })
}

/// A delivery whose proof was good.
pub struct Proven {
    endpoint: Endpoint,
    head: Head,
    body: Bytes,
    secret: usize,
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
            Err(kind) => Err(self.endpoint.reject(kind).after_proof()),
        }
    }

    fn read(&self) -> Result<Facts, RejectionKind> {
        let inner = self.endpoint.inner();
        let spec = inner.provider.spec();
        let found = if spec.paths.is_empty() {
            Vec::new()
        } else {
            envelope::read(&spec.paths, &self.body).map_err(|_| RejectionKind::BodyMalformed)?
        };
        let value = |slot: usize| found.get(slot)?.as_ref();
        let received_at = inner.clock.now();
        let time = match &spec.time {
            Some(TimeSource::Body { slots, format, .. }) => {
                let value = slots.iter().find_map(|slot| value(*slot));
                let time = match value.ok_or(RejectionKind::TimestampMissing)? {
                    Value::Text(text) => format.read(text.as_bytes()),
                    Value::Integer(number) => {
                        i64::try_from(*number).ok().and_then(|number| format.read_number(number))
                    }
                    Value::Bool(_) | Value::Other => None,
                };
                let time = time.ok_or(RejectionKind::TimestampMalformed)?;
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
            _ if spec.event_type_required => return Err(RejectionKind::BodyMalformed),
            _ => None,
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
        })
    }

    fn key<'v>(
        &self,
        spec: &Spec,
        value: &dyn Fn(usize) -> Option<&'v Value<'v>>,
    ) -> crate::EventKey {
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
