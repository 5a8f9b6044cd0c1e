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
use countersign::providers::piora;
use countersign::{Endpoint, MemoryStore, Secret};
use countersign_tower::{Webhook, WebhookLayer};
use http::{HeaderMap, StatusCode};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::event::Events;
use crate::{BareMac, SECRET, headers};

/// The route behind the layer.
pub const LAYERED: &str = "/webhooks/piora";
/// The route of the handler written by hand.
pub const BY_HAND: &str = "/by-hand/piora";
pub const SIGNATURE: &str = "x-piora-signature";

pub fn endpoint() -> Endpoint {
    let secret = Secret::new(SECRET).expect("not empty");
    Endpoint::builder("piora", piora::provider()).secret(secret).build().expect("sound")
}

/// Both routes in one application. They are served by the same threads and sent to over the same
/// connection, so that neither is luckier than the other in where the scheduler puts it.
pub fn app() -> Router {
    layered().merge(by_hand())
}

/// The whole way: the layer with a store, and a handler that takes the typed event.
fn layered() -> Router {
    async fn on_event(webhook: Webhook<piora::Event>) -> StatusCode {
        black_box(&webhook.event);
        StatusCode::NO_CONTENT
    }
    let store = MemoryStore::builder().capacity(usize::MAX).build();
    let layer = WebhookLayer::new(endpoint(), store);
    Router::new().route(LAYERED, post(on_event).route_layer(layer))
}

/// What people write: read the body, compute the MAC, compare, parse the same typed event. No
/// window, no deduplication, no task, no report.
fn by_hand() -> Router {
    async fn on_event(State(mac): State<BareMac>, request: Request) -> StatusCode {
        let Some(signature) = signature(request.headers()) else {
            return StatusCode::UNAUTHORIZED;
        };
        let Ok(body) = Bytes::from_request(request, &()).await else {
            return StatusCode::BAD_REQUEST;
        };
        if !mac.is(&body, &signature) {
            return StatusCode::UNAUTHORIZED;
        }
        let Ok(event) = piora::Event::from_slice(&body) else {
            return StatusCode::BAD_REQUEST;
        };
        black_box(&event);
        StatusCode::NO_CONTENT
    }
    fn signature(headers: &HeaderMap) -> Option<[u8; 32]> {
        let mut signature = [0; 32];
        let text = headers.get(SIGNATURE)?.as_bytes().strip_prefix(b"sha256=")?;
        hex::decode_to_slice(text, &mut signature).ok()?;
        Some(signature)
    }
    Router::new().route(BY_HAND, post(on_event)).with_state(BareMac::new())
}

/// A signed request.
fn request(path: &str, events: &mut Events) -> http::Request<Body> {
    let body = events.next_body();
    let signature = events.signature(&body);
    let mut request = http::Request::post(path).body(Body::from(body.clone())).expect("sound");
    *request.headers_mut() = headers::with(body.len(), [(SIGNATURE, signature)]);
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
    pub fn connect(address: SocketAddr, connections: usize, size: usize) -> Self {
        let connect = |_| {
            let socket = TcpStream::connect(address).expect("the server listens");
            socket.set_nodelay(true).expect("a socket");
            socket
        };
        Self { sockets: (0..connections).map(connect).collect(), events: Events::of_size(size) }
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
        for (name, value) in headers::USUAL {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let (signature, length) = (self.events.signature(&body), body.len());
        request.push_str(&format!("{SIGNATURE}: {signature}\r\ncontent-length: {length}\r\n\r\n"));
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
