//! Steps 1 to 4: from a request's head to a proven delivery.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::body::BodySource;
use super::{Inner, Receiver};
use crate::dedup::Store;
use crate::delivery::Delivery;
use crate::rejection::{Rejection, RejectionKind};
use crate::reply::Reply;
use crate::report::{Observer, Stages};
use crate::request_head::RequestHead;
use crate::resolver::Resolving;
use crate::trace;
use crate::verifier::{Incoming, Opened, Proven};

/// A delivery whose head was good, on its way from [`Receiver::begin`] to [`Receiver::receive`].
#[must_use = "give it to `Receiver::receive`"]
pub struct Arriving {
    incoming: Incoming,
    resolving: Option<Box<Resolving>>,
    arrived: Duration,
    head: trace::Head,
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
                    let own = self.observer.as_deref();
                    self.inner.reporter.handshake(&reply, false, arrived, own);
                    reply
                }
                Err(rejection) => {
                    self.inner.refuse(rejection, arrived, self.observer.as_deref()).into()
                }
            });
        }
        let lookups = self.endpoint().lookups();
        let begun = match lookups {
            None => self.endpoint().begin(head),
            Some(_) => self.endpoint().judge(head),
        };
        let rejection = match begun {
            Ok(_) if self.tasks.is_draining() => self.inner.shutting_down(),
            Ok(incoming) => {
                let resolving = lookups.map(|lookups| {
                    Resolving::new(lookups, self.endpoint(), head, self.inner.calls.runtime())
                });
                return Ok(Arriving { incoming, resolving, arrived, head: trace::head(head) });
            }
            Err(rejection) => rejection,
        };
        Err(self.inner.refuse(rejection, arrived, self.observer.as_deref()).into())
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
    pub fn receive<B: BodySource, D: Future>(
        &self,
        arriving: Arriving,
        body: B,
        deadline: D,
    ) -> Receiving<S, B, D> {
        let Arriving { incoming, resolving, arrived, head } = arriving;
        let inner = Arc::clone(&self.inner);
        let observer = self.observer.clone();
        let incoming = Some(incoming);
        Receiving { incoming, resolving, arrived, head, inner, observer, body, deadline }
    }
}

impl<S> Inner<S> {
    /// The answer while the tasks drain.
    pub(super) fn shutting_down(&self) -> Rejection {
        self.endpoint.reject(RejectionKind::ShuttingDown)
    }

    fn refuse(
        &self,
        rejection: Rejection,
        arrived: Duration,
        own: Option<&dyn Observer>,
    ) -> Rejection {
        self.reporter.rejected(&rejection, None, arrived, Stages::NONE, own);
        if self.endpoint.lookups().is_none() {
            self.endpoint.note_refusal(&rejection);
        }
        rejection
    }
}

pin_project! {
    /// The future of [`Receiver::receive`].
    ///
    /// It is written by hand, because it is the largest part of a request's future: an `async` block has
    /// twice what is moved into a part of it.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Receiving<S, B, D> {
        // Nothing when it is over.
        incoming: Option<Incoming>,
        // Where its secrets are looked up.
        resolving: Option<Box<Resolving>>,
        arrived: Duration,
        head: trace::Head,
        inner: Arc<Inner<S>>,
        observer: Option<Arc<dyn Observer>>,
        #[pin]
        body: B,
        #[pin]
        deadline: D,
    }

    // Reports a delivery whose sender went away, and its future with it, before the body was there.
    impl<S, B, D> PinnedDrop for Receiving<S, B, D> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.incoming.is_some() {
                let rejection = this.inner.endpoint.reject(RejectionKind::BodyIncomplete);
                this.inner.refuse(rejection, *this.arrived, this.observer.as_deref());
            }
        }
    }
}

impl<S, B, D> Receiving<S, B, D> {
    /// The body, with what was not read of it.
    #[must_use]
    pub fn body(self: Pin<&mut Self>) -> Pin<&mut B> {
        self.project().body
    }
}

impl<S, B: BodySource, D: Future> Receiving<S, B, D> {
    /// Takes what there is of the body, until it is all there.
    fn poll_body(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        let mut this = self.project();
        let Some(incoming) = this.incoming else { return Poll::Pending };
        let kind = loop {
            match this.body.as_mut().poll_chunk(cx) {
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Ok(chunk))) => {
                    if let Err(rejection) = incoming.push(chunk) {
                        return Poll::Ready(Err(rejection));
                    }
                }
                Poll::Ready(Some(Err(error))) => break error.kind(),
                // The timer is not asked for a body that is there.
                Poll::Pending => {
                    ready!(this.deadline.poll(cx));
                    break RejectionKind::BodyTimeout;
                }
            }
        };
        Poll::Ready(Err(this.inner.endpoint.reject(kind)))
    }
}

impl<S, B: BodySource, D: Future> Receiving<S, B, D> {
    /// Steps 2 and 3 with secrets that are looked up: before the body is read, and once more if none of
    /// them matches.
    fn poll_resolved(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Proven, Rejection>> {
        let this = self.as_mut().project();
        let (Some(resolving), Some(incoming)) = (this.resolving, this.incoming) else {
            return Poll::Pending;
        };
        let mut ended = match *resolving.has_body() {
            true => None,
            false => match ready!(resolving.poll_secrets(cx, incoming)) {
                Ok(()) => ready!(self.as_mut().poll_body(cx)).err(),
                Err(kind) => Some(this.inner.endpoint.reject(kind)),
            },
        };
        let this = self.project();
        let (Some(resolving), Some(incoming)) = (this.resolving, &mut *this.incoming) else {
            return Poll::Pending;
        };
        let mut secret = None;
        if ended.is_none() {
            // The body is not asked again once it has ended.
            *resolving.has_body() = true;
            match ready!(resolving.poll_proof(cx, incoming)) {
                Ok(index) => secret = Some(index),
                Err(kind) => ended = Some(this.inner.endpoint.reject(kind)),
            }
        }
        let Some(incoming) = this.incoming.take() else { return Poll::Pending };
        let rejection = match (ended, secret) {
            (None, Some(secret)) => return Poll::Ready(Ok(incoming.proven(secret))),
            (Some(rejection), _) => rejection,
            (None, None) => this.inner.endpoint.reject(RejectionKind::SignatureMismatch),
        };
        // The secrets that were looked up know what is likely to be wrong.
        incoming.note_refusal(&rejection);
        Poll::Ready(Err(rejection))
    }
}

impl<S, B: BodySource, D: Future> Future for Receiving<S, B, D> {
    type Output = Result<Delivery, Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let proven = match self.resolving {
            None => {
                let received = ready!(self.as_mut().poll_body(cx));
                let Some(incoming) = self.as_mut().project().incoming.take() else {
                    return Poll::Pending;
                };
                received.and_then(|()| incoming.prove())
            }
            Some(_) => ready!(self.as_mut().poll_resolved(cx)),
        };
        let this = self.project();
        let read = proven.and_then(Proven::open_or_answer);
        let (arrived, observer) = (*this.arrived, this.observer.take());
        let own = observer.as_deref();
        Poll::Ready(match read {
            Ok(Opened::Delivery(delivery)) => {
                this.inner.endpoint.metrics().genuine(&delivery);
                delivery.of().note_secret(delivery.secret_index());
                let proof = this.inner.reporter.since(arrived, own);
                let head = std::mem::replace(this.head, trace::NO_HEAD);
                Ok(delivery.arrived_at(arrived, proof, head, observer))
            }
            Ok(Opened::Handshake(reply)) => {
                this.inner.reporter.handshake(&reply, true, arrived, own);
                Err(reply)
            }
            Err(rejection) => Err(this.inner.refuse(rejection, arrived, own).into()),
        })
    }
}

impl<S, B, D> fmt::Debug for Receiving<S, B, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("incoming", &self.incoming).finish_non_exhaustive()
    }
}

impl fmt::Debug for Arriving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arriving").field("incoming", &self.incoming).finish_non_exhaustive()
    }
}
