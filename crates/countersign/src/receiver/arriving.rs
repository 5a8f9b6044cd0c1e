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
use crate::verifier::{Incoming, Opened, Proven};

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
    /// has taken too long, such as a sleep of [`Endpoint::body_timeout`](crate::Endpoint::body_timeout).
    /// Nothing is claimed yet, so dropping the future loses nothing; it is reported as a body that broke
    /// off.
    ///
    /// # Errors
    ///
    /// A [`Reply`] to send, already reported: a rejection, or the answer to a handshake.
    pub fn receive(
        &self,
        arriving: Arriving,
        body: impl BodySource,
        deadline: impl Future,
    ) -> impl Future<Output = Result<Delivery, Reply>> {
        // One block, with nothing moved from one into another: an argument of an `async fn` is in its
        // future twice.
        let Arriving { mut incoming, arrived } = arriving;
        async move {
            let dropped = ReportOnDrop { receiver: self, arrived };
            let (mut body, mut deadline) = (pin!(body), pin!(deadline));
            let refused = loop {
                let chunk = poll_fn(|cx| match body.as_mut().poll_chunk(cx) {
                    Poll::Ready(chunk) => Poll::Ready(Ok(chunk)),
                    // The timer is not asked for a body that is there.
                    Poll::Pending => {
                        deadline.as_mut().poll(cx).map(|_| Err(RejectionKind::BodyTimeout))
                    }
                });
                match chunk.await {
                    Ok(None) => break None,
                    Ok(Some(Ok(chunk))) => {
                        if let Err(rejection) = incoming.push(chunk) {
                            break Some(rejection);
                        }
                    }
                    Ok(Some(Err(error))) => break Some(self.endpoint().reject(error.kind())),
                    Err(kind) => break Some(self.endpoint().reject(kind)),
                }
            };
            let read = match refused {
                None => incoming.prove().and_then(Proven::open_or_answer),
                Some(rejection) => Err(rejection),
            };
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
