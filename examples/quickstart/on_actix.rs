//! The receiver on actix-web: five resources, each behind the middleware for its provider, all on
//! one store.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::{ConfigError, Endpoint, MemoryStore};
use countersign_actix::{Webhook, WebhookMiddleware};
use countersign_examples::Sender;

use crate::work::Work;

/// Starts the receiver on a free port and tells which.
pub(crate) fn start(senders: &[Sender; 5], work: Work) -> Result<SocketAddr, Box<dyn Error>> {
    let store = MemoryStore::new();
    let [piora, hostwares, percher, pingara, pakyas] = senders;
    // Made once: the app below is made for each worker, and all workers share these.
    let piora = middleware(piora, &store)?;
    let hostwares = middleware(hostwares, &store)?;
    let percher = middleware(percher, &store)?;
    let pingara = middleware(pingara, &store)?;
    let pakyas = middleware(pakyas, &store)?;
    let app = move || {
        let resource =
            |path, middleware: &Middleware| web::resource::<&str>(path).wrap(middleware.clone());
        let post = web::post;
        App::new()
            .app_data(Data::new(work.clone()))
            .service(resource("/webhooks/piora", &piora).route(post().to(on_piora)))
            .service(resource("/webhooks/hostwares", &hostwares).route(post().to(on_hostwares)))
            .service(resource("/webhooks/percher", &percher).route(post().to(on_percher)))
            .service(resource("/webhooks/pingara", &pingara).route(post().to(on_pingara)))
            .service(resource("/webhooks/pakyas", &pakyas).route(post().to(on_pakyas)))
    };

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    tokio::spawn(HttpServer::new(app).disable_signals().listen(listener)?.run());
    Ok(address)
}

type Middleware = WebhookMiddleware<MemoryStore>;

/// The middleware for one provider: its secret, and everything else as the provider needs it.
fn middleware(sender: &Sender, store: &MemoryStore) -> Result<Middleware, ConfigError> {
    let endpoint = Endpoint::builder(sender.name(), sender.provider().clone())
        .secret(sender.secret().clone())
        .build()?;
    Ok(WebhookMiddleware::new(endpoint, store.clone()))
}

// The handlers. Each gets its provider's typed event, and gets it only if the delivery is
// genuine, fresh and not handled before.

async fn on_piora(work: Data<Work>, webhook: Webhook<piora::Event>) -> HttpResponse {
    answer(work.handle(webhook.event.event_type.as_str()).await)
}

async fn on_hostwares(work: Data<Work>, webhook: Webhook<hostwares::Event>) -> HttpResponse {
    answer(work.handle(webhook.event.event_type.as_str()).await)
}

async fn on_percher(work: Data<Work>, webhook: Webhook<percher::Event>) -> HttpResponse {
    // Percher documents no payload, so there may be no type in it.
    let event_type = webhook.event.event_type.as_ref();
    answer(work.handle(event_type.map_or("", percher::EventType::as_str)).await)
}

async fn on_pingara(work: Data<Work>, webhook: Webhook<pingara::Event>) -> HttpResponse {
    answer(work.handle(webhook.event.event_type.as_str()).await)
}

async fn on_pakyas(work: Data<Work>, webhook: Webhook<pakyas::Event>) -> HttpResponse {
    answer(work.handle(webhook.event.event_type.as_str()).await)
}

fn answer(done: bool) -> HttpResponse {
    if done { HttpResponse::Ok().finish() } else { HttpResponse::InternalServerError().finish() }
}
