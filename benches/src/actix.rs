//! The same endpoint twice on actix-web: behind the middleware, and written by hand.

use std::hint::black_box;
use std::net::SocketAddr;

use actix_web::http::header::HeaderMap;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use countersign::MemoryStore;
use countersign::providers::piora;
use countersign_actix::{Webhook, WebhookMiddleware};

use crate::BareMac;
use crate::service::{BY_HAND, LAYERED, SIGNATURE, endpoint};

async fn on_event(webhook: Webhook<piora::Event>) -> HttpResponse {
    black_box(&webhook.event);
    HttpResponse::NoContent().finish()
}

/// What people write; see [`crate::service`].
async fn by_hand(mac: Data<BareMac>, request: HttpRequest, body: Bytes) -> HttpResponse {
    fn signature(headers: &HeaderMap) -> Option<[u8; 32]> {
        let mut signature = [0; 32];
        let text = headers.get(SIGNATURE)?.as_bytes().strip_prefix(b"sha256=")?;
        hex::decode_to_slice(text, &mut signature).ok()?;
        Some(signature)
    }
    let Some(signature) = signature(request.headers()) else {
        return HttpResponse::Unauthorized().finish();
    };
    if !mac.is(&body, &signature) {
        return HttpResponse::Unauthorized().finish();
    }
    let Ok(event) = piora::Event::from_slice(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    black_box(&event);
    HttpResponse::NoContent().finish()
}

/// Serves both on a port of the loopback interface as long as the process runs.
pub fn serve(workers: usize) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let store = MemoryStore::builder().capacity(usize::MAX).build();
    let webhooks = WebhookMiddleware::new(endpoint(), store);
    let make = move || {
        let layered = web::resource(LAYERED).wrap(webhooks.clone());
        App::new()
            .app_data(Data::new(BareMac::new()))
            .service(layered.route(web::post().to(on_event)))
            .service(web::resource(BY_HAND).route(web::post().to(by_hand)))
    };
    std::thread::spawn(move || {
        let server = HttpServer::new(make).workers(workers).disable_signals();
        actix_web::rt::System::new().block_on(server.listen(listener).expect("a socket").run())
    });
    address
}
