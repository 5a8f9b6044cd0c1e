//! Handshakes that nobody signs: by `GET` and by `OPTIONS`.

use countersign::{Outcome, Reason, Secret, catalogue};
use tracing::level_filters::LevelFilter;

use super::{Bench, TEXT, builder, signed};
use crate::client::{Reply, Request};
use crate::fixtures::SECRET;
use crate::harness::{Adapter, Shape, on_every_adapter};
use crate::logs::Logs;

on_every_adapter! {
    an_unsigned_challenge_is_echoed_as_text
    other_requests_by_get_are_refused
    meta_shows_the_verify_token
    cloudevents_asks_with_options
    every_method_may_reach_the_middleware
    an_unsigned_handshake_is_not_worth_a_line
}

#[track_caller]
fn assert_text(reply: &Reply, text: &str) {
    assert_eq!((reply.status, &*reply.body), (200, text));
    assert_eq!(reply.header("content-type"), TEXT);
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
}

fn get(target: &str) -> Request {
    Request::post("", Vec::new(), "").method("GET").to(target)
}

async fn an_unsigned_challenge_is_echoed_as_text<A: Adapter>() {
    let bench = Bench::new::<A>(builder("dropbox")).await;
    let long = "x".repeat(256);
    for (sent, echoed) in [
        ("wUmsjQBAwYQ-6tXrdVnR", "wUmsjQBAwYQ-6tXrdVnR"),
        // A browser shows it as the text that it is.
        ("%3Cscript%3Ealert(1)%3C/script%3E", "<script>alert(1)</script>"),
        (&*long, &*long),
    ] {
        let reply = get(&format!("/dropbox?challenge={sent}")).send(bench.server).await;
        assert_text(&reply, echoed);
    }
    bench.assert_untouched("dropbox");
    assert_eq!(
        bench.reports.all(),
        [(Outcome::Handshake, Some(Reason::Handshake("echo_query"))); 3]
    );
    // No signature is taken for one.
    let post = Request::post("dropbox", Vec::new(), "{}").to("/dropbox?challenge=x");
    post.send(bench.server).await.is_rejection(401, "signature_missing");
}

async fn other_requests_by_get_are_refused<A: Adapter>() {
    for (id, target) in [
        ("dropbox", "/dropbox"),
        ("dropbox", "/dropbox?challenge="),
        ("dropbox", "/dropbox?challenge=two+words"),
        ("dropbox", "/dropbox?challenge=%0d%0ax"),
        ("dropbox", "/dropbox?challenge=%ff"),
        ("dropbox", "/dropbox?challenge=1&challenge=2"),
        ("dropbox", "/dropbox?Challenge=1"),
        ("slack", "/slack?challenge=1"),
        // It would sign what a stranger chooses.
        ("x", "/x?crc_token=1"),
        // No verify token is configured.
        ("meta", "/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x"),
    ] {
        if catalogue::by_id(id).is_none() {
            continue;
        }
        let bench = Bench::new::<A>(builder(id)).await;
        let reply = get(target).send(bench.server).await;
        reply.is_rejection(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some("POST"), "{target}");
        bench.assert_untouched(target);
    }
    let bench = Bench::new::<A>(builder("dropbox")).await;
    for method in ["PUT", "OPTIONS", "DELETE"] {
        let reply = get("/dropbox?challenge=1").method(method).send(bench.server).await;
        reply.is_rejection(405, "method_not_allowed");
    }
}

async fn meta_shows_the_verify_token<A: Adapter>() {
    let token = Secret::new("meaty ham&hock").unwrap();
    let bench = Bench::new::<A>(builder("meta").verify_token(token)).await;
    let ask = |mode: &str, token: &str| {
        get(&format!("/meta?hub.mode={mode}&hub.challenge=1158201444&hub.verify_token={token}"))
    };
    for token in ["meaty+ham%26hock", "meaty%20ham%26hock"] {
        assert_text(&ask("subscribe", token).send(bench.server).await, "1158201444");
    }
    for token in ["", "meaty", "meaty+ham%26hock1", &"x".repeat(1000), SECRET] {
        let reply = ask("subscribe", token).send(bench.server).await;
        reply.is_rejection(403, "verify_token_mismatch");
    }
    for request in [
        ask("unsubscribe", "meaty+ham%26hock"),
        get("/meta?hub.mode=subscribe&hub.challenge=1"),
        get("/meta?hub.mode=subscribe&hub.verify_token=meaty+ham%26hock"),
    ] {
        request.send(bench.server).await.is_rejection(405, "method_not_allowed");
    }
    bench.assert_untouched("meta");
}

async fn cloudevents_asks_with_options<A: Adapter>() {
    let bench = Bench::new::<A>(builder("cloudevents")).await;
    let options = get("/cloudevents").method("OPTIONS");
    let asks = options.clone().header("WebHook-Request-Origin", "eventemitter.example.com");
    let reply = asks.clone().send(bench.server).await;
    assert_eq!((reply.status, &*reply.body), (200, ""));
    assert_eq!(reply.header("webhook-allowed-origin"), Some("eventemitter.example.com"));
    assert_eq!(reply.header("webhook-allowed-rate"), Some("*"));
    assert_eq!(reply.header("allow"), Some("POST"));
    let refused = [
        options.clone(),
        options.header("WebHook-Request-Origin", "two words"),
        asks.clone().header("WebHook-Request-Origin", "another.example.com"),
        asks.method("GET"),
    ];
    for request in refused {
        request.send(bench.server).await.is_rejection(405, "method_not_allowed");
    }
    bench.assert_untouched("cloudevents");
}

/// With a handler for every method, as `any` makes it, the middleware still keeps all but `POST` from
/// it.
async fn every_method_may_reach_the_middleware<A: Adapter>() {
    let bench = Bench::shaped::<A>(builder("dropbox"), Shape::AllMethods).await;
    assert_text(&get("/dropbox?challenge=abc").send(bench.server).await, "abc");
    get("/dropbox").send(bench.server).await.is_rejection(405, "method_not_allowed");
    bench.assert_untouched("dropbox");
    assert_eq!(signed("dropbox", "{}", &[]).send(bench.server).await.status, 202);
}

/// Anybody can have one answered.
async fn an_unsigned_handshake_is_not_worth_a_line<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::INFO);
    let bench = Bench::new::<A>(builder("dropbox")).await;
    get("/dropbox?challenge=abc").send(bench.server).await;
    assert_eq!(logs.text(), "");
    bench.assert_untouched("dropbox");
}
