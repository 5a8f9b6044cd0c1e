//! The proven body, as the inner service gets it.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::Delivery;
use http_body::{Body, Frame, SizeHint};

/// The body of a request that [`WebhookService`](crate::WebhookService) accepted, as its inner
/// service gets it: the proven bytes in one frame.
///
/// To read it is to [take](Delivery::mark_taken) the delivery. An empty body counts as read
/// when it is polled to its end.
pub struct ProvenBody {
    delivery: Delivery,
    read: bool,
}

impl ProvenBody {
    pub(crate) fn new(delivery: &Delivery) -> Self {
        Self { delivery: delivery.clone(), read: false }
    }
}

impl Body for ProvenBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.read, true) {
            return Poll::Ready(None);
        }
        self.delivery.mark_taken();
        let body = self.delivery.body();
        Poll::Ready((!body.is_empty()).then(|| Ok(Frame::data(body.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.read || self.delivery.body().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = if self.read { 0 } else { self.delivery.body().len() };
        SizeHint::with_exact(left as u64)
    }
}

impl fmt::Debug for ProvenBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvenBody").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}
