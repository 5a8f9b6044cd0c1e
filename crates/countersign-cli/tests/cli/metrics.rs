//! `--metrics`: what Prometheus fetches.

use std::io::Read as _;
use std::net::SocketAddr;

use countersign::providers::piora;
use countersign::{Endpoint, MemoryStore, Secret};
use countersign_cli::Listener;
use tokio::runtime::Runtime;

use crate::config::Folder;
use crate::program::{Program, SECRET};
use crate::sender::{self, connect, read_answer};

/// Fetches a path there, with this method.
fn ask(addr: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    connect(addr, &request).read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn fetch(addr: SocketAddr) -> String {
    let (status, text) = ask(addr, "GET", "/metrics");
    assert_eq!(status, 200);
    text
}

/// The value of a series.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().expect("a number")
}

#[test]
fn the_program_shows_what_it_does_and_what_it_is() {
    let program = Program::listen(&["--provider", "piora=env:SECRET", "--metrics", "127.0.0.1:0"]);
    program.wait_for_log("metrics on http://");
    let log = program.stderr();
    let (_, said) = log.split_once("metrics on http://").unwrap();
    let addr: SocketAddr = said.split_once("/metrics").unwrap().0.parse().unwrap();

    let deliveries = |outcome: &str, reason: &str| {
        format!(
            r#"countersign_deliveries_total{{endpoint="piora",outcome="{outcome}",reason="{reason}"}}"#
        )
    };
    let last = r#"countersign_last_genuine_delivery_timestamp_seconds{endpoint="piora"}"#;
    let before = fetch(addr);
    // The zero is there before something happens, so that the first increase is seen.
    assert_eq!(value(&before, &deliveries("rejected", "signature_mismatch")), 0.0);
    assert_eq!(value(&before, last), 0.0);

    let genuine = sender::piora("one");
    assert_eq!(genuine.send(&program).status, 200);
    let forged = sender::Delivery::signed("piora", &piora::provider(), "a guess", &genuine.body);
    assert_eq!(forged.send(&program).status, 401);
    let after = fetch(addr);
    assert_eq!(value(&after, &deliveries("accepted", "none")), 1.0);
    assert_eq!(value(&after, &deliveries("rejected", "signature_mismatch")), 1.0);
    assert!(value(&after, last) > 1_700_000_000.0);
    assert_eq!(value(&after, "countersign_memory_store_keys"), 1.0);
    let claims = r#"countersign_store_duration_seconds_count{store="memory",operation="claim"}"#;
    assert_eq!(value(&after, claims), 1.0);
    let handled = r#"countersign_handler_duration_seconds_bucket{endpoint="piora",le="+Inf"}"#;
    assert_eq!(value(&after, handled), 1.0);
    let version = concat!(r#"countersign_build_info{version=""#, env!("CARGO_PKG_VERSION"), "\"}");
    assert_eq!(value(&after, version), 1.0);
    if cfg!(target_os = "linux") {
        assert!(value(&after, "process_resident_memory_bytes") > 1e6);
        assert!(value(&after, "process_open_fds") > 3.0);
    }
    assert!(!after.contains(SECRET));

    assert_eq!(ask(addr, "GET", "/").0, 404);
    assert_eq!(ask(addr, "POST", "/metrics").0, 405);
    // They have an address of their own: senders do not reach them.
    assert_eq!(ask(program.addr, "GET", "/metrics").0, 404);
}

#[test]
fn the_file_of_config_may_ask_for_them() {
    let folder = Folder::with(
        "metrics = '127.0.0.1:0'\n[[endpoint]]\nid = 'piora'\nprovider = 'piora'\n\
         secrets = 'env:SECRET'\n",
    );
    let program = folder.listen(&[]);
    program.wait_for_log("metrics on http://");
}

#[test]
fn an_address_that_is_taken_is_said_at_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let mut command = crate::program::command(&[
        "listen",
        "--addr",
        "127.0.0.1:0",
        "--provider",
        "piora=env:SECRET",
        "--metrics",
        &addr,
    ]);
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("metrics: cannot listen on {addr}")), "{said}");
}

/// Fetches that never end take their own places, and none of the deliveries'.
#[test]
fn slow_fetches_hold_up_no_delivery() {
    let program = Program::listen(&["--provider", "piora=env:SECRET", "--metrics", "127.0.0.1:0"]);
    program.wait_for_log("metrics on http://");
    let log = program.stderr();
    let (_, said) = log.split_once("metrics on http://").unwrap();
    let addr: SocketAddr = said.split_once("/metrics").unwrap().0.parse().unwrap();
    let slow: Vec<_> = (0..100).map(|_| connect(addr, "GET /metrics HTTP/1.1\r\nx: ")).collect();
    assert_eq!(sender::piora("one").send(&program).status, 200);
    // The slowest has to make room.
    assert_eq!(value(&fetch(addr), "countersign_memory_store_keys"), 1.0);
    drop(slow);
}

#[test]
fn each_listener_of_a_process_has_its_own() {
    let runtime = Runtime::new().unwrap();
    let start = |name: &str| {
        let secret = Secret::new(SECRET).unwrap();
        let endpoint = Endpoint::builder(name, piora::provider()).secret(secret).build().unwrap();
        let listener = Listener::builder("127.0.0.1:0", MemoryStore::new()).endpoint(endpoint);
        runtime.block_on(listener.metrics("127.0.0.1:0").start()).unwrap()
    };
    let (first, second) = (start("piora"), start("piora"));
    let fetch = |url: Option<String>| {
        let url = url.unwrap();
        let addr = url.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
        fetch(addr.parse().unwrap())
    };
    assert_eq!(read_answer(sender::piora("one").open(first.addr())).status, 200);
    let accepted =
        r#"countersign_deliveries_total{endpoint="piora",outcome="accepted",reason="none"}"#;
    assert_eq!(value(&fetch(first.metrics_url()), accepted), 1.0);
    assert_eq!(value(&fetch(second.metrics_url()), accepted), 0.0);
    runtime.block_on(async {
        first.stop().await;
        second.stop().await;
    });
}
