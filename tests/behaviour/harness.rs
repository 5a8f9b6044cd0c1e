//! An application under test, in words that no framework owns.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::{
    Delivery, DynStore, Endpoint, HandlerTasks, MemoryStore, Outcome, Reason, Receiver, Rejection,
    Report,
};
use tokio::sync::{Semaphore, oneshot};

use crate::client::Server;

/// A framework's adapter, serving applications.
pub trait Adapter {
    /// What the log says to add where the middleware is missing.
    const ADD: &'static str;

    /// What the log says to remove where the middleware was applied twice.
    const REMOVE: &'static str;

    /// Serves the application on a free port until the test ends.
    fn serve(app: App) -> impl Future<Output = Server>;

    /// Serves the routes of the `extractor` module, all behind this endpoint but `/unguarded`.
    fn serve_extractors(endpoint: Endpoint) -> impl Future<Output = Server>;
}

/// Makes a test for every case on every adapter, over HTTP/1.1 and over HTTP/2. What a case does
/// with a bare `Connection` is HTTP/1.1 in any event: every server here understands both.
macro_rules! on_every_adapter {
    ($($case:ident)+) => {
        $crate::harness::on_adapter! { on_axum, crate::on_axum::Axum<false>, $($case)+ }
        $crate::harness::on_adapter! { on_actix, crate::on_actix::Actix<false>, $($case)+ }
        $crate::harness::on_adapter! { on_axum_http2, crate::on_axum::Axum<true>, $($case)+ }
        $crate::harness::on_adapter! { on_actix_http2, crate::on_actix::Actix<true>, $($case)+ }
    };
}
pub(crate) use on_every_adapter;

/// The same over HTTP/1.1 alone, for cases that HTTP/2 has no words for. Each says why.
macro_rules! on_every_adapter_over_http1 {
    ($($case:ident)+) => {
        $crate::harness::on_adapter! { on_axum_http1, crate::on_axum::Axum<false>, $($case)+ }
        $crate::harness::on_adapter! { on_actix_http1, crate::on_actix::Actix<false>, $($case)+ }
    };
}
pub(crate) use on_every_adapter_over_http1;

macro_rules! on_adapter {
    ($name:ident, $adapter:ty, $($case:ident)+) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case::<$adapter>().await;
                }
            )+
        }
    };
}
pub(crate) use on_adapter;

/// Endpoints behind the adapter's middleware, each at `/NAME`, all with one handler that has the
/// delivery and the body as the framework's own extractor reads it.
#[derive(Clone)]
pub struct App {
    pub endpoints: Vec<Endpoint>,
    pub store: Arc<dyn DynStore>,
    pub handler: Handler,
    pub shape: Shape,
    pub cancel_on_disconnect: bool,
    pub error_handler: Option<fn(&Rejection) -> OwnAnswer>,
    pub tasks: HandlerTasks,
    pub reports: Reports,
    /// What a second observer got, after one that panicked.
    pub more_reports: Reports,
    /// The requests that the server works on.
    pub at_work: AtWork,
}

/// What of the application is behind the middleware.
#[derive(Clone, Copy, Default)]
pub enum Shape {
    /// The `POST` route of each endpoint, as the docs say.
    #[default]
    Routes,
    /// The `POST` route of each endpoint, with the middleware for every method, as the docs say for
    /// providers whose handshake is a `GET` or an `OPTIONS`.
    WithHandshakes,
    /// The same, with the handler for every method.
    AllMethods,
    /// The routes, and then the application once more.
    Twice,
    /// The whole application: `/NAME`; `/bytes`, which reads the body; `/misfit`, which takes a
    /// delivery that does not fit; `/empty` and any path that nobody knows, which take nothing.
    Around,
}

/// An answer of the user's own to a rejection.
pub struct OwnAnswer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl App {
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>, handler: &Handler) -> Self {
        Self {
            endpoints: endpoints.into_iter().collect(),
            store: Arc::new(MemoryStore::new()),
            handler: handler.clone(),
            shape: Shape::default(),
            cancel_on_disconnect: false,
            error_handler: None,
            tasks: HandlerTasks::new(),
            reports: Reports::default(),
            more_reports: Reports::default(),
            at_work: AtWork::default(),
        }
    }

    pub fn store(mut self, store: Arc<dyn DynStore>) -> Self {
        self.store = store;
        self
    }

    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    pub fn cancel_on_disconnect(mut self) -> Self {
        self.cancel_on_disconnect = true;
        self
    }

    pub fn error_handler(mut self, make: fn(&Rejection) -> OwnAnswer) -> Self {
        self.error_handler = Some(make);
        self
    }

    pub fn receiver(&self, endpoint: &Endpoint) -> Receiver<Arc<dyn DynStore>> {
        let (reports, more_reports) = (self.reports.clone(), self.more_reports.clone());
        Receiver::builder(endpoint.clone(), Arc::clone(&self.store))
            .observer(move |report: &Report<'_>| reports.push(report))
            .observer(|_: &Report<'_>| std::panic::resume_unwind(Box::new("on purpose")))
            .observer(move |report: &Report<'_>| more_reports.push(report))
            .build()
    }
}

/// What the observer got.
#[derive(Clone, Default)]
pub struct Reports(Arc<Mutex<Vec<Reported>>>);

/// An outcome and its reason.
type Reported = (Outcome, Option<Reason>);

impl Reports {
    fn push(&self, report: &Report<'_>) {
        self.0.lock().unwrap().push((report.outcome, report.reason));
    }

    pub fn all(&self) -> Vec<Reported> {
        self.0.lock().unwrap().clone()
    }
}

/// How many do something now.
#[derive(Clone, Default)]
pub struct AtWork(Arc<AtomicUsize>);

impl AtWork {
    /// One more, until what this gives is dropped.
    pub fn enter(&self) -> Entered {
        self.0.fetch_add(1, Ordering::SeqCst);
        Entered(self.clone())
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

pub struct Entered(AtWork);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One run of the handler.
pub struct Call {
    pub delivery: Delivery,
    /// 1 for the first run, 2 for the second …
    pub run: usize,
}

type Script = dyn Fn(Call) -> Pin<Box<dyn Future<Output = u16> + Send>> + Send + Sync;

/// A handler that counts its runs and keeps what it saw.
#[derive(Clone)]
pub struct Handler {
    script: Arc<Script>,
    started: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<(Delivery, Bytes)>>>,
}

impl Handler {
    pub fn new<F, Fut>(script: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = u16> + Send + 'static,
    {
        Self {
            script: Arc::new(move |call| Box::pin(script(call))),
            started: Arc::default(),
            ended: Arc::default(),
            seen: Arc::default(),
        }
    }

    /// A handler that always answers this.
    pub fn answering(status: u16) -> Self {
        Self::new(move |_| async move { status })
    }

    /// A handler that answers these in turn, and the last one from then on.
    pub fn answering_in_turn(statuses: &'static [u16]) -> Self {
        Self::new(move |call| async move { statuses[(call.run - 1).min(statuses.len() - 1)] })
    }

    /// A handler that waits at the gate and then answers 200.
    pub fn gated(gate: &Gate) -> Self {
        let gate = gate.clone();
        Self::new(move |_| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                200
            }
        })
    }

    pub async fn run(&self, delivery: Delivery, body: Bytes) -> u16 {
        let run = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.lock().unwrap().push((delivery.clone(), body));
        let status = (self.script)(Call { delivery, run }).await;
        self.ended.fetch_add(1, Ordering::SeqCst);
        status
    }

    pub fn runs(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    pub fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    pub fn seen(&self) -> Vec<(Delivery, Bytes)> {
        self.seen.lock().unwrap().clone()
    }
}

/// Holds handlers up until it is opened.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn shut() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub fn open(&self) {
        self.0.add_permits(1_000_000);
    }

    pub async fn pass(&self) {
        drop(self.0.acquire().await);
    }
}

/// Waits until `condition` holds; fails the test if it does not within ten seconds.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("not within ten seconds: {what}");
}

/// Tells when it is dropped.
pub struct DropSignal(pub Option<oneshot::Sender<()>>);

impl Drop for DropSignal {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(());
        }
    }
}
