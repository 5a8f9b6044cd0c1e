//! The stated ratios, each side measured in turns with the other. Not criterion: what counts is the
//! ratio within one run, whatever else the machine is doing.

use std::cell::RefCell;
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use countersign::{Endpoint, Provider, Secret, Signature};
use countersign_benches::event::Events;
use countersign_benches::headers::{HttpHeaders, with};
use countersign_benches::paired::measure;
use countersign_benches::sender::{HOSTWARES, PIORA, Sender};
use countersign_benches::service::{
    Client, SIGNATURE, app, endpoint, one_thread, oneshots, refusals, serve, two_workers,
};
use countersign_benches::verify::prove;
use countersign_benches::{BareMac, SECRET, actix};
use http::StatusCode;

const TURN: Duration = Duration::from_millis(20);

fn main() {
    // `cargo test` and `cargo bench -- NAME` both pass arguments.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(&**part));
    println!("{:<60} {:>12} {:>12}  ratio (quartiles)", "", "base", "ours");
    if run("prove") {
        for size in [256, 1024, 16 * 1024, 64 * 1024] {
            proof(size);
        }
        candidates();
        secrets();
    }
    // An event with an id, and one that is told apart by a digest of its body.
    for sender in [&HOSTWARES, &PIORA] {
        if run("sockets") {
            for size in [1024, 16 * 1024] {
                for sockets in [1, 16] {
                    socket("axum, 2 workers", serve(two_workers()), sockets, sender, size);
                    socket("axum, 1 thread", serve(one_thread()), sockets, sender, size);
                    socket("actix, 2 workers", actix::serve(2), sockets, sender, size);
                    socket("actix, 1 worker", actix::serve(1), sockets, sender, size);
                }
            }
        }
        if run("process") {
            for size in [1024, 16 * 1024] {
                in_process(sender, size);
            }
        }
    }
    if run("refusal") {
        refusal();
    }
}

fn proof(size: usize) {
    let (endpoint, bare) = (endpoint(), BareMac::new());
    let mut events = Events::of_size(size);
    let body = events.next_body();
    let headers = with(size, [(SIGNATURE, events.signature(&body))]);
    let base = |times| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(bare.of(black_box(&body)));
        }
        start.elapsed()
    };
    let ours = |times| {
        let bodies = vec![body.clone(); times as usize];
        let start = Instant::now();
        for body in bodies {
            assert!(prove(&endpoint, black_box(&headers), body));
        }
        start.elapsed()
    };
    let ratio = measure(TURN, base, ours);
    ratio.print(&format!("prove / bare MAC, {size} B"));
    let there = |times| {
        let start = Instant::now();
        for _ in 0..times {
            assert!(endpoint.verify(&HttpHeaders(black_box(&headers)), &body).is_ok());
        }
        start.elapsed()
    };
    let ratio = measure(TURN, base, there);
    ratio.print(&format!("verify / bare MAC, {size} B"));
}

fn listed(secrets: &[&str]) -> Endpoint {
    let signature = Signature::header(SIGNATURE).prefix("v1=").separator(',');
    let provider = Provider::builder("list").hmac_sha256(signature).build().expect("sound");
    let secrets = secrets.iter().map(|secret| Secret::new(*secret).expect("not empty"));
    Endpoint::builder("list", provider).secrets(secrets).build().expect("sound")
}

/// Proves forged deliveries; `candidates` signatures in each.
fn forged(endpoint: &Endpoint, size: usize, candidates: usize) -> impl FnMut(u64) -> Duration {
    let list: Vec<_> = (0..candidates).map(|number| format!("v1={number:064x}")).collect();
    let headers = with(size, [(SIGNATURE, list.join(","))]);
    let body = Events::of_size(size).next_body();
    move |times| {
        let start = Instant::now();
        for _ in 0..times {
            assert!(!prove(endpoint, black_box(&headers), body.clone()));
        }
        start.elapsed()
    }
}

fn candidates() {
    let endpoint = listed(&[SECRET]);
    let ratio = measure(TURN, forged(&endpoint, 1024, 1), forged(&endpoint, 1024, 100));
    ratio.print("100 forged candidates / 1, 1024 B");
}

fn secrets() {
    let (one, two) = (listed(&[SECRET]), listed(&[SECRET, "an older secret"]));
    for size in [256, 1024] {
        let ratio = measure(TURN, forged(&one, size, 1), forged(&two, size, 1));
        ratio.print(&format!("forged, two secrets / one, {size} B"));
    }
}

fn socket(
    name: &str,
    server: SocketAddr,
    connections: usize,
    sender: &'static Sender,
    size: usize,
) {
    let client = Client::connect(server, connections, Events::of(sender, size));
    let client = RefCell::new(client);
    let send = |path| {
        let client = &client;
        move |times| client.borrow_mut().send(path, times)
    };
    let ratio = measure(TURN, send(sender.by_hand), send(sender.layered));
    let sender = sender.name;
    ratio.print(&format!("layer / by hand, {sender}, {size} B, {connections:>2} sockets, {name}"));
}

fn in_process(sender: &'static Sender, size: usize) {
    let (runtime, app) = (one_thread(), app());
    let events = RefCell::new(Events::of(sender, size));
    let send = |path| {
        let (runtime, app, events) = (&runtime, &app, &events);
        move |times| runtime.block_on(oneshots(app, path, &mut events.borrow_mut(), times))
    };
    let ratio = measure(TURN, send(sender.by_hand), send(sender.layered));
    ratio.print(&format!("layer / by hand, {}, {size} B, in process", sender.name));
}

/// An unsigned request: a path that is not there, beside the layer.
fn refusal() {
    let (runtime, app) = (one_thread(), app());
    let send = |path, status| {
        let (runtime, app) = (&runtime, &app);
        move |times| runtime.block_on(refusals(app, path, status, times))
    };
    let bare = send("/elsewhere", StatusCode::NOT_FOUND);
    let ratio = measure(TURN, bare, send(PIORA.layered, StatusCode::UNAUTHORIZED));
    ratio.print("unsigned / 404, axum, in process");
}
