//! The server over real sockets, with limits of the test's own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// A deadline that no test lives to see.
const NEVER: Duration = Duration::from_secs(3600);

async fn start(limits: Limits, router: Router) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(serve(listener, router, limits, async { drop(stopped.await) }));
    (addr, stop)
}

fn served() -> Router {
    Router::new().route("/", get(async || "served"))
}

/// A router whose handler says that it has begun, and goes on when it is told.
fn gated() -> (Router, mpsc::Receiver<()>, Arc<Notify>) {
    let (entered, running) = mpsc::channel(1);
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let handler = async move |_: Bytes| {
        entered.send(()).await.unwrap();
        opened.notified().await;
        "served"
    };
    (Router::new().route("/", post(handler.clone()).get(handler)), running, gate)
}

async fn send(addr: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// All that comes until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    let _ = timeout(PATIENCE, read).await.expect("still open");
    String::from_utf8(rest).unwrap()
}

const WHOLE: &str = "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
const HALF: &str = "GET / HTTP/1.1\r\nhost: h\r\n";
const HEAD: Duration = Duration::from_millis(400);

fn kept_alive() -> String {
    WHOLE.replace("close", "keep-alive")
}

#[tokio::test]
async fn a_connection_without_a_request_has_a_deadline() {
    let (addr, _stop) = start(Limits { connections: 3, head: HEAD }, served()).await;
    let silent = send(addr, "").await;
    let half = send(addr, HALF).await;
    let idle = send(addr, &kept_alive()).await;
    assert_eq!(rest(silent).await, "");
    assert_eq!(rest(half).await, "");
    assert!(rest(idle).await.ends_with("served"));
}

/// Sends a byte now and then, and connects again when it is closed.
async fn slow(addr: SocketAddr) {
    loop {
        let Ok(mut stream) = TcpStream::connect(addr).await else { continue };
        let mut bytes = HALF.bytes().chain(std::iter::repeat(b'x'));
        while let Some(byte) = bytes.next()
            && stream.write_all(&[byte]).await.is_ok()
        {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_connections_that_come_again_do_not_keep_others_out() {
    let (addr, _stop) = start(Limits { connections: 16, head: NEVER }, served()).await;
    let slow: Vec<_> = (0..30).map(|_| tokio::spawn(slow(addr))).collect();
    for _ in 0..20 {
        assert!(rest(send(addr, WHOLE).await).await.ends_with("served"));
    }
    slow.into_iter().for_each(|slow| slow.abort());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_makes_room() {
    let (router, mut running, gate) = gated();
    let (addr, _stop) = start(Limits { connections: 2, head: NEVER }, router).await;
    let post = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n";
    let stuck = [send(addr, post).await, send(addr, post).await];
    let whole = send(addr, WHOLE).await;
    timeout(PATIENCE, running.recv()).await.expect("no place");
    gate.notify_one();
    assert!(rest(whole).await.ends_with("served"));
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_being_answered_keeps_the_place() {
    let (router, mut running, gate) = gated();
    let (addr, _stop) = start(Limits { connections: 1, head: NEVER }, router).await;
    let posted = "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab";
    for request in [WHOLE, posted] {
        let first = send(addr, request).await;
        running.recv().await.unwrap();
        let second = send(addr, WHOLE).await;
        // It has no place, and asks in vain for the first one's.
        assert!(timeout(HEAD, running.recv()).await.is_err());
        gate.notify_one();
        assert!(rest(first).await.ends_with("served"));
        running.recv().await.unwrap();
        gate.notify_one();
        assert!(rest(second).await.ends_with("served"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_alive_makes_room_once_it_is_answered() {
    let (router, mut running, gate) = gated();
    let (addr, _stop) = start(Limits { connections: 1, head: NEVER }, router).await;
    let first = send(addr, &kept_alive()).await;
    running.recv().await.unwrap();
    let second = send(addr, WHOLE).await;
    gate.notify_one();
    timeout(PATIENCE, running.recv()).await.expect("no place");
    gate.notify_one();
    assert!(rest(second).await.ends_with("served"));
    assert!(rest(first).await.ends_with("served"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_keeps_its_place_though_its_sender_hung_up() {
    let (entered, mut running) = mpsc::channel(2);
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let handler = async move |Extension(place): Extension<Place>| {
        let opened = Arc::clone(&opened);
        tokio::spawn(async move {
            opened.notified().await;
            drop(place);
        });
        entered.send(()).await.unwrap();
        std::future::pending::<&str>().await
    };
    let router = Router::new().route("/", get(handler));
    let (addr, _stop) = start(Limits { connections: 1, head: NEVER }, router).await;
    let first = send(addr, WHOLE).await;
    running.recv().await.unwrap();
    drop(first);
    let _second = send(addr, WHOLE).await;
    assert!(timeout(HEAD, running.recv()).await.is_err(), "two places");
    gate.notify_one();
    timeout(PATIENCE, running.recv()).await.expect("the place is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_whose_sender_hung_up_is_not_asked_for_its_place() {
    let (entered, mut running) = mpsc::channel(2);
    let handler = async move |Extension(place): Extension<Place>| {
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(place);
        });
        entered.send(()).await.unwrap();
        std::future::pending::<&str>().await
    };
    let router = Router::new().route("/", post(handler)).fallback(async || "served");
    let (addr, _stop) = start(Limits { connections: 2, head: NEVER }, router).await;
    let first = send(addr, &WHOLE.replace("GET", "POST")).await;
    running.recv().await.unwrap();
    drop(first);
    let silent = send(addr, "").await;
    assert!(rest(send(addr, &WHOLE.replace("/ ", "/other ")).await).await.ends_with("served"));
    assert_eq!(rest(silent).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_keeps_its_place() {
    let (router, mut running, gate) = gated();
    let (addr, _stop) = start(Limits { connections: 2, head: NEVER }, router).await;
    let head = "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 1000001\r\n\r\n";
    let mut large = send(addr, head).await;
    large.write_all(&[b'x'; 1_000_000]).await.unwrap();
    let silent = send(addr, "").await;
    let whole = send(addr, WHOLE).await;
    // The one that came later had to leave.
    timeout(PATIENCE, running.recv()).await.expect("no place");
    assert_eq!(rest(silent).await, "");
    gate.notify_one();
    assert!(rest(whole).await.ends_with("served"));
    large.write_all(b"x").await.unwrap();
    timeout(PATIENCE, running.recv()).await.expect("the body was cut off");
    gate.notify_one();
    assert!(rest(large).await.ends_with("served"));
}

#[tokio::test]
async fn the_end_waits_for_answers_and_not_for_idle_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (router, mut running, gate) = gated();
    let (stop, stopped) = oneshot::channel::<()>();
    let limits = Limits { connections: 8, head: HEAD_TIMEOUT };
    let server = tokio::spawn(serve(listener, router, limits, async { drop(stopped.await) }));
    let mut idle = send(addr, &kept_alive()).await;
    running.recv().await.unwrap();
    gate.notify_one();
    assert_ne!(idle.read(&mut [0; 1024]).await.unwrap(), 0);
    let answered = send(addr, &kept_alive()).await;
    running.recv().await.unwrap();
    drop(stop);
    // Only when nobody listens any more has it heard of the end.
    while TcpStream::connect(addr).await.is_ok() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(!server.is_finished());
    gate.notify_one();
    server.await.unwrap();
    assert!(rest(answered).await.ends_with("served"));
    assert_eq!(rest(idle).await, "");
}
