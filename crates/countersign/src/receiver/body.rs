//! A request's body, as an adapter brings it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::rejection::RejectionKind;

/// A request's body, chunk by chunk.
pub trait BodySource {
    /// The next chunk, or nothing at the end.
    fn poll_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>>;
}

/// A body that is all there.
impl BodySource for Option<Bytes> {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        Poll::Ready(self.take().map(Ok))
    }
}

/// Why a body did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The connection broke, or the body's framing did.
    Broken,
    /// A limit set outside of this receiver was reached.
    TooLarge,
}

impl BodyError {
    pub(crate) const fn kind(self) -> RejectionKind {
        match self {
            Self::Broken => RejectionKind::BodyIncomplete,
            Self::TooLarge => RejectionKind::BodyTooLarge,
        }
    }
}
