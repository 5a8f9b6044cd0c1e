//! The same endpoints twice on actix-web: behind the middleware, and written by hand.

use std::hint::black_box;
use std::net::SocketAddr;

use actix_web::http::header::HeaderMap;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use countersign::providers::{hostwares, piora};
use countersign::{FromDelivery, MemoryStore};
use countersign_actix::{Webhook, WebhookMiddleware};

use crate::BareMac;
use crate::sender::{HOSTWARES, PIORA, Sender};
use crate::service::Reading;

async fn on_event<T>(webhook: Webhook<T>) -> HttpResponse {
    black_box(&webhook.event);
    HttpResponse::NoContent().finish()
}

/// What a handler written by hand knows.
struct Known<T> {
    sender: &'static Sender,
    mac: BareMac,
    read: Reading<T>,
}

/// What people write; see [`crate::service`].
async fn by_hand<T: 'static>(
    known: Data<Known<T>>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    fn signature(headers: &HeaderMap, name: &str) -> Option<[u8; 32]> {
        let mut signature = [0; 32];
        let text = headers.get(name)?.as_bytes().strip_prefix(b"sha256=")?;
        hex::decode_to_slice(text, &mut signature).ok()?;
        Some(signature)
    }
    let Some(signature) = signature(request.headers(), known.sender.signature) else {
        return HttpResponse::Unauthorized().finish();
    };
    if !known.mac.is(&body, &signature) {
        return HttpResponse::Unauthorized().finish();
    }
    let Some(event) = (known.read)(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    black_box(&event);
    HttpResponse::NoContent().finish()
}

/// The routes of both senders, for each worker's application.
pub fn routes() -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (piora, hostwares) = (middleware(&PIORA), middleware(&HOSTWARES));
    move |config| {
        add(config, &PIORA, piora.clone(), |body| piora::Event::from_slice(body).ok());
        add(config, &HOSTWARES, hostwares.clone(), |body| hostwares::Event::from_slice(body).ok());
    }
}

fn middleware(sender: &Sender) -> WebhookMiddleware<MemoryStore> {
    let store = MemoryStore::builder().capacity(usize::MAX).build();
    WebhookMiddleware::new(sender.endpoint(), store)
}

fn add<T: FromDelivery + 'static>(
    config: &mut ServiceConfig,
    sender: &'static Sender,
    webhooks: WebhookMiddleware<MemoryStore>,
    read: Reading<T>,
) {
    let known = Data::new(Known { sender, mac: BareMac::new(), read });
    let layered = web::resource(sender.layered).wrap(webhooks);
    config
        .app_data(known)
        .service(layered.route(web::post().to(on_event::<T>)))
        .service(web::resource(sender.by_hand).route(web::post().to(by_hand::<T>)));
}

/// Serves all on a port of the loopback interface as long as the process runs.
pub fn serve(workers: usize) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let routes = routes();
    let make = move || App::new().configure(routes.clone());
    std::thread::spawn(move || {
        let server = HttpServer::new(make).workers(workers).disable_signals();
        actix_web::rt::System::new().block_on(server.listen(listener).expect("a socket").run())
    });
    address
}
