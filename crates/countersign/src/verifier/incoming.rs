//! Steps 2 and 3: the body as it arrives, and the proof when it is there.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::head::Head;
use super::proven::Proven;
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::rejection::{Rejection, RejectionKind};
use crate::scheme::Proving;

/// A delivery whose head was good and whose body is arriving.
#[must_use = "push the body's chunks, then call `finish`"]
pub struct Incoming {
    endpoint: Endpoint,
    proving: Proving,
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

impl Body {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::One(chunk) => chunk,
            Self::Joined(joined) => joined,
        }
    }

    #[inline(always)]
    fn whole(self) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::One(chunk) => chunk,
            Self::Joined(joined) => joined.freeze(),
        }
    }
}

impl Incoming {
    /// From here on it is proven with the secrets of this endpoint, which was made of its own.
    #[cfg(feature = "resolver")]
    pub(crate) fn with_secrets_of(&mut self, endpoint: Endpoint) -> Result<(), RejectionKind> {
        let holds = self.proving.may_hold(&endpoint.secrets().keys);
        self.endpoint = endpoint;
        holds
    }

    /// Step 3 with these secrets: which one matches. If none does, others can be tried.
    #[cfg(feature = "resolver")]
    pub(crate) fn try_prove(&mut self) -> Result<usize, RejectionKind> {
        let Self { endpoint, proving, head, body, received } = self;
        matching_secret(endpoint, proving, head, body.bytes(), *received)
    }

    /// Warns of it, if it matches none of the secrets that it was held against.
    pub(crate) fn note_refusal(&self, rejection: &Rejection) {
        self.endpoint.note_refusal(rejection);
    }

    /// The end of step 3: this secret matches.
    pub(crate) fn proven(self, secret: usize) -> Proven {
        let Self { endpoint, head, body, .. } = self;
        Proven::new(endpoint, head, body.whole(), secret)
    }
}

impl Incoming {
    #[inline(always)]
    pub(super) fn new(endpoint: Endpoint, proving: Proving, head: Head) -> Self {
        Self { endpoint, proving, head, body: Body::Empty, received: 0 }
    }

    /// Step 2: takes the next chunk of the body. From the second one on they are fed to the MAC as they
    /// come; a body in one chunk is fed when it is known to be whole. Chunks may be cut anywhere.
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
        self.body = match std::mem::replace(&mut self.body, Body::Empty) {
            Body::Empty => Body::One(chunk),
            Body::One(first) => {
                let inner = self.endpoint.inner();
                let content = &inner.provider.spec().scheme.content;
                self.proving.begin(&inner.secrets.keys, content, self.head.texts());
                self.proving.push(&first);
                self.proving.push(&chunk);
                // Sized by what has arrived, whatever length was declared.
                let mut joined = BytesMut::with_capacity(self.received);
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&chunk);
                Body::Joined(joined)
            }
            Body::Joined(mut joined) => {
                self.proving.push(&chunk);
                joined.extend_from_slice(&chunk);
                Body::Joined(joined)
            }
        };
        Ok(())
    }

    /// Steps 3 and 4, after the last chunk: [`prove`](Self::prove), then [`Proven::open`]. To have
    /// handshakes answered, take [`Proven::open_or_answer`] instead of the latter.
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
    pub fn prove(self) -> Result<Proven, Rejection> {
        // Judged in parts: to move it all would cost as much as to feed it.
        let Self { endpoint, mut proving, head, body, received } = self;
        let matched = matching_secret(&endpoint, &mut proving, &head, body.bytes(), received);
        match matched {
            Ok(secret) => {
                let body = body.whole();
                head.move_to(|head| Ok(Proven::new(endpoint, head, body, secret)))
            }
            Err(kind) => Err(endpoint.reject(kind)),
        }
    }
}

#[inline(always)]
fn matching_secret(
    endpoint: &Endpoint,
    proving: &mut Proving,
    head: &Head,
    body: &[u8],
    received: usize,
) -> Result<usize, RejectionKind> {
    if received > endpoint.max_body() {
        return Err(RejectionKind::BodyTooLarge);
    }
    endpoint.judge_length(head, body)?;
    let inner = endpoint.inner();
    let content = &inner.provider.spec().scheme.content;
    let matched = proving.finish(&inner.secrets.keys, content, head.texts(), body);
    matched.ok_or(RejectionKind::SignatureMismatch)
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("endpoint", &self.endpoint.name())
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
