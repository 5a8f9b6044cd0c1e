//! A receiver as it runs in production: five providers on one actix-web app, secrets from the
//! environment, one store, and the usual middleware of actix-web around it.
//!
//! ```text
//! export PIORA_WEBHOOK_SECRET=… HOSTWARES_WEBHOOK_SECRET=… PERCHER_WEBHOOK_SECRET=…
//! export PINGARA_WEBHOOK_SECRET=… PAKYAS_WEBHOOK_SECRET=…
//! cargo run --example actix -- 127.0.0.1:3000
//! ```
//!
//! The store here is in memory: it serves one process, and forgets when that ends. Behind a load
//! balancer, take a store that the processes share; nothing else changes.

mod handlers;

use std::error::Error;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Logger, Next, from_fn};
use actix_web::rt::time::timeout;
use actix_web::{App, HttpServer, Route, error, web};
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::{Endpoint, ErrorChain, MemoryStore, Provider, Secret};
use countersign_actix::{HandlerTasks, WebhookMiddleware};
use tokio::signal;
use tracing_subscriber::EnvFilter;

use crate::handlers::{on_hostwares, on_pakyas, on_percher, on_pingara, on_piora};

/// How long senders wait for an answer. Percher is the least patient, with five seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// How long a handler may run. It must be shorter than its claim is renewed for (an hour unless
/// set), or a retry could run beside it.
const HANDLE_WITHIN: Duration = Duration::from_secs(60);

#[actix_web::main]
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
    // Made once: the app below is made for each worker, and all workers share these.
    let piora = webhooks.middleware(piora::provider())?;
    let hostwares = webhooks.middleware(hostwares::provider())?;
    let percher = webhooks.middleware(percher::provider())?;
    let pingara = webhooks.middleware(pingara::provider())?;
    let pakyas = webhooks.middleware(pakyas::provider())?;
    let app = move || {
        App::new()
            .service(resource("/webhooks/piora", &piora, web::post().to(on_piora)))
            .service(resource("/webhooks/hostwares", &hostwares, web::post().to(on_hostwares)))
            .service(resource("/webhooks/percher", &percher, web::post().to(on_percher)))
            .service(resource("/webhooks/pingara", &pingara, web::post().to(on_pingara)))
            .service(resource("/webhooks/pakyas", &pakyas, web::post().to(on_pakyas)))
            // From here on, each middleware goes around those above it.
            //
            // A sender that waits too long gets a 503, and its retry finds out how it ended: the
            // handler goes on in its own task.
            .wrap(from_fn(|request, next| limit(ANSWER_WITHIN, request, next)))
            // Outermost, so that it sees what every other middleware answered.
            .wrap(Logger::default())
    };

    let address = std::env::args().nth(1).or_else(|| std::env::var("ADDR").ok());
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000"))?;
    println!("listening on http://{}", listener.local_addr()?);
    // The signals are ours, because a worker that stops takes its handlers with it.
    let server = HttpServer::new(app).disable_signals().listen(listener)?.run();
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        stop_signal().await;
        handle.pause().await;
        // No new connections. Deliveries on those that are kept alive get a 503 from here on.
        webhooks.tasks.drain();
        // Handlers may still be at work, also those whose sender has hung up.
        if timeout(HANDLE_WITHIN, webhooks.tasks.finished()).await.is_err() {
            tracing::warn!("stopped with a handler at work: its event is handled on a retry");
        }
        handle.stop(true).await;
    });
    server.await?;
    Ok(())
}

/// What all endpoints share.
struct Webhooks {
    store: MemoryStore,
    tasks: HandlerTasks,
}

type Middleware = WebhookMiddleware<MemoryStore>;

impl Webhooks {
    /// The middleware for a provider.
    fn middleware(&self, from: Provider) -> Result<Middleware, Box<dyn Error>> {
        let secret = format!("{}_WEBHOOK_SECRET", from.name().to_uppercase());
        let secret = Secret::from_env(&secret)?;
        let endpoint = Endpoint::builder(from.name(), from.clone()).secret(secret).build()?;
        Ok(WebhookMiddleware::new(endpoint, self.store.clone()).tasks(&self.tasks))
    }
}

/// A handler behind the middleware for its provider. If the handler panics, its claim is released;
/// actix closes the connection without an answer, and the sender retries.
fn resource(path: &str, webhook: &Middleware, handler: Route) -> impl HttpServiceFactory + 'static {
    // Inside the webhook middleware, a timeout ends the handler itself, and so releases its claim.
    // What is wrapped later stands further outside.
    web::resource(path)
        .route(handler)
        .wrap(from_fn(|request, next| limit(HANDLE_WITHIN, request, next)))
        .wrap(webhook.clone())
}

/// Answers for what takes too long, with a 503: some providers take a 4xx as final.
async fn limit(
    within: Duration,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match timeout(within, next.call(request)).await {
        Ok(response) => response,
        Err(_) => {
            // Logger logs responses, and passes over errors such as this one.
            tracing::warn!(?within, "the handler took too long");
            Err(error::ErrorServiceUnavailable("the handler took too long"))
        }
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
