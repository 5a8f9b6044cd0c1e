//! Handshakes that nobody signs: by `GET` and by `OPTIONS`.

use countersign::{Endpoint, Handshake, Outcome, Provider, Reason, Secret, Token, catalogue};
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
    asana_gets_its_hook_secret_back
    okta_gets_its_challenge_back
    xero_learns_who_verifies
    notion_gets_no_answer_that_loses_its_token
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

async fn asana_gets_its_hook_secret_back<A: Adapter>() {
    // The route of deliveries is enough: it is a `POST`.
    let bench = Bench::shaped::<A>(builder("asana"), Shape::Routes).await;
    let first = Request::post("asana", Vec::new(), "{}");
    let longest = "x".repeat(256);
    for secret in ["b537207f20cbfa02357cf448134da559", &longest] {
        let reply = first.clone().header("X-Hook-Secret", secret).send(bench.server).await;
        assert_eq!((reply.status, &*reply.body), (200, ""));
        assert_eq!(reply.header("x-hook-secret"), Some(secret));
    }
    bench.assert_untouched("asana");
    assert_eq!(
        bench.reports.all(),
        [(Outcome::Handshake, Some(Reason::Handshake("return_hook_secret"))); 2]
    );
    // What is not sent by Asana is refused as any unsigned delivery.
    for secret in ["", "two words", &"x".repeat(257)] {
        let reply = first.clone().header("X-Hook-Secret", secret).send(bench.server).await;
        reply.is_rejection(401, "signature_missing");
        assert_eq!(reply.header("x-hook-secret"), None);
    }
    let twice = first.clone().header("X-Hook-Secret", "a").header("X-Hook-Secret", "b");
    twice.send(bench.server).await.is_rejection(401, "signature_missing");
    // With a signature it is a delivery: it is judged, and handled if it is genuine.
    let forged = first.header("X-Hook-Secret", "a").header("X-Hook-Signature", "00".repeat(32));
    forged.send(bench.server).await.is_rejection(401, "signature_mismatch");
    bench.assert_untouched("asana");
    let genuine = signed("asana", "{}", &[("X-Hook-Secret", "a")]).send(bench.server).await;
    assert_eq!((genuine.status, bench.handler.runs()), (202, 1));
    assert_eq!(genuine.header("x-hook-secret"), None);
}

/// Okta's deliveries show a token in a header of the user's choice, so it is no row.
async fn okta_gets_its_challenge_back<A: Adapter>() {
    let okta = Provider::builder("okta")
        .shared_token(Token::header("Authorization"))
        .handshake(Handshake::echo_header_as_json("X-Okta-Verification-Challenge", "verification"))
        .build()
        .unwrap();
    let endpoint = Endpoint::builder("okta", okta).secret(Secret::new(SECRET).unwrap());
    let bench = Bench::new::<A>(endpoint).await;
    let ask = |challenge: &str| {
        let name = "X-Okta-Verification-Challenge";
        get("/okta").header(name, challenge)
    };
    let reply = ask("my_verification_challenge").send(bench.server).await;
    let body = r#"{"verification":"my_verification_challenge"}"#;
    assert_eq!((reply.status, &*reply.body), (200, body));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    ask("two words").send(bench.server).await.is_rejection(405, "method_not_allowed");
    bench.assert_untouched("okta");
}

/// Its intent to receive is a delivery like any other, with a right signature or a wrong one.
async fn xero_learns_who_verifies<A: Adapter>() {
    let bench = Bench::new::<A>(builder("xero")).await;
    let body =
        r#"{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4Nd0m"}"#;
    let mut wrong = signed("xero", body, &[]);
    assert_eq!(wrong.send(bench.server).await.status, 202);
    wrong.body.push(b' ');
    wrong.send(bench.server).await.is_rejection(401, "signature_mismatch");
    assert_eq!(bench.handler.runs(), 1);
}

/// A 2xx would say that somebody keeps the token.
async fn notion_gets_no_answer_that_loses_its_token<A: Adapter>() {
    let bench = Bench::new::<A>(builder("notion")).await;
    let first = r#"{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}"#;
    let reply = Request::post("notion", Vec::new(), first).send(bench.server).await;
    reply.is_rejection(401, "signature_missing");
    bench.assert_untouched("notion");
}
