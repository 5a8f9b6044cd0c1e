//! A receiver as it runs in production: five providers on one axum router, secrets from the
//! environment, one store, and the usual layers of tower-http around it.
//!
//! ```text
//! export PIORA_WEBHOOK_SECRET=… HOSTWARES_WEBHOOK_SECRET=… PERCHER_WEBHOOK_SECRET=…
//! export PINGARA_WEBHOOK_SECRET=… PAKYAS_WEBHOOK_SECRET=…
//! cargo run --example axum -- 127.0.0.1:3000
//! ```
//!
//! The store here is in memory: it serves one process, and forgets when that ends. Behind a load
//! balancer, take a store that the processes share; nothing else changes.

mod handlers;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::{MethodRouter, post};
use axum::{Router, serve};
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::{Endpoint, ErrorChain, MemoryStore, Provider, Secret};
use countersign_tower::{HandlerTasks, WebhookLayer};
use tokio::{net::TcpListener, signal, time::timeout};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing_subscriber::EnvFilter;

use crate::handlers::{on_hostwares, on_pakyas, on_percher, on_pingara, on_piora};

/// How long senders wait for an answer. Percher is the least patient, with five seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// How long a handler may run. It must be shorter than its claim is renewed for (an hour unless
/// set), or a retry could run beside it.
const HANDLE_WITHIN: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", ErrorChain::of(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let webhooks = Webhooks { store: MemoryStore::new(), tasks: HandlerTasks::new() };
    let app = Router::new()
        .route("/webhooks/piora", webhooks.route(piora::provider(), post(on_piora))?)
        .route("/webhooks/hostwares", webhooks.route(hostwares::provider(), post(on_hostwares))?)
        .route("/webhooks/percher", webhooks.route(percher::provider(), post(on_percher))?)
        .route("/webhooks/pingara", webhooks.route(pingara::provider(), post(on_pingara))?)
        .route("/webhooks/pakyas", webhooks.route(pakyas::provider(), post(on_pakyas))?)
        // From here on, each layer goes around those above it.
        //
        // A panic in a handler has released its claim by now; the sender gets a 500 and retries.
        .layer(CatchPanicLayer::new())
        // A sender that waits too long gets a 503, and its retry finds out how it ended: the
        // handler goes on in its own task. Not the usual 408: some providers take a 4xx as final.
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        // Outermost, so that it sees what every other layer answered.
        .layer(TraceLayer::new_for_http());

    let address = std::env::args().nth(1).or_else(|| std::env::var("ADDR").ok());
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let draining = webhooks.tasks.clone();
    let stop = async move {
        stop_signal().await;
        // New deliveries get a 503 from here on, also on connections that are kept alive.
        draining.drain();
    };
    serve(listener, app).with_graceful_shutdown(stop).await?;
    // The connections are done. Handlers whose sender has hung up may still be at work.
    if timeout(HANDLE_WITHIN, webhooks.tasks.finished()).await.is_err() {
        tracing::warn!("stopped with a handler at work: its event is handled on a retry");
    }
    Ok(())
}

/// What all endpoints share.
struct Webhooks {
    store: MemoryStore,
    tasks: HandlerTasks,
}

impl Webhooks {
    /// A handler behind the layer for its provider.
    fn route(&self, from: Provider, handler: MethodRouter) -> Result<MethodRouter, Box<dyn Error>> {
        let secret = format!("{}_WEBHOOK_SECRET", from.name().to_uppercase());
        let secret = Secret::from_env(&secret)?;
        let endpoint = Endpoint::builder(from.name(), from.clone()).secret(secret).build()?;
        let webhook = WebhookLayer::new(endpoint, self.store.clone()).tasks(&self.tasks);
        // Inside the webhook layer, a timeout ends the handler itself, and so releases its claim.
        let limit = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, HANDLE_WITHIN);
        // Of a pair of layers, the first is the outer one.
        Ok(handler.route_layer((webhook, limit)))
    }
}

/// Ends on Ctrl-C, or on the SIGTERM that process managers send.
async fn stop_signal() {
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending();
    tokio::select! {
        _ = signal::ctrl_c() => {}
        () = terminate => {}
    }
}
