//! Handshakes, where HTTP adds nothing.

use bytes::Bytes;
use countersign::{
    ConfigError, Handshake, HeadParts, MemoryStore, Opened, Part, Provider, ProviderBuilder,
    Receiver, RejectionKind, Reply, Signature, Timestamp, catalogue,
};

use crate::support::{SECRET, build, deliver_signed, endpoint, plain, ready, secret, sign};

fn hmac(name: &str) -> ProviderBuilder {
    Provider::builder(name).hmac_sha256(Signature::header("X-Signature"))
}

fn with_mac() -> Handshake {
    Handshake::when_field("type", "check").echo_field_with_mac("token", "plain", "mac")
}

fn error(builder: ProviderBuilder) -> ConfigError {
    builder.build().unwrap_err()
}

#[test]
fn a_provider_that_would_sign_deliveries_does_not_build() {
    let v0 = || [Part::literal("v0:"), Part::Timestamp, Part::literal(":"), Part::Body];
    let timed = |builder: ProviderBuilder| builder.timestamp(Timestamp::header("X-Time"));
    assert!(timed(hmac("v0").signed_content(v0())).handshake(with_mac()).build().is_ok());
    // The body is whatever its sender likes.
    assert_eq!(error(hmac("body").handshake(with_mac())), ConfigError::HandshakeWouldSign);
    let time_first = [Part::Timestamp, Part::literal("."), Part::Body];
    let time_first = timed(hmac("time").signed_content(time_first)).handshake(with_mac());
    assert_eq!(error(time_first), ConfigError::HandshakeWouldSign);
    // There is no secret to make this MAC with.
    let other = Provider::builder("512").hmac_sha512(Signature::header("X-Signature"));
    let other = timed(other.signed_content(v0())).handshake(with_mac());
    assert_eq!(error(other), ConfigError::HandshakeWouldSign);
}

#[test]
fn what_leads_nowhere_does_not_build() {
    let path = Handshake::when_field("", 1).answer_nothing();
    assert!(matches!(error(hmac("x").handshake(path)), ConfigError::InvalidPath { .. }));
    let header = Handshake::when_header("no name", "1").answer_nothing();
    assert!(matches!(error(hmac("x").handshake(header)), ConfigError::InvalidHeaderName { .. }));
    let header = Handshake::echo_header_as_json("no name", "x");
    assert!(matches!(error(hmac("x").handshake(header)), ConfigError::InvalidHeaderName { .. }));
    let provider = plain();
    let endpoint = countersign::Endpoint::builder("plain", provider).secret(secret(SECRET));
    let error = endpoint.verify_token(secret("t")).build().unwrap_err();
    assert!(matches!(error, ConfigError::NoVerifyTokenAsked { .. }), "{error}");
}

#[test]
fn whoever_opens_by_hand_gets_a_handshake_as_a_delivery() {
    let provider = hmac("acme")
        .handshake(Handshake::when_field("type", "check").echo_field("challenge"))
        .build()
        .unwrap();
    let (endpoint, body) = (endpoint(&provider), r#"{"type":"check","challenge":"abc"}"#);
    assert_eq!(deliver_signed(&endpoint, body).unwrap().body(), body);

    let mut incoming = endpoint.begin(&sign(&provider, body)).unwrap();
    incoming.push(Bytes::from_static(body.as_bytes())).unwrap();
    let opened = incoming.prove().unwrap().open_or_answer().unwrap();
    let Opened::Handshake(reply) = opened else { panic!("{opened:?}") };
    assert_eq!((reply.status(), &*reply.body()), (200, &b"abc"[..]));
    assert_eq!(reply.handshake(), Some("echo_field"));
    assert_eq!(reply.rejection(), None);
}

#[test]
fn a_header_is_answered_as_json() {
    let provider = hmac("acme")
        .handshake(Handshake::echo_header_as_json("X-Challenge", "verification"))
        .build()
        .unwrap();
    let receiver = Receiver::new(endpoint(&provider), MemoryStore::new());
    let ask = |value: &str| -> Reply {
        let headers = [("X-Challenge", value)];
        receiver.begin(&HeadParts { method: "GET", target: "/", headers: &headers }).unwrap_err()
    };
    let reply = ask(r#"a"}b\"#);
    assert_eq!(reply.body(), r#"{"verification":"a\"}b\\"}"#);
    assert!(reply.headers().any(|header| header == ("content-type", "application/json".into())));
    let kind = |reply: Reply| reply.rejection().unwrap().kind();
    assert_eq!(kind(ask("two words")), RejectionKind::MethodNotAllowed);
}

#[test]
fn the_first_handshake_that_fits_answers() {
    let provider = hmac("acme")
        .handshake(Handshake::when_header("X-Kind", "a").answer_json("1"))
        .handshake(Handshake::when_field("kind", "b").echo_header("X-Echo"))
        .handshake(Handshake::when_field("kind", "b").without_field("not").answer_json("3"))
        .build()
        .unwrap();
    let endpoint = build(&provider, |endpoint| endpoint);
    let open = |header: (&str, &str), body: &'static str| {
        let mut headers = sign(&provider, body);
        headers.push((header.0.to_owned(), header.1.to_owned()));
        let mut incoming = endpoint.begin(&headers).unwrap();
        incoming.push(Bytes::from_static(body.as_bytes())).unwrap();
        match incoming.prove().unwrap().open_or_answer().unwrap() {
            Opened::Handshake(reply) => reply.body(),
            other => format!("{other:?}").split('(').next().unwrap().to_owned().into(),
        }
    };
    let b = r#"{"kind":"b"}"#;
    assert_eq!(open(("X-Kind", "a"), b), "1");
    assert_eq!(open(("X-Kind", "A"), b), "3");
    assert_eq!(open(("X-Echo", "e"), b), "e");
    assert_eq!(open(("X-Echo", "two words"), b), "3");
    assert_eq!(open(("X-Other", ""), r#"{"kind":"b","not":0}"#), "Delivery");
    assert_eq!(open(("X-Other", ""), r#"{"kind":true}"#), "Delivery");
}

#[test]
fn a_rejection_is_a_reply() {
    let receiver = Receiver::new(endpoint(&plain()), MemoryStore::new());
    let unsigned: [(&str, &str); 0] = [];
    let headers = |reply: &Reply| -> Vec<(&'static str, String)> {
        reply.headers().map(|(name, value)| (name, value.into_owned())).collect()
    };
    let reply = receiver.begin(&unsigned).unwrap_err();
    assert_eq!((reply.status(), &*reply.body()), (401, &br#"{"error":"signature_missing"}"#[..]));
    assert_eq!(headers(&reply), [("content-type", "application/json".to_owned())]);
    let head = HeadParts { method: "PUT", target: "/", headers: &unsigned };
    let reply = receiver.begin(&head).unwrap_err();
    let json = ("content-type", "application/json".to_owned());
    assert_eq!(headers(&reply), [json, ("allow", "POST".to_owned())]);
    assert!(reply.to_string().contains("method_not_allowed"));
    assert_eq!(reply.into_rejection().unwrap().kind(), RejectionKind::MethodNotAllowed);
}

#[test]
fn a_time_in_the_body_is_judged_before_a_handshake_is_answered() {
    let provider = hmac("acme")
        .timestamp(Timestamp::body("time"))
        .handshake(Handshake::when_field("type", "check").echo_field("challenge"))
        .build()
        .unwrap();
    let endpoint = build(&provider, |endpoint| endpoint);
    let receiver = Receiver::new(endpoint, MemoryStore::new());
    let ask = |time: u64| {
        let body = format!(r#"{{"type":"check","challenge":"abc","time":{time}}}"#);
        let arriving = receiver.begin(&sign(&provider, &body)).unwrap();
        let never = std::future::pending::<()>();
        ready(receiver.receive(arriving, Some(Bytes::from(body)), never)).unwrap_err()
    };
    assert_eq!(ask(crate::support::NOW).handshake(), Some("echo_field"));
    let stale = ask(crate::support::NOW - 400 * 24 * 3600);
    assert_eq!(stale.rejection().map(|rejection| rejection.kind()), Some(RejectionKind::Stale));
}

#[test]
fn x_has_no_handshake() {
    let x = catalogue::by_id("x").unwrap().provider();
    assert!(!x.has_unsigned_handshake());
    assert!(catalogue::by_id("meta").unwrap().provider().has_unsigned_handshake());
    let receiver = Receiver::new(endpoint(&x), MemoryStore::new());
    let headers: [(&str, &str); 0] = [];
    let head = HeadParts { method: "GET", target: "/?crc_token=abc", headers: &headers };
    let reply = receiver.begin(&head).unwrap_err();
    assert_eq!(reply.rejection().map(|it| it.kind()), Some(RejectionKind::MethodNotAllowed));
}

#[test]
fn a_verify_token_is_no_secret() {
    let meta = catalogue::by_id("meta").unwrap().provider();
    let build = |token: &str| {
        let builder = countersign::Endpoint::builder("meta", meta.clone());
        let secrets = ["the current one", "the older one"].map(secret);
        builder.secrets(secrets).verify_token(secret(token)).build().map(drop)
    };
    assert_eq!(build("another"), Ok(()));
    // A file's line end makes no other token of it.
    for token in ["the older one", "the older one\n"] {
        let error = build(token).unwrap_err();
        let endpoint = "meta".to_owned();
        assert_eq!(error, ConfigError::VerifyTokenIsSecret { endpoint, position: 2 });
        assert!(error.to_string().contains("secret 2") && !error.to_string().contains("older one"));
    }
}

/// The answer tells whoever asks what they have said, and the endpoint learns nothing.
#[test]
fn a_first_request_does_not_set_the_secret() {
    let asana = catalogue::by_id("asana").unwrap().provider();
    // It is a `POST`, which the routes of deliveries take.
    assert!(!asana.has_unsigned_handshake());
    let receiver = Receiver::new(endpoint(&asana), MemoryStore::new());
    let stranger = "a stranger's secret".replace(' ', "-");
    let reply = receiver.begin(&[("X-Hook-Secret", &*stranger)]).unwrap_err();
    assert_eq!((reply.status(), reply.handshake()), (200, Some("return_hook_secret")));
    let forged = countersign::testing::Signer::new(&asana, &secret(&stranger)).sign("{}");
    let refused = crate::support::deliver(&endpoint(&asana), &forged, "{}").unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::SignatureMismatch);
}
