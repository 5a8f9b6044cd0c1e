//! What a listener is made of, and a running one.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign::{Delivery, DynStore, Endpoint, HandlerTasks};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::handling::{By, Handling};
use super::{Exposed, ListenEndpoint, Mount, Routes, server};
use crate::forward::{self, Forwarder, Targets};
use crate::inspect::{Inspect, Inspecting, Inspector};
use crate::metrics::Registry;
use crate::output::{Explainer, Output};
use crate::record::{Record, Watchers};
use crate::serve::{HEAD_TIMEOUT, Limits};
use crate::signals::Stop;

/// A listener that is being put together. See the [front page](crate).
///
/// Without a [`handler`](Self::handler) or [`forward_to`](Self::forward_to), each event that is genuine,
/// fresh and not handled before is answered 200.
#[must_use = "it listens once it is started"]
pub struct Listener {
    addr: String,
    by: By,
    forward_to: Vec<String>,
    settings: Settings,
    inspect: Option<Inspect>,
}

/// What the program and the library have in common.
pub(crate) struct Settings {
    pub(crate) mounts: Vec<Mount>,
    pub(crate) store: Arc<dyn DynStore>,
    pub(crate) watchers: Watchers,
    pub(crate) tasks: HandlerTasks,
    pub(crate) connections: usize,
    /// Where the metrics are fetched.
    pub(crate) metrics: Option<String>,
}

impl Settings {
    /// The routes, with what handles their events.
    pub(crate) fn routes(
        self,
        by: By,
        output: Option<Output>,
        explainer: Option<Explainer>,
        stop: Stop,
        registry: Option<Registry>,
    ) -> Result<(Routes, Limits), String> {
        let handling = Handling { by, output, explainer, stop };
        let limits = Limits { connections: self.connections, head: HEAD_TIMEOUT };
        let routes =
            Routes::new(self.mounts, self.store, self.tasks, handling, self.watchers, registry)?;
        Ok((routes, limits))
    }
}

impl Listener {
    /// A listener at `HOST:PORT`, where port 0 takes a free one, with what remembers handled events.
    pub fn builder(addr: &str, store: impl DynStore) -> Self {
        let settings = Settings {
            mounts: Vec::new(),
            store: Arc::new(store),
            watchers: Watchers::of_whole_requests(),
            tasks: HandlerTasks::new(),
            connections: 1024,
            metrics: None,
        };
        let answer = |_| -> std::pin::Pin<Box<dyn Future<Output = u16> + Send>> {
            Box::pin(std::future::ready(200))
        };
        let by = By::Closure(Arc::new(answer));
        Self { addr: addr.to_owned(), by, forward_to: Vec::new(), settings, inspect: None }
    }

    /// An endpoint at `/webhooks/` and its name, or a [`ListenEndpoint`] with a path and secrets.
    pub fn endpoint(mut self, endpoint: impl Into<ListenEndpoint>) -> Self {
        self.settings.mounts.push(endpoint.into().mount());
        self
    }

    /// An endpoint at a path of your choice.
    pub fn endpoint_at(self, path: &str, endpoint: Endpoint) -> Self {
        self.endpoint(ListenEndpoint::new(endpoint).path(path))
    }

    /// A page that shows deliveries as they come, at `HOST:PORT`, where port 0 takes a free one. See
    /// [`Inspect`] for more, and [`ListenEndpoint::secrets`] for what it should know.
    pub fn inspect(mut self, inspect: impl Into<Inspect>) -> Self {
        self.inspect = Some(inspect.into());
        self
    }

    /// What handles events: it gives the status to answer. A 2xx means handled.
    pub fn handler<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(Delivery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = u16> + Send + 'static,
    {
        self.by = By::Closure(Arc::new(move |delivery| Box::pin(handler(delivery))));
        self
    }

    /// A program that handles events: each is sent to this URL, and the answer decides, as
    /// `countersign listen --forward-to` does it. It may be called several times with `PATTERN=URL`, such
    /// as `invoice.*=http://127.0.0.1:3000/invoices`: the first pattern that matches the event's type is
    /// used, and an event that matches none is answered 200.
    pub fn forward_to(mut self, target: &str) -> Self {
        self.forward_to.push(target.to_owned());
        self
    }

    /// What is told of each request: when its handler begins, and when it is answered. It must be
    /// quick; the request waits for it.
    pub fn on_record(mut self, watcher: impl Fn(&Arc<Record>) + Send + Sync + 'static) -> Self {
        self.settings.watchers.add(watcher);
        self
    }

    /// Where Prometheus fetches metrics, as `HOST:PORT`, where port 0 takes a free one: `GET /metrics`.
    ///
    /// They are of this listener alone, and of what its handlers record through the crate `metrics`; a
    /// recorder that the process has gets nothing of them. Whoever reaches the address can read them.
    pub fn metrics(mut self, addr: &str) -> Self {
        self.settings.metrics = Some(addr.to_owned());
        self
    }

    /// Listens, in tasks of this runtime.
    ///
    /// # Errors
    ///
    /// A sentence: the address cannot be taken, two endpoints have one name or path, or what
    /// [`forward_to`](Self::forward_to) got is not a target.
    pub async fn start(mut self) -> Result<Listening, StartError> {
        if let Some(targets) = Targets::from_args(&self.forward_to).map_err(StartError)? {
            let client = forward::client().map_err(StartError)?;
            self.by = By::Forwarding(Box::new(Forwarder::new(client, targets)));
        }
        let (stop, stopped) = watch::channel(());
        let stopped = Stop::when_dropped(stopped);
        let tasks = self.settings.tasks.clone();
        let inspector = match self.inspect {
            Some(inspect) => Some(Inspector::open(inspect).await.map_err(StartError)?),
            None => None,
        };
        if let Some(inspector) = &inspector {
            inspector.watch(&mut self.settings.watchers);
        }
        let metrics = Exposed::bind(self.settings.metrics.as_deref()).await.map_err(StartError)?;
        let registry = metrics.registry();
        let made = self.settings.routes(self.by, None, None, stopped.clone(), registry);
        let (routes, limits) = made.map_err(StartError)?;
        let (listener, addr) = server::bind(&self.addr).await.map_err(StartError)?;
        let inspecting =
            inspector.map(|inspector| inspector.serve(routes.clone(), addr, stopped.clone()));
        let metrics_addr = metrics.addr();
        let serving = {
            let routes = routes.clone();
            tokio::spawn(async move {
                let _exposed = metrics.serve();
                server::serve(listener, routes, limits, &tasks, stopped).await;
            })
        };
        Ok(Listening { addr, metrics_addr, routes, stop, serving, inspecting })
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mounts = &self.settings.mounts;
        f.debug_struct("Listener")
            .field("addr", &self.addr)
            .field("endpoints", mounts)
            .finish_non_exhaustive()
    }
}

/// Why a listener did not start, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// A listener that runs. When it is dropped, it accepts nothing more, and what runs goes on to its end.
#[must_use = "it stops when it is dropped"]
pub struct Listening {
    addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    routes: Routes,
    stop: watch::Sender<()>,
    serving: JoinHandle<()>,
    inspecting: Option<Inspecting>,
}

impl Listening {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of the metrics, where [`Listener::metrics`] was asked for.
    #[must_use]
    pub fn metrics_url(&self) -> Option<String> {
        Some(format!("http://{}/metrics", self.metrics_addr?))
    }

    /// The URL of the endpoint of this name.
    #[must_use]
    pub fn url(&self, endpoint: &str) -> Option<String> {
        Some(format!("http://{}{}", self.addr, self.routes.mount(endpoint)?.path))
    }

    /// Where the [inspector](Listener::inspect) is, such as `http://127.0.0.1:4040`.
    #[must_use]
    pub fn inspector_url(&self) -> Option<String> {
        self.inspecting.as_ref().map(Inspecting::url)
    }

    /// Accepts nothing more, and waits until what runs has ended. If the future is dropped, it ends
    /// all the same.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.serving.await;
        if let Some(inspecting) = self.inspecting {
            inspecting.finish().await;
        }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("addr", &self.addr).finish_non_exhaustive()
    }
}
