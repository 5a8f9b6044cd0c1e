//! The layer on a plain hyper server: no axum, no router, HTTP/1.1 and HTTP/2.
//!
//! ```text
//! HOSTWARES_WEBHOOK_SECRET=… cargo run --example hyper -- 127.0.0.1:3000
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::hostwares;
use countersign::{Delivery, Endpoint, MemoryStore, Secret, extract_event};
use countersign_tower::{ProvenBody, WebhookLayer};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = Endpoint::builder("hostwares", hostwares::provider())
        .secret(Secret::from_env("HOSTWARES_WEBHOOK_SECRET")?)
        .build()?;
    let layer = WebhookLayer::new(endpoint, MemoryStore::new());
    // Every request is a delivery here. A server with more to it routes by path first.
    let service = TowerToHyperService::new(layer.layer(service_fn(on_event)));

    let address = std::env::args().nth(1).or_else(|| std::env::var("ADDR").ok());
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, say: some connection will end.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = service.clone();
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new());
            // With a timer, a connection that sends no head is closed after a while.
            server.http1().timer(TokioTimer::new());
            // A connection that breaks is the peer's affair.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Gets only requests that the layer let through: with the delivery in their extensions, and the
/// proven body. A 2xx counts only because `extract_event` has taken the delivery, or because the body was
/// read: a 2xx for an unknown path completes no event.
async fn on_event(request: Request<ProvenBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let delivery = request.extensions().get::<Delivery>();
    let event = extract_event::<hostwares::Event>(delivery, request.uri().path(), "the layer");
    let mut response = Response::new(Full::default());
    *response.status_mut() = match event {
        Ok((event, _)) => {
            println!("{}: {:?}", event.event_type, event.data);
            StatusCode::NO_CONTENT
        }
        // Not 2xx: the claim is released, and the delivery's retry is accepted. The log says why.
        Err(error) => {
            StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
    };
    Ok(response)
}
