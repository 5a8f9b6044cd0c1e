//! The whole way of a delivery, for adapters: an endpoint, a store, and who is told.

mod body;
mod catch_unwind;
mod claim;
mod handling;
mod held;
mod renewals;
mod settlings;
mod store_calls;
mod tasks;

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

pub use body::{BodyError, BodySource};
pub use claim::{Claim, CompleteError};
pub use tasks::HandlerTasks;

use self::catch_unwind::CatchUnwind;
use self::handling::Handling;
use self::renewals::Renewals;
use self::settlings::Settlings;
use self::store_calls::StoreCalls;
use crate::dedup::Store;
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::rejection::{Rejection, RejectionKind};
use crate::reply::Reply;
use crate::report::{Observer, Reporter};
use crate::request_head::RequestHead;
use crate::runtime::Runtime;
use crate::trace;
use crate::verifier::{Incoming, Opened};

/// An endpoint with its store: steps 1 to 7 of a delivery's way. Cheap to clone.
///
/// An adapter turns a framework's request into [`begin`](Self::begin),
/// [`receive`](Self::receive) and [`handle`](Self::handle), and their answers into the framework's
/// response. On a server that has no adapter, do the same by hand.
pub struct Receiver<S> {
    inner: Arc<Inner<S>>,
    tasks: HandlerTasks,
}

/// What the deliveries of a receiver share.
pub(crate) struct Inner<S> {
    endpoint: Endpoint,
    calls: Arc<StoreCalls<S>>,
    reporter: Reporter,
    renewals: Renewals,
    settlings: Settlings,
}

impl<S> Inner<S> {
    /// How long a handled event is remembered. The window holds its edges, and from the judgement
    /// that a delivery is fresh to its claim a call of the store may take its time.
    fn retention(&self) -> Duration {
        let margin = self.endpoint.store_timeout().saturating_add(Duration::from_secs(1));
        self.endpoint.retention().saturating_add(margin)
    }
}

impl<S: Store> Receiver<S> {
    /// A receiver without an observer.
    #[must_use]
    pub fn new(endpoint: Endpoint, store: S) -> Self {
        Self::builder(endpoint, store).build()
    }

    /// A receiver with settings of its own.
    pub fn builder(endpoint: Endpoint, store: S) -> ReceiverBuilder<S> {
        ReceiverBuilder {
            endpoint,
            store,
            observer: None,
            runtime: None,
            tasks: HandlerTasks::new(),
        }
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// The same receiver on this runtime, unless it has one already. See
    /// [`ReceiverBuilder::runtime`].
    #[must_use]
    pub fn runtime_or(self, runtime: Runtime) -> Self {
        self.inner.calls.set_runtime(runtime);
        self
    }

    /// The same receiver, its running handlers counted among `tasks`.
    #[must_use]
    pub fn tasks(mut self, tasks: &HandlerTasks) -> Self {
        self.tasks = tasks.clone();
        self
    }

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
    /// has taken too long, such as a sleep of [`Endpoint::body_timeout`]. Nothing is claimed yet,
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
    fn shutting_down(&self) -> Rejection {
        self.endpoint().reject(RejectionKind::ShuttingDown)
    }

    /// Steps 5 to 7: claims the event, runs the handler, settles the claim.
    ///
    /// A handler's answer with a 2xx status completes the claim. Any other answer releases it, as
    /// does a panic, which goes on to the caller once the claim is released. The handler is not
    /// called unless the claim is held. A handler that completed its claim in a transaction of its
    /// own and answers 2xx is taken at its word once the store shows that it has committed. The
    /// status decides, and not what is sent after it: a body that breaks off later changes nothing.
    ///
    /// The lease is renewed at a third of it while the handler runs. A call of the store may take
    /// as long as [`EndpointBuilder::store_timeout`](crate::EndpointBuilder::store_timeout) says; a
    /// claim that cannot be settled then is settled by a task in the background, which tries until
    /// the lease has run out. Without a [runtime](ReceiverBuilder::runtime) there is none of this.
    ///
    /// If the future is dropped, the handler is cancelled and the claim is released in a task of
    /// the [runtime](ReceiverBuilder::runtime); without one it stays until its lease ends. A caller whose handlers are to outlive a hang-up runs this future in a task of its own.
    ///
    /// # Errors
    ///
    /// A [`Rejection`], already reported: a duplicate, in flight, a store that cannot answer, tasks
    /// that [drain](HandlerTasks::drain), a transaction that was not committed, or a delivery that
    /// [nobody took](Delivery::require_taken).
    pub fn handle<F, Fut, T>(
        self,
        delivery: Delivery,
        handler: F,
    ) -> impl Future<Output = Result<T, Rejection>>
    where
        F: FnOnce(Delivery) -> Fut,
        Fut: Future<Output = Answer<T>>,
    {
        // Made here and not when first polled, which may be in another task: its parent is the
        // caller's span.
        let span = trace::span(&delivery);
        let running = self.tasks.enter();
        let work = async move {
            let Some(running) = running else {
                let rejection = self.shutting_down().after_proof();
                let arrived = delivery.arrived().unwrap_or_else(|| self.endpoint().monotonic());
                self.inner.reporter.rejected(&rejection, Some(&delivery), arrived);
                return Err(rejection);
            };
            let mut handling = Handling::new(self.inner, delivery, running);
            let delivery = handling.acquire().await?;
            // The call is inside the future, so that a panic in it is caught as well.
            let handler = CatchUnwind(pin!(async { handler(delivery).await }));
            let renewed = handling.renewed();
            let ended = handler.await;
            drop(renewed);
            match ended {
                Ok(Answer { status, value }) => {
                    handling.settle(status).await?;
                    Ok(value)
                }
                Err(panic) => {
                    handling.panicked().await;
                    resume_unwind(panic)
                }
            }
        };
        trace::in_span(span, work)
    }
}

impl<S> Clone for Receiver<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), tasks: self.tasks.clone() }
    }
}

impl<S> fmt::Debug for Receiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

/// Makes a [`Receiver`]; start with [`Receiver::builder`].
#[must_use = "call `build`"]
pub struct ReceiverBuilder<S> {
    endpoint: Endpoint,
    store: S,
    observer: Option<Box<dyn Observer>>,
    runtime: Option<Runtime>,
    tasks: HandlerTasks,
}

impl<S: Store> ReceiverBuilder<S> {
    /// Who is told the end of every delivery.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// The async runtime that handlers run on. The adapters bring one. Without it, the claim of a
    /// handler that is cancelled stays until its lease ends, no lease is renewed, and a call of the
    /// store may take as long as it likes.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Counts the running handlers among `tasks`, so that a shutdown can wait for them.
    pub fn tasks(mut self, tasks: &HandlerTasks) -> Self {
        self.tasks = tasks.clone();
        self
    }

    /// Makes the receiver.
    #[must_use]
    pub fn build(self) -> Receiver<S> {
        let Self { endpoint, store, observer, runtime, tasks } = self;
        let calls = StoreCalls::new(store, endpoint.store_timeout());
        if let Some(runtime) = runtime {
            calls.set_runtime(runtime);
        }
        let inner = Inner {
            calls: Arc::new(calls),
            reporter: Reporter::new(endpoint.clone(), observer),
            endpoint,
            renewals: Renewals::default(),
            settlings: Settlings::default(),
        };
        Receiver { inner: Arc::new(inner), tasks }
    }
}

impl<S> fmt::Debug for ReceiverBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What a handler answered: the status decides, the value goes back to the caller.
#[derive(Clone, Copy, Debug)]
pub struct Answer<T> {
    /// The HTTP status; none for a handler that failed without one.
    pub status: Option<u16>,
    /// The framework's response, or its error.
    pub value: T,
}

/// A delivery whose head was good, on its way from [`Receiver::begin`] to [`Receiver::receive`].
#[derive(Debug)]
#[must_use = "give it to `Receiver::receive`"]
pub struct Arriving {
    incoming: Incoming,
    arrived: Duration,
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
