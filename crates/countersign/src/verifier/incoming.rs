//! Steps 2 and 3: the body as it arrives, and the proof when it is there.

use std::fmt;

use bytes::{Bytes, BytesMut};
use hmac::Mac as _;

use super::Proof;
use super::head::Head;
use super::proven::Proven;
use crate::delivery::Delivery;
use crate::endpoint::{Endpoint, Keys};
use crate::rejection::{Rejection, RejectionKind};
use crate::scheme::Scheme;
use crate::scheme::hmac::{Mac, finish};

/// A delivery whose head was good and whose body is arriving.
#[must_use = "push the body's chunks, then call `finish`"]
pub struct Incoming {
    endpoint: Endpoint,
    proof: Proof,
    /// The MAC so far, for the current secret. None is needed for a token.
    mac: Option<Mac>,
    head: Head,
    body: Body,
    received: usize,
}

/// The body as it arrives. One chunk is kept as it is; several are joined.
enum Body {
    Empty,
    One(Bytes),
    Joined(BytesMut),
}

impl Incoming {
    #[inline]
    pub(super) fn new(endpoint: Endpoint, proof: Proof, head: Head) -> Self {
        let inner = endpoint.inner();
        // Made in its place: to move a MAC costs as much as to feed it a block.
        let mac = match (&inner.provider.spec().scheme, &inner.keys) {
            (Scheme::Hmac { content, .. }, Keys::Hmac(keys)) => {
                keys.first().map(|key| key.start(content, &head.texts))
            }
            _ => None,
        };
        Self { mac, proof, head, body: Body::Empty, received: 0, endpoint }
    }

    /// Step 2: takes the next chunk of the body and feeds it to the MAC. Chunks may be cut
    /// anywhere.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::BodyTooLarge`] as soon as the body is over the endpoint's limit.
    #[inline]
    pub fn push(&mut self, chunk: Bytes) -> Result<(), Rejection> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.received = self.received.saturating_add(chunk.len());
        if self.received > self.endpoint.max_body() {
            self.body = Body::Empty;
            return Err(self.endpoint.reject(RejectionKind::BodyTooLarge));
        }
        if let Some(mac) = &mut self.mac {
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
    /// [`RejectionKind::SignatureMismatch`], or [`RejectionKind::BodyIncomplete`] if the body is
    /// shorter than the head's `Content-Length` (which a head with a `Content-Encoding` is not held
    /// to).
    #[inline]
    pub fn prove(mut self) -> Result<Proven, Rejection> {
        match self.matching_secret() {
            Ok(secret) => {
                let body = match self.body {
                    Body::Empty => Bytes::new(),
                    Body::One(chunk) => chunk,
                    Body::Joined(joined) => joined.freeze(),
                };
                Ok(Proven::new(self.endpoint, self.head, body, secret))
            }
            Err(kind) => Err(self.endpoint.reject(kind)),
        }
    }

    fn matching_secret(&mut self) -> Result<usize, RejectionKind> {
        if self.received > self.endpoint.max_body() {
            return Err(RejectionKind::BodyTooLarge);
        }
        // Servers should tell this themselves, and some have not. A token covers nothing of a body.
        if self.head.length.is_some_and(|length| (self.received as u64) < length) {
            return Err(RejectionKind::BodyIncomplete);
        }
        let candidates = match &self.proof {
            Proof::Token(secret) => return Ok(*secret),
            Proof::Mac(candidates) => candidates,
        };
        let inner = self.endpoint.inner();
        let (Scheme::Hmac { content, .. }, Keys::Hmac(keys), Some(mac)) =
            (&inner.provider.spec().scheme, &inner.keys, self.mac.take())
        else {
            return Err(RejectionKind::SignatureMismatch);
        };
        if candidates.contain(&finish(mac, content, &self.head.texts)) {
            return Ok(0);
        }
        let body: &[u8] = match &self.body {
            Body::Empty => &[],
            Body::One(chunk) => chunk,
            Body::Joined(joined) => joined,
        };
        let older = keys.iter().enumerate().skip(1);
        let found = older.into_iter().find(|(_, key)| {
            let mut mac = key.start(content, &self.head.texts);
            mac.update(body);
            candidates.contain(&finish(mac, content, &self.head.texts))
        });
        found.map(|(index, _)| index).ok_or(RejectionKind::SignatureMismatch)
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
