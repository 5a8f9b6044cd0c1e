//! The listener in the process of a test suite.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use countersign::providers::piora;
use countersign::{Endpoint, MemoryStore, Secret};
use countersign_cli::{Listener, Listening, ProgramAnswer, Record, Verdict};
use tokio::runtime::Runtime;

use crate::program::{PATIENCE, SECRET};
use crate::sender::{self, connect, hang_up, read_answer};
use crate::target::Target;

fn endpoint(name: &str) -> Endpoint {
    let secret = Secret::new(SECRET).unwrap();
    Endpoint::builder(name, piora::provider()).secret(secret).build().unwrap()
}

fn listener() -> Listener {
    Listener::builder("127.0.0.1:0", MemoryStore::new())
}

/// A running one, with its runtime and what it told.
struct Running {
    runtime: Runtime,
    listening: Option<Listening>,
    records: Receiver<Arc<Record>>,
}

impl Running {
    fn start(listener: Listener) -> Self {
        let runtime = Runtime::new().unwrap();
        let (sender, records) = channel();
        let listener = listener.on_record(move |record| drop(sender.send(Arc::clone(record))));
        let listening = runtime.block_on(listener.start()).unwrap();
        Self { runtime, listening: Some(listening), records }
    }

    fn send(&self, delivery: &sender::Delivery) -> u16 {
        read_answer(delivery.open(self.listening.as_ref().unwrap().addr())).status
    }

    fn record(&self) -> Arc<Record> {
        self.records.recv_timeout(PATIENCE).expect("nothing was told")
    }
}

#[test]
fn what_is_told_of_a_delivery_grows_with_what_is_known() {
    let running = Running::start(listener().endpoint(endpoint("piora")).handler(async |_| 202));
    let genuine = sender::piora("one").header("x-own", "kept");
    assert_eq!(running.send(&genuine), 202);
    let working = running.record();
    assert_eq!((working.verdict, working.status), (Verdict::Working, None));
    let ended = running.record();
    assert_eq!((ended.verdict, ended.status), (Verdict::Accepted, Some(202)));
    assert_eq!(ended.number, 1);
    assert_eq!(ended.body, genuine.body);
    assert!(ended.body_is_complete);
    assert_eq!(ended.headers["x-own"], "kept");
    let facts = ended.facts.as_ref().unwrap();
    assert_eq!(facts.event.as_deref(), Some("server.alert"));

    assert_eq!(running.send(&genuine), 200);
    let again = running.record();
    assert_eq!((again.number, again.verdict), (2, Verdict::Duplicate));
    assert_eq!(again.facts.as_ref().unwrap().key, facts.key);
}

#[test]
fn the_body_of_what_was_refused_unread_is_known_too() {
    let running = Running::start(listener().endpoint(endpoint("piora")));
    let mut unsigned = sender::piora("one");
    unsigned.headers.clear();
    assert_eq!(running.send(&unsigned), 401);
    let mut refused = running.record();
    assert_eq!(refused.reason, Some("signature_missing"));
    if !refused.body_is_complete {
        refused = running.record();
    }
    assert!(refused.body_is_complete);
    assert_eq!(refused.body, unsigned.body);

    // One that never sends the rest is answered all the same.
    let addr = running.listening.as_ref().unwrap().addr();
    assert_eq!(read_answer(unsigned.open_head(addr, 1000)).status, 401);
    let refused = running.record();
    assert_eq!((refused.reason, refused.body_is_complete), (Some("signature_missing"), false));
}

#[test]
fn an_endpoint_has_the_path_that_it_is_given() {
    let running = Running::start(
        listener().endpoint(endpoint("one")).endpoint_at("/elsewhere/two", endpoint("two")),
    );
    let listening = running.listening.as_ref().unwrap();
    let at = |path: &str| Some(format!("http://{}{path}", listening.addr()));
    assert_eq!(listening.url("one"), at("/webhooks/one"));
    assert_eq!(listening.url("two"), at("/elsewhere/two"));
    assert_eq!(listening.url("three"), None);
    // The same bytes are an event of each.
    let mut delivery = sender::piora("one");
    for (path, name) in [("/webhooks/one", "one"), ("/elsewhere/two", "two")] {
        path.clone_into(&mut delivery.path);
        assert_eq!(running.send(&delivery), 200);
        assert_eq!(running.record().verdict, Verdict::Working);
        assert_eq!(running.record().endpoint.as_deref(), Some(name));
    }
    "/webhooks/three".clone_into(&mut delivery.path);
    assert_eq!(running.send(&delivery), 404);
    let missed = running.record();
    assert_eq!((missed.verdict, missed.endpoint.as_deref()), (Verdict::NotFound, None));
}

#[test]
fn what_cannot_be_started_says_why() {
    for (listener, why) in [
        (
            listener().endpoint(endpoint("one")).endpoint(endpoint("one")),
            "two endpoints are named one: give one another name",
        ),
        (
            listener().endpoint(endpoint("one")).endpoint_at("/webhooks/one", endpoint("two")),
            "the endpoints one and two have the same path /webhooks/one: give one another path",
        ),
        (
            listener().endpoint_at("webhooks", endpoint("one")),
            "the path of the endpoint one is `webhooks`; give one such as /webhooks/one",
        ),
        (
            listener().forward_to("ftp://127.0.0.1/"),
            "--forward-to takes a URL such as http://127.0.0.1:3000/webhooks; `ftp` is neither http nor \
             https",
        ),
    ] {
        let runtime = Runtime::new().unwrap();
        let error = runtime.block_on(listener.start()).unwrap_err();
        assert_eq!(error.to_string(), why);
    }
}

#[test]
fn a_program_s_answer_is_in_the_record() {
    let target = Target::new(|_| "418 Teapot");
    let running = Running::start(listener().endpoint(endpoint("piora")).forward_to(&target.url));
    assert_eq!(running.send(&sender::piora("one")), 418);
    let mut ended = running.record();
    // The answer's body may be there before the status is settled.
    while ended.verdict == Verdict::Working {
        ended = running.record();
    }
    assert_eq!(ended.verdict, Verdict::Failed);
    let forwarded = ended.forwarded.as_ref().unwrap();
    assert!(
        matches!(forwarded.answer, ProgramAnswer::Answered { status: 418, .. }),
        "{forwarded:?}"
    );
    assert_eq!(ended.says, Some(format!("Your program at {} answered 418.", target.url)));
}

#[test]
fn stopping_waits_for_a_handler_whose_sender_hung_up() {
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let gate = std::sync::Mutex::new(Some(gate));
    let mut running = Running::start(listener().endpoint(endpoint("piora")).handler(move |_| {
        let gate = gate.lock().unwrap().take();
        async move {
            if let Some(gate) = gate {
                let _ = gate.await;
            }
            200
        }
    }));
    let listening = running.listening.take().unwrap();
    let sender = sender::piora("one").open(listening.addr());
    assert_eq!(running.record().verdict, Verdict::Working);
    hang_up(sender);
    let addr = listening.addr();
    let stopping = running.runtime.spawn(listening.stop());
    // Nothing more is accepted.
    while std::net::TcpStream::connect(addr).is_ok() {
        std::thread::yield_now();
    }
    assert!(!stopping.is_finished());
    open.send(()).unwrap();
    running.runtime.block_on(stopping).unwrap();
    assert_eq!(running.record().verdict, Verdict::Accepted);
}

#[test]
fn a_listener_that_is_dropped_accepts_nothing_more() {
    let mut running = Running::start(listener().endpoint(endpoint("piora")));
    let listening = running.listening.take().unwrap();
    let addr = listening.addr();
    drop(connect(addr, ""));
    drop(listening);
    while std::net::TcpStream::connect(addr).is_ok() {
        std::thread::yield_now();
    }
}
