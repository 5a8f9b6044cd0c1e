//! P1: no handler runs for a delivery whose proof fails.

use std::time::SystemTime;

use crate::fixtures::{self, SECRET};
use crate::harness::{Adapter, App, Handler, on_every_adapter};

on_every_adapter! {
    genuine_is_handed_over_whole
    unsigned_is_refused
    forged_is_refused
    a_changed_body_is_refused
    a_proof_of_another_form_is_refused
    a_repeated_proof_is_refused
    bytes_that_are_no_text_are_refused
    an_older_secret_is_accepted_and_named
    nothing_is_parsed_before_proof
    a_proven_body_of_another_kind_is_refused
    an_unknown_event_type_is_handed_over
}

async fn genuine_is_handed_over_whole<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(202);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = fixture.delivery(1);
        assert_eq!(request.send(server).await.status, 202, "{}", fixture.name);
        let (delivery, body) = handler.seen().remove(0);
        assert_eq!(body, request.body, "the body is still there for other extractors");
        assert_eq!(delivery.body(), &request.body);
        assert_eq!(delivery.endpoint(), fixture.name);
        assert_eq!(delivery.provider(), fixture.provider.name());
        assert!(delivery.event_type().is_some());
        assert_eq!(delivery.secret_index(), 0);
    }
}

async fn unsigned_is_refused<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let reply = fixture.delivery(1).without(fixture.proof_header).send(server).await;
        let code = if fixture.signs_the_body() { "signature_missing" } else { "token_missing" };
        reply.is_rejection(401, code);
        assert_eq!(handler.runs(), 0);
    }
}

async fn forged_is_refused<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let forged =
            fixture.delivery(1).with_value(fixture.proof_header, |_| fixture.forged.into());
        let code = if fixture.signs_the_body() { "signature_mismatch" } else { "token_mismatch" };
        forged.send(server).await.is_rejection(401, code);
        assert_eq!(handler.runs(), 0);
    }
}

async fn a_changed_body_is_refused<A: Adapter>() {
    for fixture in fixtures::all().into_iter().filter(fixtures::Fixture::signs_the_body) {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let mut request = fixture.delivery(1);
        let last = request.body.len() - 1;
        for at in [0, last / 2, last] {
            request.body[at] ^= 1;
            request.send(server).await.is_rejection(401, "signature_mismatch");
            request.body[at] ^= 1;
        }
        request.body.push(b' ');
        request.send(server).await.is_rejection(401, "signature_mismatch");
        assert_eq!(handler.runs(), 0);
    }
}

async fn a_proof_of_another_form_is_refused<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let genuine = fixture.delivery(1);
    let changes: [fn(String) -> String; 9] = [
        |_| String::new(),
        |proof| proof.replace("sha256=", ""),
        |proof| proof.replace("sha256=", "sha1="),
        |proof| proof.replace("sha256=", "SHA256="),
        |proof| proof[..proof.len() - 1].to_owned(),
        |proof| format!("{proof}0"),
        |proof| format!("{},{proof}", fixtures::piora().forged),
        |proof| format!("sha256=+f{}", &proof[9..]),
        |proof| proof.replace("sha256=", "sha256= "),
    ];
    for change in changes {
        let malformed = genuine.clone().with_value(fixture.proof_header, |proof| {
            change(String::from_utf8(proof).unwrap()).into_bytes()
        });
        malformed.send(server).await.is_rejection(401, "signature_malformed");
    }
    assert_eq!(handler.runs(), 0);
    assert_eq!(genuine.send(server).await.status, 200, "the unchanged one is good");
}

async fn a_repeated_proof_is_refused<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let genuine = fixture.delivery(1);
        let code = if fixture.signs_the_body() { "signature_repeated" } else { "token_repeated" };
        let twice = genuine.clone().header(fixture.proof_header, fixture.forged);
        twice.send(server).await.is_rejection(401, code);
        let proof = genuine.headers.iter().find(|(name, _)| name == fixture.proof_header).unwrap();
        let same_twice = genuine.clone().header(fixture.proof_header, proof.1.clone());
        same_twice.send(server).await.is_rejection(401, code);
        assert_eq!(handler.runs(), 0);
    }
}

async fn bytes_that_are_no_text_are_refused<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let garbled = fixture.delivery(1).with_value(fixture.proof_header, |mut proof| {
            *proof.last_mut().unwrap() = 0xff;
            proof
        });
        assert_eq!(garbled.send(server).await.status, 401, "{}", fixture.name);
        let elsewhere = fixture.delivery(1).header("x-unrelated", vec![0xfe, 0xff]);
        assert_eq!(elsewhere.send(server).await.status, 200, "not ours to judge");
        assert_eq!(handler.runs(), 1);
    }
}

async fn an_older_secret_is_accepted_and_named<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let current = countersign::Secret::new("the:current-one").unwrap().labeled("current");
        let endpoint = countersign::Endpoint::builder(fixture.name, fixture.provider.clone())
            .secret(current)
            .secret(fixtures::secret().labeled("last year's"));
        let server = A::serve(App::new([endpoint.build().unwrap()], &handler)).await;
        assert_eq!(fixture.delivery(1).send(server).await.status, 200);
        let (delivery, _) = handler.seen().remove(0);
        assert_eq!(delivery.secret_label(), Some("last year's"));
        assert_eq!(delivery.secret_index(), 1);
        let forged =
            fixture.delivery(2).with_value(fixture.proof_header, |_| fixture.forged.into());
        assert_eq!(forged.send(server).await.status, 401);
    }
}

async fn nothing_is_parsed_before_proof<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let mut request = fixture.delivery(1);
    request.body = b"{ no JSON".to_vec();
    request.send(server).await.is_rejection(401, "signature_mismatch");
}

async fn a_proven_body_of_another_kind_is_refused<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        for body in ["", "{", "[]", "\"event\"", "{} {}", "\u{0}"] {
            let request = fixture.signed(body, SystemTime::now());
            request.send(server).await.is_rejection(400, "body_malformed");
        }
        assert_eq!(handler.runs(), 0);
    }
}

async fn an_unknown_event_type_is_handed_over<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let now = SystemTime::now();
        let body = fixture.body(1, now);
        let (start, rest) = body.split_once(r#""event":""#).unwrap();
        let (_, end) = rest.split_once('"').unwrap();
        let body = format!(r#"{start}"event":"brand.new"{end}"#);
        assert_eq!(fixture.signed(body, now).send(server).await.status, 200);
        assert_eq!(handler.seen()[0].0.event_type(), Some("brand.new"));
        assert!(!format!("{:?}", handler.seen()[0].0).contains(SECRET));
    }
}
