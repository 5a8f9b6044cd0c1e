//! One webhook endpoint twice: behind the layer, and written by hand. And a client for it.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::routing::post;
use bytes::Bytes;
use countersign::providers::{hostwares, piora};
use countersign::{Endpoint, FromDelivery, MemoryStore};
use countersign_tower::{Webhook, WebhookLayer};
use http::{HeaderMap, StatusCode};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::event::Events;
use crate::sender::{HOSTWARES, PIORA, Sender};
use crate::{BareMac, headers};

/// Piora's route behind the layer.
pub const LAYERED: &str = "/webhooks/piora";
/// Piora's route of the handler written by hand.
pub const BY_HAND: &str = "/by-hand/piora";
pub const SIGNATURE: &str = "x-piora-signature";

/// Piora's endpoint.
pub fn endpoint() -> Endpoint {
    PIORA.endpoint()
}

/// How an event is read from a body.
pub type Reading<T> = fn(&[u8]) -> Option<T>;

/// All routes in one application. They are served by the same threads and sent to over the same
/// connection, so that none is luckier than the others in where the scheduler puts it.
///
/// Made ready as `axum::serve` does for each connection: without it, a route that has no state of its
/// own is made anew for every request.
pub fn app() -> Router {
    let app = layered::<piora::Event>(&PIORA)
        .merge(layered::<hostwares::Event>(&HOSTWARES))
        .merge(by_hand(&PIORA, |body| piora::Event::from_slice(body).ok()))
        .merge(by_hand(&HOSTWARES, |body| hostwares::Event::from_slice(body).ok()));
    app.with_state(())
}

/// The whole way: the layer with a store, and a handler that takes the typed event.
fn layered<T: FromDelivery + Send + 'static>(sender: &Sender) -> Router {
    async fn on_event<T>(webhook: Webhook<T>) -> StatusCode {
        black_box(&webhook.event);
        StatusCode::NO_CONTENT
    }
    let store = MemoryStore::builder().capacity(usize::MAX).build();
    let layer = WebhookLayer::new(sender.endpoint(), store);
    Router::new().route(sender.layered, post(on_event::<T>).route_layer(layer))
}

/// What people write: read the body, compute the MAC, compare, parse the same typed event. No
/// window, no deduplication, no task, no report.
fn by_hand<T: Send + 'static>(sender: &'static Sender, read: Reading<T>) -> Router {
    async fn on_event<T>(
        State((sender, mac, read)): State<(&'static Sender, BareMac, Reading<T>)>,
        request: Request,
    ) -> StatusCode {
        let Some(signature) = signature(request.headers(), sender.signature) else {
            return StatusCode::UNAUTHORIZED;
        };
        let Ok(body) = Bytes::from_request(request, &()).await else {
            return StatusCode::BAD_REQUEST;
        };
        if !mac.is(&body, &signature) {
            return StatusCode::UNAUTHORIZED;
        }
        let Some(event) = read(&body) else {
            return StatusCode::BAD_REQUEST;
        };
        black_box(&event);
        StatusCode::NO_CONTENT
    }
    fn signature(headers: &HeaderMap, name: &str) -> Option<[u8; 32]> {
        let mut signature = [0; 32];
        let text = headers.get(name)?.as_bytes().strip_prefix(b"sha256=")?;
        hex::decode_to_slice(text, &mut signature).ok()?;
        Some(signature)
    }
    let state = (sender, BareMac::new(), read);
    Router::new().route(sender.by_hand, post(on_event::<T>)).with_state(state)
}

/// A signed request.
pub fn request(path: &str, events: &mut Events) -> http::Request<Body> {
    let body = events.next_body();
    let signature = events.signature(&body);
    let mut request = http::Request::post(path).body(Body::from(body.clone())).expect("sound");
    *request.headers_mut() = headers::with(body.len(), [(events.sender.signature, signature)]);
    if let Some((name, value)) = events.sender.also {
        request.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    request
}

/// Sends distinct events in process, made and signed outside of the time told.
pub async fn oneshots(app: &Router, path: &str, events: &mut Events, times: u64) -> Duration {
    let requests: Vec<_> = (0..times).map(|_| request(path, events)).collect();
    let start = Instant::now();
    for request in requests {
        let Ok(response) = app.clone().oneshot(request).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    start.elapsed()
}

/// Sends unsigned requests in process, made outside of the time told.
pub async fn refusals(app: &Router, path: &str, status: StatusCode, times: u64) -> Duration {
    let body = Bytes::from(vec![b'x'; 1024]);
    let requests: Vec<_> = (0..times).map(|_| unsigned(path, &body)).collect();
    let start = Instant::now();
    for request in requests {
        let Ok(response) = app.clone().oneshot(request).await;
        assert_eq!(response.status(), status);
    }
    start.elapsed()
}

/// A request without a signature.
pub fn unsigned(path: &str, body: &Bytes) -> http::Request<Body> {
    let mut request = http::Request::post(path).body(Body::from(body.clone())).expect("sound");
    *request.headers_mut() = headers::with(body.len(), []);
    request
}

/// What `#[tokio::main]` makes on a machine with two processors.
pub fn two_workers() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

/// One thread for all, as in a process that is one of several on its machine.
pub fn one_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Serves on a port of the loopback interface as long as the process runs.
pub fn serve(runtime: Runtime) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    listener.set_nonblocking(true).expect("a socket");
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            axum::serve(listener, app()).await
        })
    });
    address
}

/// Kept-alive HTTP/1.1 connections, and the events to send over them.
pub struct Client {
    sockets: Vec<TcpStream>,
    events: Events,
}

impl Client {
    /// With one connection, an exchange is mostly the waiting of two threads for each other; with
    /// several, the server always has something to do.
    pub fn connect(address: SocketAddr, connections: usize, events: Events) -> Self {
        let connect = |_| {
            let socket = TcpStream::connect(address).expect("the server listens");
            socket.set_nodelay(true).expect("a socket");
            socket
        };
        Self { sockets: (0..connections).map(connect).collect(), events }
    }

    /// Sends this many distinct events, on each connection one after the other's answer. Making
    /// and signing them is not in the time told.
    pub fn send(&mut self, path: &str, times: u64) -> Duration {
        let requests: Vec<Vec<u8>> = (0..times).map(|_| self.written(path)).collect();
        let start = Instant::now();
        for requests in requests.chunks(self.sockets.len()) {
            for (socket, request) in self.sockets.iter_mut().zip(requests) {
                socket.write_all(request).expect("a connection");
            }
            for (socket, _) in self.sockets.iter_mut().zip(requests) {
                read_answer(socket);
            }
        }
        start.elapsed()
    }

    fn written(&mut self, path: &str) -> Vec<u8> {
        let body = self.events.next_body();
        let mut request = format!("POST {path} HTTP/1.1\r\n");
        let sender = self.events.sender;
        for (name, value) in headers::USUAL.into_iter().chain(sender.also) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let (signature, length) = (self.events.signature(&body), body.len());
        request.push_str(&format!("{}: {signature}\r\n", sender.signature));
        request.push_str(&format!("content-length: {length}\r\n\r\n"));
        let mut request = request.into_bytes();
        request.extend_from_slice(&body);
        request
    }
}

/// Reads the handler's answer, which is a 204 and so ends with its head.
fn read_answer(socket: &mut TcpStream) {
    let (mut answer, mut length) = ([0; 512], 0);
    while !answer[..length].ends_with(b"\r\n\r\n") {
        let read = socket.read(&mut answer[length..]).expect("an answer");
        assert_ne!(read, 0, "the server hung up");
        length += read;
    }
    assert!(answer.starts_with(b"HTTP/1.1 204 "), "not the handler's answer");
}
