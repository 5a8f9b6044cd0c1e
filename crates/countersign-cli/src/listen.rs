//! `countersign listen`: a server with a route for each endpoint.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{MethodRouter, post};
use axum::{Extension, Router};
use countersign::{Delivery, DynStore, Endpoint, Outcome, Receiver, Report};
use countersign_tower::{HandlerTasks, Webhook, WebhookLayer};
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::time::{sleep, timeout};

use crate::LOG_GRACE;
use crate::args::ListenArgs;
use crate::forward::Forwarder;
use crate::log::Log;
use crate::output::Output;
use crate::serve::{self, HEAD_TIMEOUT, Limits, Place};
use crate::signals::Stop;
use crate::{endpoint, files, stdio, store};

/// How long requests that are still arriving hold up the end. Nothing of them is claimed yet, so
/// they lose nothing but time. The user's program is waited for however long it takes.
const ARRIVAL_GRACE: Duration = Duration::from_secs(3);

/// How long lines may wait at the end for the reader of stdout: first those that are a delivery's
/// handling, then, all answered, the reports.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// How long the last answers may take to leave.
const DEPARTURE_GRACE: Duration = Duration::from_secs(1);

/// How many connections may wait in the kernel until they are accepted; it may allow less.
const BACKLOG: u32 = 4096;

/// Serves until a signal. An error is one sentence.
pub(crate) fn run(args: &ListenArgs, log: &Log) -> Result<(), String> {
    log.trace()?;
    if args.forward_to.is_none() {
        stdio::check_stdout()?;
    }
    let endpoints = endpoint::from_args(args)?;
    let forwarder = args.forward_to.as_deref().map(Forwarder::new).transpose()?;
    // A delivery that is forwarded has a connection on each side.
    let connections = files::connections(if forwarder.is_some() { 2 } else { 1 });
    let limits = Limits { connections, head: HEAD_TIMEOUT };
    let tasks = HandlerTasks::new();
    let output = Output::start().map_err(|error| format!("cannot start: {error}"))?;
    let stop = stop(args.shutdown_timeout, &tasks, &output, log)
        .map_err(|error| format!("cannot take signals: {error}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let opened = runtime.block_on(async {
        tokio::select! {
            opened = store::open(&args.store) => opened.map(Some),
            () = stop.clone().stopped() => Ok(None),
        }
    });
    let Some(store) = opened? else { return Ok(()) };
    for line in endpoint::unconfirmed(&endpoints) {
        log.say(&line);
    }
    let mut paths = Vec::new();
    let mut router = Router::new();
    for endpoint in endpoints {
        let path = format!("/webhooks/{}", endpoint.name());
        let store = Arc::clone(&store.store);
        let route = route(endpoint, store, &tasks, &output, forwarder.as_ref(), &stop);
        router = router.route(&path, route);
        paths.push(path);
    }
    let served = runtime.block_on(async {
        let listener = listen(&args.addr, &paths.join(", "), log).await?;
        tracing::info!(connections, "the limit of connections at a time");
        serve(listener, router, limits, &tasks, stop).await;
        Ok(())
    });
    // A host that is being looked up would hold up a drop.
    runtime.shutdown_background();
    output.finish(OUTPUT_GRACE);
    served
}

/// Takes the signals, and ends the process if the end takes too long.
fn stop(patience: Duration, tasks: &HandlerTasks, output: &Output, log: &Log) -> io::Result<Stop> {
    let (tasks, output, log) = (tasks.clone(), output.clone(), log.clone());
    Stop::on_signal(patience, move || {
        let handling = tasks.running();
        if handling > 0 {
            tracing::error!(handling, "ended by --shutdown-timeout before these were handled");
        }
        output.finish(OUTPUT_GRACE);
        log.finish(LOG_GRACE);
        i32::from(handling > 0)
    })
}

fn route(
    endpoint: Endpoint,
    store: Arc<dyn DynStore>,
    tasks: &HandlerTasks,
    output: &Output,
    forwarder: Option<&Forwarder>,
    stop: &Stop,
) -> MethodRouter {
    let lease = endpoint.lease();
    let unsigned_handshake = endpoint.provider().has_unsigned_handshake();
    let prints = forwarder.is_none();
    let log = output.clone();
    let observer = move |report: &Report<'_>| {
        // The handler printed that one.
        if !(prints && report.outcome == Outcome::Accepted) {
            log.report(report);
        }
    };
    let receiver = Receiver::builder(endpoint, store).observer(observer).build();
    let layer = WebhookLayer::from_receiver(receiver).tasks(tasks);
    let (output, stop) = (output.clone(), stop.clone());
    let route = match forwarder.cloned() {
        None => post(async move |webhook: Webhook, Extension(place): Extension<Place>| {
            let status = print(&output, &webhook.delivery, stop).await;
            drop(place);
            status
        }),
        Some(forwarder) => post(
            async move |webhook: Webhook,
                        Extension(place): Extension<Place>,
                        headers: HeaderMap| {
                let content_type = headers.get(CONTENT_TYPE).cloned();
                forwarder.forward(&webhook.delivery, content_type, lease, place).await
            },
        ),
    };
    // `route_layer` would leave a handshake that is a `GET` to axum, which refuses it.
    if unsigned_handshake { route.layer(layer) } else { route.route_layer(layer) }
}

/// Printing is the handling: what cannot be printed, or is not before the end, is not handled.
async fn print(output: &Output, delivery: &Delivery, stop: Stop) -> StatusCode {
    let overdue = async {
        stop.stopped().await;
        sleep(OUTPUT_GRACE).await;
    };
    let printed = tokio::select! {
        printed = output.print(delivery) => printed,
        () = overdue => false,
    };
    if printed { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}

/// Listens, and says so.
async fn listen(addr: &str, paths: &str, log: &Log) -> Result<TcpListener, String> {
    let cannot = |error: io::Error| format!("cannot listen on {addr}: {error}");
    let mut bound = Err(io::Error::new(ErrorKind::NotFound, "the name has no address"));
    for addr in lookup_host(addr).await.map_err(cannot)? {
        bound = bind(addr);
        if bound.is_ok() {
            break;
        }
    }
    let listener = bound.map_err(cannot)?;
    let local = listener.local_addr().map_err(cannot)?;
    log.say(&format!("countersign: listening on http://{local}, POST {paths}"));
    Ok(listener)
}

/// What `TcpListener::bind` does, with a longer backlog: connections that strangers make faster
/// than they are closed must not keep others from being made.
fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tasks: &HandlerTasks,
    stop: Stop,
) {
    let (stopped, handling) = (stop.clone().stopped(), tasks.clone());
    let server = serve::serve(listener, router, limits, async move {
        stopped.await;
        tracing::info!(handling = handling.running(), "stopping");
    });
    let mut server = pin!(server);
    let overdue = async {
        stop.stopped().await;
        sleep(ARRIVAL_GRACE).await;
        // A connection that is kept alive starts no further handler.
        tasks.drain();
        tasks.finished().await;
    };
    tokio::select! {
        () = &mut server => {}
        () = overdue => drop(timeout(DEPARTURE_GRACE, server).await),
    }
    // A handler whose sender hung up has no connection that the server could wait for.
    tasks.finished().await;
}
