//! `countersign listen`: a server with a route for each endpoint.

use std::io::{self, IsTerminal as _};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{MethodRouter, post};
use countersign::{Delivery, DynStore, Endpoint, Outcome, Receiver, Report};
use countersign_tower::{HandlerTasks, Webhook, WebhookLayer};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::ListenArgs;
use crate::endpoint;
use crate::forward::{self, Forwarder};
use crate::output::Output;
use crate::say;
use crate::serve::{self, Limits};
use crate::signals::Stop;
use crate::store;

/// How long requests that are still arriving hold up the end. Nothing of them is claimed yet, so
/// they lose nothing but time. The user's program is waited for however long it takes.
const ARRIVAL_GRACE: Duration = Duration::from_secs(3);

/// How long lines may wait at the end for whoever reads stdout: first those that are a delivery's
/// handling, then, all answered, the reports.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// How long the last answers may take to leave.
const DEPARTURE_GRACE: Duration = Duration::from_secs(1);

/// Serves until a signal. An error is one sentence.
pub(crate) fn run(args: &ListenArgs) -> Result<(), String> {
    start_log()?;
    let endpoints = endpoint::from_args(args)?;
    let forwarder = args.forward_to.as_deref().map(Forwarder::new).transpose()?;
    let tasks = HandlerTasks::new();
    let stop = Stop::on_signal().map_err(|error| format!("cannot take signals: {error}"))?;
    let output = Output::start().map_err(|error| format!("cannot start: {error}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let store = runtime.block_on(store::open(&args.store))?;
    let mut paths = Vec::new();
    let mut router = Router::new();
    for endpoint in endpoints {
        let path = format!("/webhooks/{}", endpoint.name());
        let store = Arc::clone(&store.store);
        let route = route(endpoint, store, &tasks, &output, forwarder.as_ref(), &stop);
        router = router.route(&path, route);
        paths.push(path);
    }
    let served = runtime.block_on(serve(&args.addr, router, &paths.join(", "), &tasks, stop));
    // A host that is being looked up would hold up a drop.
    runtime.shutdown_background();
    output.finish(OUTPUT_GRACE);
    served
}

fn route(
    endpoint: Endpoint,
    store: Arc<dyn DynStore>,
    tasks: &HandlerTasks,
    output: &Output,
    forwarder: Option<&Forwarder>,
    stop: &Stop,
) -> MethodRouter {
    let limit = forward::limit(endpoint.lease());
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
        None => post(async move |webhook: Webhook| print(&output, &webhook.delivery, stop).await),
        Some(forwarder) => post(async move |webhook: Webhook, headers: HeaderMap| {
            let content_type = headers.get(CONTENT_TYPE).cloned();
            forwarder.forward(&webhook.delivery, content_type, limit).await
        }),
    };
    route.route_layer(layer)
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

async fn serve(
    addr: &str,
    router: Router,
    paths: &str,
    tasks: &HandlerTasks,
    stop: Stop,
) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot listen on {addr}: {error}");
    let listener = TcpListener::bind(addr).await.map_err(cannot)?;
    let local = listener.local_addr().map_err(cannot)?;
    say(&format!("countersign: listening on http://{local}, POST {paths}"));

    let (stopped, handling) = (stop.clone().stopped(), tasks.clone());
    let server = serve::serve(listener, router, Limits::default(), async move {
        stopped.await;
        tracing::info!(handling = handling.running(), "stopping");
    });
    let mut server = pin!(server);
    let overdue = async {
        stop.stopped().await;
        sleep(ARRIVAL_GRACE).await;
        tasks.finished().await;
    };
    tokio::select! {
        () = &mut server => {}
        () = overdue => drop(timeout(DEPARTURE_GRACE, server).await),
    }
    // A handler whose sender hung up has no connection that the server could wait for.
    tasks.finished().await;
    Ok(())
}

fn start_log() -> Result<(), String> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env()
        .map_err(|error| format!("RUST_LOG: {error}"))?;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !plain)
        // It would say so on stderr, and panic if nobody reads that.
        .log_internal_errors(false)
        .init();
    Ok(())
}
