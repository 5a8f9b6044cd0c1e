//! The whole way of a delivery, for adapters: an endpoint, a store and observers.

mod after_handler;
mod arriving;
mod body;
mod builder;
mod catch_unwind;
mod claim;
mod handling;
mod held;
mod parking;
mod renewals;
mod settlings;
mod store_calls;
mod tasks;
mod verdict;
mod way;

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

pub use arriving::{Arriving, Receiving};
pub use body::{BodyError, BodySource};
pub use builder::ReceiverBuilder;
pub use claim::{Claim, CompleteError, Fenced};
pub use tasks::HandlerTasks;
pub use way::Way;

pub(crate) use self::catch_unwind::CatchUnwind;
use self::handling::Handling;
use self::renewals::Renewals;
use self::settlings::Settlings;
use self::store_calls::StoreCalls;
use crate::dedup::{Store, StoreError};
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::rejection::Rejection;
use crate::report::metrics::Operation;
use crate::report::{Observer, Reporter, Stages};
use crate::runtime::Runtime;
use crate::trace;

/// An endpoint with its store: steps 1 to 7 of a delivery's way. Cheap to clone.
///
/// An adapter turns a framework's request into [`begin`](Self::begin),
/// [`receive`](Self::receive) and [`handle`](Self::handle), and their answers into the framework's
/// response. On a server that has no adapter, do the same by hand.
pub struct Receiver<S> {
    inner: Arc<Inner<S>>,
    tasks: HandlerTasks,
    observer: Option<Arc<dyn Observer>>,
}

/// What the deliveries of a receiver share.
pub(crate) struct Inner<S> {
    endpoint: Endpoint,
    calls: Arc<StoreCalls<S>>,
    reporter: Reporter,
    renewals: Renewals,
    settlings: Settlings,
}

impl<S: Store> Inner<S> {
    /// Says that a call of the store has failed.
    fn store_failed(&self, operation: Operation, error: &StoreError) {
        trace::store_failed(&self.endpoint, operation, error);
        self.calls.failed(operation);
    }
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
        ReceiverBuilder::new(endpoint, store)
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

    /// The same receiver, whose deliveries are reported to this observer too, until it is given another
    /// one. An adapter that makes one for each request knows of which request a report is.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
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
    /// the [runtime](ReceiverBuilder::runtime); without one it stays until its lease ends. A caller whose
    /// handlers are to outlive a hang-up runs this future in a task of its own.
    ///
    /// # Errors
    ///
    /// A [`Rejection`], already reported: a duplicate, in flight, a store that cannot answer, tasks
    /// that [drain](HandlerTasks::drain), a transaction that was not committed, or a delivery that
    /// [no handler took](Delivery::require_taken), or one that was
    /// [parked](crate::EndpointBuilder::park), also after a panic, which then does not go on.
    pub fn handle<F, Fut, T>(
        &self,
        delivery: Delivery,
        handler: F,
    ) -> impl Future<Output = Result<T, Rejection>> + use<S, F, Fut, T>
    where
        F: FnOnce(Delivery) -> Fut,
        Fut: Future<Output = Answer<T>>,
    {
        // Made here and not when first polled, which may be in another task: its parent is the
        // caller's span.
        let span = trace::span(&delivery);
        // What is used where it was captured is in the future once; what is moved inside is there twice.
        let inner = Arc::clone(&self.inner);
        let mut entered = match self.tasks.enter() {
            Some(running) => Ok(Handling::new(inner, delivery, running)),
            None => Err((inner, delivery)),
        };
        let work = async move {
            let handling = match &mut entered {
                Ok(handling) => handling,
                Err((inner, delivery)) => {
                    let rejection = inner.shutting_down().after_proof();
                    let arrived = delivery.arrived();
                    let arrived = arrived.unwrap_or_else(|| inner.endpoint.monotonic());
                    let (stages, own) = (Stages::NONE, delivery.observer());
                    inner.reporter.rejected(&rejection, Some(delivery), arrived, stages, own);
                    return Err(rejection);
                }
            };
            let delivery = handling.acquire().await?;
            let renewed = handling.renewed();
            let ended = CatchUnwind::new(|| handler(delivery)).await;
            drop(renewed);
            handling.handled();
            match ended.as_ref().ok().map(|answer| answer.status) {
                Some(status) => handling.settle(status).await?,
                None => {
                    if let Some(parked) = handling.panicked().await {
                        return Err(parked);
                    }
                }
            }
            match ended {
                Ok(answer) => Ok(answer.value),
                Err(panic) => resume_unwind(panic),
            }
        };
        trace::in_span(span, work)
    }
}

impl<S> Clone for Receiver<S> {
    fn clone(&self) -> Self {
        let observer = self.observer.clone();
        Self { inner: Arc::clone(&self.inner), tasks: self.tasks.clone(), observer }
    }
}

impl<S> fmt::Debug for Receiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

/// What a handler answered: the status decides, the value goes back to the caller.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Answer<T> {
    /// The HTTP status; none for a handler that failed without one.
    pub status: Option<u16>,
    /// The framework's response, or its error.
    pub value: T,
}

impl<T> Answer<T> {
    /// An answer with this status: `Answer::new(200, value)`, or `Answer::new(None, value)` for a
    /// handler that failed without one.
    pub fn new(status: impl Into<Option<u16>>, value: T) -> Self {
        Self { status: status.into(), value }
    }
}
