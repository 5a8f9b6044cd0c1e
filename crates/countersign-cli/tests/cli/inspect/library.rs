//! The inspector of a listener in a test's own process.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_cli::{Inspect, ListenEndpoint, Listener, Listening};
use serde_json::json;

use super::Inspector;
use super::why::{BODY, github};
use crate::program::{PATIENCE, SECRET};
use crate::sender::{Delivery, read_answer};

fn endpoint() -> (Endpoint, Secret) {
    let secret = Secret::new(SECRET).unwrap();
    let builder = Endpoint::builder("github", catalogue::provider("github").unwrap());
    (builder.secret(secret.clone()).build().unwrap(), secret)
}

fn inspector(listening: &Listening) -> Inspector {
    let url = listening.inspector_url().unwrap();
    Inspector { addr: url.strip_prefix("http://").unwrap().parse().unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_gets_replays_and_its_answer_is_shown() {
    let (endpoint, secret) = endpoint();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let listening = Listener::builder("127.0.0.1:0", MemoryStore::new())
        .endpoint(ListenEndpoint::new(endpoint).path("/hooks").secrets([secret]))
        .handler(move |_| {
            let nth = counted.fetch_add(1, Ordering::SeqCst);
            async move { if nth == 0 { 503 } else { 204 } }
        })
        .inspect("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let (addr, inspector) = (listening.addr(), inspector(&listening));
    tokio::task::spawn_blocking(move || {
        let delivery = Delivery { path: "/hooks".to_owned(), ..github(BODY) };
        assert_eq!(read_answer(delivery.open(addr)).status, 503);
        let row = inspector.row(1);
        assert_eq!((&row["outcome"], &row["reason"]), (&json!("failed"), &json!("handler_status")));
        let answer = inspector.replay(1, &json!({ "to": "receiver" })).json();
        assert_eq!((&answer["outcome"], &answer["status"]), (&json!("accepted"), &json!(204)));
        let answer = inspector.replay(1, &json!({ "to": "target" })).json();
        assert_eq!(answer["number"], 3, "{answer}");
        let info = inspector.get("/api/info").json();
        assert_eq!(info["endpoints"][0]["path"], "/hooks", "{info}");
        assert_eq!(info["keeps"], json!({ "deliveries": 1000, "bytes": 64 << 20, "file": null }));
    })
    .await
    .unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    listening.stop().await;
    assert!(TcpStream::connect(inspector.addr).is_err(), "the inspector goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_secrets_it_says_what_it_misses() {
    let (endpoint, _) = endpoint();
    let listener = Listener::builder("127.0.0.1:0", MemoryStore::new()).endpoint(endpoint);
    let listening = listener.inspect("127.0.0.1:0").start().await.unwrap();
    let (addr, inspector) = (listening.addr(), inspector(&listening));
    tokio::task::spawn_blocking(move || {
        let forged = Delivery { body: "{}".to_owned(), ..github(BODY) };
        assert_eq!(read_answer(forged.open(addr)).status, 401);
        for answer in [
            inspector.get("/api/deliveries/1/why"),
            inspector.replay(1, &json!({ "to": "receiver" })),
        ] {
            assert_eq!(answer.status, 409);
            assert!(answer.text().contains("ListenEndpoint::secrets"), "{}", answer.text());
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspector_that_others_reach_needs_a_token_here_too() {
    let start = |inspect: Inspect| {
        let listener = Listener::builder("127.0.0.1:0", MemoryStore::new()).endpoint(endpoint().0);
        listener.inspect(inspect).start()
    };
    let error = start(Inspect::at("0.0.0.0:0")).await.err().unwrap().to_string();
    assert!(error.contains("a token is needed"), "{error}");
    let error = start(Inspect::at("0.0.0.0:0").token("short")).await.err().unwrap().to_string();
    assert!(error.contains("fewer than 16"), "{error}");
    let listening = start(Inspect::at("0.0.0.0:0").token("long enough for a token")).await.unwrap();
    listening.stop().await;
}

/// So many requests on few connections, none of them signed.
fn flood(addr: std::net::SocketAddr, requests: usize, body: &str) {
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let request = head + body;
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let request = request.clone();
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(addr).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                let mut answer = [0; 4096];
                for _ in 0..requests / 4 {
                    // A connection may be closed after a refusal.
                    let asked = stream.write_all(request.as_bytes());
                    let read = asked.and_then(|()| stream.read(&mut answer)).unwrap_or(0);
                    if read == 0 {
                        stream = TcpStream::connect(addr).unwrap();
                        stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    }
                }
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_kept_within_bounds() {
    const MOST: usize = 8 * 1024 * 1024;
    let (endpoint, secret) = endpoint();
    let listening = Listener::builder("127.0.0.1:0", MemoryStore::new())
        .endpoint(ListenEndpoint::new(endpoint).secrets([secret]))
        .inspect(Inspect::at("127.0.0.1:0").keep(2000).keep_bytes(MOST))
        .start()
        .await
        .unwrap();
    let (addr, inspector) = (listening.addr(), inspector(&listening));
    tokio::task::spawn_blocking(move || {
        flood(addr, 6000, "{}");
        let kept = inspector.get("/api/info").json()["kept"].clone();
        assert_eq!(kept["deliveries"], 2000, "{kept}");
        flood(addr, 400, &"x".repeat(100_000));
        let kept = inspector.get("/api/info").json()["kept"].clone();
        let bytes = kept["bytes"].as_u64().unwrap();
        assert!(bytes <= MOST as u64, "{kept}");
        assert!(bytes > MOST as u64 / 2, "{kept}");
        // And what is genuine is accepted as before.
        assert_eq!(read_answer(github(BODY).open(addr)).status, 200);
        assert_eq!(inspector.rows()[0]["outcome"], "accepted");
    })
    .await
    .unwrap();
    listening.stop().await;
}
