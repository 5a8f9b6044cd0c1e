//! Steps 1 to 4: from a request's head to a proven delivery.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::Receiver;
use super::body::BodySource;
use crate::dedup::Store;
use crate::delivery::Delivery;
use crate::rejection::{Rejection, RejectionKind};
use crate::reply::Reply;
use crate::request_head::RequestHead;
use crate::verifier::{Incoming, Opened};

/// A delivery whose head was good, on its way from [`Receiver::begin`] to [`Receiver::receive`].
#[derive(Debug)]
#[must_use = "give it to `Receiver::receive`"]
pub struct Arriving {
    incoming: Incoming,
    arrived: Duration,
}

impl<S: Store> Receiver<S> {
    /// Step 1: judges a delivery by its headers, and answers an unsigned
    /// [handshake](crate::Handshake). Nothing of the body is needed or read.
    ///
    /// # Errors
    ///
    /// A [`Reply`] to send, already reported: a rejection, or the answer to a handshake.
    pub fn begin(&self, head: &(impl RequestHead + ?Sized)) -> Result<Arriving, Reply> {
        let arrived = self.endpoint().monotonic();
        if let Some(answer) = self.endpoint().handshake(head) {
            return Err(match answer {
                Ok(reply) => {
                    self.inner.reporter.handshake(&reply, false, arrived);
                    reply
                }
                Err(rejection) => self.refuse(rejection, arrived).into(),
            });
        }
        let rejection = match self.endpoint().begin(head) {
            Ok(_) if self.tasks.is_draining() => self.shutting_down(),
            Ok(incoming) => return Ok(Arriving { incoming, arrived }),
            Err(rejection) => rejection,
        };
        Err(self.refuse(rejection, arrived).into())
    }

    /// Steps 2 to 4: takes the body's chunks as they come, proves and opens. A handshake that is
    /// proven is answered.
    ///
    /// Only the caller has a timer, so it brings the deadline: a future that ends when the body
    /// has taken too long, such as a sleep of [`Endpoint::body_timeout`](crate::Endpoint::body_timeout). Nothing is claimed yet,
    /// so dropping the future loses nothing; it is reported as a body that broke off.
    ///
    /// # Errors
    ///
    /// A [`Reply`] to send, already reported: a rejection, or the answer to a handshake.
    pub async fn receive(
        &self,
        arriving: Arriving,
        body: impl BodySource,
        deadline: impl Future,
    ) -> Result<Delivery, Reply> {
        let Arriving { incoming, arrived } = arriving;
        let dropped = ReportOnDrop { receiver: self, arrived };
        let read = self.read(incoming, body, deadline).await;
        std::mem::forget(dropped);
        match read {
            Ok(Opened::Delivery(delivery)) => Ok(delivery.arrived_at(arrived)),
            Ok(Opened::Handshake(reply)) => {
                self.inner.reporter.handshake(&reply, true, arrived);
                Err(reply)
            }
            Err(rejection) => Err(self.refuse(rejection, arrived).into()),
        }
    }

    async fn read(
        &self,
        mut incoming: Incoming,
        body: impl BodySource,
        deadline: impl Future,
    ) -> Result<Opened, Rejection> {
        let (mut body, mut deadline) = (pin!(body), pin!(deadline));
        loop {
            let chunk = poll_fn(|cx| match body.as_mut().poll_chunk(cx) {
                Poll::Ready(chunk) => Poll::Ready(Ok(chunk)),
                // The timer is not asked for a body that is there.
                Poll::Pending => {
                    deadline.as_mut().poll(cx).map(|_| Err(RejectionKind::BodyTimeout))
                }
            });
            match chunk.await {
                Ok(None) => return incoming.prove()?.open_or_answer(),
                Ok(Some(Ok(chunk))) => incoming.push(chunk)?,
                Ok(Some(Err(error))) => return Err(self.endpoint().reject(error.kind())),
                Err(kind) => return Err(self.endpoint().reject(kind)),
            }
        }
    }

    fn refuse(&self, rejection: Rejection, arrived: Duration) -> Rejection {
        self.inner.reporter.rejected(&rejection, None, arrived);
        self.endpoint().note_refusal(&rejection);
        rejection
    }

    /// The answer while the [tasks](Self::tasks) drain.
    pub(super) fn shutting_down(&self) -> Rejection {
        self.endpoint().reject(RejectionKind::ShuttingDown)
    }
}

/// Reports a delivery whose sender went away, and its future with it, before the body was there.
struct ReportOnDrop<'a, S: Store> {
    receiver: &'a Receiver<S>,
    arrived: Duration,
}

impl<S: Store> Drop for ReportOnDrop<'_, S> {
    fn drop(&mut self) {
        let rejection = self.receiver.endpoint().reject(RejectionKind::BodyIncomplete);
        self.receiver.refuse(rejection, self.arrived);
    }
}
