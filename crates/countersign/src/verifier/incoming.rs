//! Steps 2 and 3: the body as it arrives, and the proof when it is there.

use std::fmt;

use bytes::{Bytes, BytesMut};
use hmac::Mac as _;

use super::head::Head;
use super::proven::Proven;
use crate::delivery::Delivery;
use crate::endpoint::{Endpoint, Keys};
use crate::rejection::{Rejection, RejectionKind};
use crate::scheme::Scheme;
use crate::scheme::content::Texts;
use crate::scheme::hmac::{Candidates, Mac, finish};

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
pub(super) enum Pending {
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
    pub(super) fn new(endpoint: Endpoint, pending: Pending, head: Head) -> Self {
        Self { endpoint, pending, head, body: Body::Empty, received: 0 }
    }

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
            Some(secret) => Ok(Proven::new(endpoint, head, body, secret)),
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
