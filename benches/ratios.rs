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
use countersign_benches::service::{
    BY_HAND, Client, LAYERED, SIGNATURE, app, endpoint, one_thread, oneshots, serve, two_workers,
};
use countersign_benches::verify::prove;
use countersign_benches::{BareMac, SECRET, actix};

const TURN: Duration = Duration::from_millis(20);

fn main() {
    // `cargo test` and `cargo bench -- NAME` both pass arguments.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(&**part));
    println!("{:<52} {:>12} {:>12}  ratio (quartiles)", "", "base", "ours");
    if run("prove") {
        for size in [256, 1024, 16 * 1024, 64 * 1024] {
            proof(size);
        }
        candidates();
        secrets();
    }
    if run("sockets") {
        for size in [1024, 16 * 1024] {
            for sockets in [1, 16] {
                socket("axum, 2 workers", serve(two_workers()), sockets, size);
                socket("axum, 1 thread", serve(one_thread()), sockets, size);
                socket("actix, 2 workers", actix::serve(2), sockets, size);
                socket("actix, 1 worker", actix::serve(1), sockets, size);
            }
        }
    }
    if run("process") {
        for size in [1024, 16 * 1024] {
            in_process(size);
        }
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

fn socket(name: &str, server: SocketAddr, connections: usize, size: usize) {
    let client = RefCell::new(Client::connect(server, connections, size));
    let send = |path| {
        let client = &client;
        move |times| client.borrow_mut().send(path, times)
    };
    let ratio = measure(TURN, send(BY_HAND), send(LAYERED));
    ratio.print(&format!("layer / by hand, {size} B, {connections:>2} sockets, {name}"));
}

fn in_process(size: usize) {
    let (runtime, app, events) = (one_thread(), app(), RefCell::new(Events::of_size(size)));
    let send = |path| {
        let (runtime, app, events) = (&runtime, &app, &events);
        move |times| runtime.block_on(oneshots(app, path, &mut events.borrow_mut(), times))
    };
    let ratio = measure(TURN, send(BY_HAND), send(LAYERED));
    ratio.print(&format!("layer / by hand, {size} B, in process"));
}
