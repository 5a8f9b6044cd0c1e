//! Handshakes: the middleware answers them itself, without a store and without a handler.

mod unsigned;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::testing::Signer;
use countersign::{Endpoint, EndpointBuilder, Outcome, Reason, Secret, catalogue};
use tracing::level_filters::LevelFilter;

use crate::client::{Request, Server};
use crate::fixtures::SECRET;
use crate::harness::{Adapter, App, Handler, Reports, Shape, on_every_adapter};
use crate::logs::Logs;
use crate::stores::Switchable;

on_every_adapter! {
    a_signed_handshake_is_answered
    a_forged_handshake_gets_no_challenge
    a_stale_handshake_gets_no_challenge
    an_event_still_goes_to_the_handler
    what_is_no_whole_handshake_goes_to_the_handler
    a_challenge_that_no_provider_sends_is_refused
    zoom_gets_no_signature_of_a_delivery
    an_older_secret_answers_its_own_handshake
    a_proven_handshake_is_traced
}

/// RFC 8032, section 7.1, test 1.
const PRIVATE: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// A signed handshake: the provider, its body and further headers, and the answer.
struct Case {
    id: &'static str,
    body: &'static str,
    headers: &'static [(&'static str, &'static str)],
    status: u16,
    content_type: Option<&'static str>,
    answer: &'static str,
    code: &'static str,
}

const TEXT: Option<&str> = Some("text/plain");
const JSON: Option<&str> = Some("application/json");

const SIGNED: [Case; 6] = [
    Case {
        id: "slack",
        body: r#"{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY","type":"url_verification"}"#,
        headers: &[],
        status: 200,
        content_type: TEXT,
        answer: "3eZbrw1aBm2rZgRNFdxV2595E9CY",
        code: "echo_field",
    },
    Case {
        id: "twitch",
        body: r#"{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"type":"x"}}"#,
        headers: &[("Twitch-Eventsub-Message-Type", "webhook_callback_verification")],
        status: 200,
        content_type: TEXT,
        answer: "pogchamp-kappa-360noscope-vohiyo",
        code: "echo_field",
    },
    Case {
        id: "front",
        body: r#"{"type":"sync"}"#,
        headers: &[("X-Front-Challenge", "k1ngDBW8Z8HmxVZs")],
        status: 200,
        content_type: TEXT,
        answer: "k1ngDBW8Z8HmxVZs",
        code: "echo_header",
    },
    Case {
        id: "discord",
        body: r#"{"type":1,"id":"1","application_id":"2","version":1}"#,
        headers: &[],
        status: 200,
        content_type: JSON,
        answer: r#"{"type":1}"#,
        code: "fixed_answer",
    },
    Case {
        id: "discord-events",
        body: r#"{"version":1,"application_id":"2","type":0}"#,
        headers: &[],
        status: 204,
        content_type: None,
        answer: "",
        code: "fixed_answer",
    },
    Case {
        id: "zoom",
        body: r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1,"event":"endpoint.url_validation"}"#,
        headers: &[],
        status: 200,
        content_type: JSON,
        // printf qgg8vlvZRS6UYooatFL8Aw | openssl dgst -sha256 -hmac correct-horse:battery-staple
        answer: r#"{"encryptedToken":"3752f84cb3eff220db3386b39b4e9abaa220891c06d129d3c555cc2571cd1579","plainToken":"qgg8vlvZRS6UYooatFL8Aw"}"#,
        code: "echo_field_with_mac",
    },
];

fn builder(id: &str) -> EndpointBuilder {
    let provider = catalogue::by_id(id).unwrap().provider();
    let secret = if id.starts_with("discord") { PUBLIC } else { SECRET };
    Endpoint::builder(id, provider).secret(Secret::new(secret).unwrap())
}

/// The provider's request with this body, signed at `time`.
fn signed_at(id: &str, body: &str, headers: &[(&str, &str)], time: SystemTime) -> Request {
    let provider = catalogue::by_id(id).unwrap().provider();
    let secret = Secret::new(if id.starts_with("discord") { PRIVATE } else { SECRET }).unwrap();
    let signed = Signer::new(&provider, &secret).at(time).sign(body);
    let request = Request::post(id, signed, body);
    headers.iter().fold(request, |request, (name, value)| request.header(name, *value))
}

fn signed(id: &str, body: &str, headers: &[(&str, &str)]) -> Request {
    signed_at(id, body, headers, SystemTime::now())
}

impl Case {
    fn request_at(&self, time: SystemTime) -> Request {
        signed_at(self.id, self.body, self.headers, time)
    }

    fn request(&self) -> Request {
        self.request_at(SystemTime::now())
    }
}

/// An application whose handler answers 202, and what may be asked of it afterwards.
struct Bench {
    server: Server,
    handler: Handler,
    store: Switchable,
    reports: Reports,
}

impl Bench {
    async fn shaped<A: Adapter>(endpoint: EndpointBuilder, shape: Shape) -> Self {
        let (handler, store) = (Handler::answering(202), Switchable::default());
        let app = App::new([endpoint.build().unwrap()], &handler).shape(shape);
        let reports = app.reports.clone();
        let server = A::serve(app.store(Arc::new(store.clone()))).await;
        Self { server, handler, store, reports }
    }

    async fn new<A: Adapter>(endpoint: EndpointBuilder) -> Self {
        Self::shaped::<A>(endpoint, Shape::WithHandshakes).await
    }

    /// Nobody but the middleware has worked.
    fn assert_untouched(&self, what: &str) {
        assert_eq!((self.store.calls(), self.handler.runs()), (0, 0), "{what}");
    }
}

async fn a_signed_handshake_is_answered<A: Adapter>() {
    for case in SIGNED {
        let bench = Bench::new::<A>(builder(case.id)).await;
        // As often as the provider likes.
        for _ in 0..2 {
            let reply = case.request().send(bench.server).await;
            assert_eq!((reply.status, &*reply.body), (case.status, case.answer), "{}", case.id);
            assert_eq!(reply.header("content-type"), case.content_type, "{}", case.id);
        }
        bench.assert_untouched(case.id);
        assert_eq!(
            bench.reports.all(),
            [(Outcome::Handshake, Some(Reason::Handshake(case.code))); 2]
        );
    }
}

async fn a_forged_handshake_gets_no_challenge<A: Adapter>() {
    for case in SIGNED {
        let bench = Bench::new::<A>(builder(case.id)).await;
        let mut forged = case.request();
        forged.body.push(b' ');
        forged.send(bench.server).await.is_rejection(401, "signature_mismatch");
        let unsigned = Request::post(case.id, Vec::new(), case.body);
        unsigned.send(bench.server).await.is_rejection(401, "signature_missing");
        bench.assert_untouched(case.id);
    }
}

async fn a_stale_handshake_gets_no_challenge<A: Adapter>() {
    for case in SIGNED {
        let bench = Bench::new::<A>(builder(case.id)).await;
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        let reply = case.request_at(hour_ago).send(bench.server).await;
        reply.is_rejection(401, "timestamp_stale");
        bench.assert_untouched(case.id);
    }
}

async fn an_event_still_goes_to_the_handler<A: Adapter>() {
    for (id, body) in [
        ("slack", r#"{"type":"event_callback","event_id":"Ev1","challenge":"x"}"#),
        ("twitch", r#"{"subscription":{"type":"channel.follow"},"event":{}}"#),
        ("front", r#"{"type":"inbound"}"#),
        ("discord", r#"{"type":2,"id":"1"}"#),
        ("discord-events", r#"{"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}"#),
        ("zoom", r#"{"event":"meeting.started","payload":{"plainToken":"x"}}"#),
    ] {
        let bench = Bench::new::<A>(builder(id)).await;
        let event = signed(id, body, &[("X-Front-Challenge", "x")]);
        assert_eq!(event.send(bench.server).await.status, 202, "{id}");
        assert_eq!(bench.handler.seen().remove(0).0.body(), body);
    }
}

/// So that no event is acknowledged that nobody has seen.
async fn what_is_no_whole_handshake_goes_to_the_handler<A: Adapter>() {
    let twitch = &[("Twitch-Eventsub-Message-Type", "webhook_callback_verification")][..];
    for (id, body, headers) in [
        ("slack", r#"{"type":"url_verification"}"#, &[][..]),
        ("slack", r#"{"type":"url_verification","challenge":7}"#, &[]),
        ("twitch", r#"{"event":{},"subscription":{"type":"channel.follow"}}"#, twitch),
        ("front", r#"{"type":"sync"}"#, &[]),
        // Sent to the address of the other preset.
        ("discord", r#"{"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}"#, &[]),
        ("discord", r#"{"type":"1"}"#, &[]),
        ("zoom", r#"{"event":"endpoint.url_validation","payload":{}}"#, &[]),
    ] {
        let bench = Bench::new::<A>(builder(id)).await;
        let request = signed(id, body, headers);
        assert_eq!(request.send(bench.server).await.status, 202, "{body}");
        assert_eq!(bench.handler.runs(), 1, "{body}");
    }
}

async fn a_challenge_that_no_provider_sends_is_refused<A: Adapter>() {
    for challenge in ["", "two words", "caf\u{e9}", r"line\nbreak", &"x".repeat(257)] {
        let bench = Bench::new::<A>(builder("slack")).await;
        let body = format!(r#"{{"type":"url_verification","challenge":"{challenge}"}}"#);
        let reply = signed("slack", &body, &[]).send(bench.server).await;
        reply.is_rejection(400, "body_malformed");
        bench.assert_untouched(challenge);
    }
}

async fn zoom_gets_no_signature_of_a_delivery<A: Adapter>() {
    let bench = Bench::new::<A>(builder("zoom")).await;
    for token in ["v0:", r#"v0:1779546600:{\"event\":\"x\"}"#, &"x".repeat(257)] {
        let body = format!(
            r#"{{"event":"endpoint.url_validation","payload":{{"plainToken":"{token}"}}}}"#
        );
        let reply = signed("zoom", &body, &[]).send(bench.server).await;
        reply.is_rejection(400, "body_malformed");
    }
    bench.assert_untouched("zoom");
}

async fn an_older_secret_answers_its_own_handshake<A: Adapter>() {
    let [.., zoom] = SIGNED;
    let provider = catalogue::by_id("zoom").unwrap().provider();
    let endpoint = Endpoint::builder("zoom", provider)
        .secrets([Secret::new("the current one").unwrap(), Secret::new(SECRET).unwrap()]);
    let bench = Bench::new::<A>(endpoint).await;
    assert_eq!(zoom.request().send(bench.server).await.body, zoom.answer);
}

async fn a_proven_handshake_is_traced<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::INFO);
    let [slack, ..] = SIGNED;
    let bench = Bench::new::<A>(builder("slack")).await;
    slack.request().send(bench.server).await;
    let log = logs.text();
    for fact in ["INFO", "webhook handshake answered", "outcome=\"handshake\"", "echo_field"] {
        assert!(log.contains(fact), "{fact} is not in {log}");
    }
}
