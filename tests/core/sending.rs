//! Sending as a provider would: every sample, and everything that a receiver must refuse.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::signing::{Attempts, Next, Outgoing, Sender, SignError, SignedRequest, samples};
use countersign::{
    Delivery, Endpoint, EndpointBuilder, ManualClock, Provider, Rejection, RejectionKind, Retries,
    Secret, Signature, catalogue,
};
use serde_json::Value;

use crate::support::{NOW, clock_at, deliver, seconds, secret};

const URL: &str = "https://hooks.example.test/webhooks/a?b=1";

/// Made for this test with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
const P256: &str = include_str!("p256.pem");

/// A sender whose clock stands at [`NOW`], and an endpoint that has what it needs to accept it.
struct Pair {
    sender: Sender,
    clock: ManualClock,
}

impl Pair {
    fn of(id: &str) -> Self {
        let (clock, secret) = (clock_at(NOW), secret(secret_of(id)));
        let sender = Sender::catalogue(id, secret).unwrap().to(URL).clock(clock.clone());
        Self { sender, clock }
    }

    fn endpoint(&self) -> Endpoint {
        self.build(|endpoint| endpoint)
    }

    fn build(&self, with: impl FnOnce(EndpointBuilder) -> EndpointBuilder) -> Endpoint {
        let endpoint = Endpoint::builder("orders", self.sender.provider().clone())
            .secret(self.sender.verifying_secret().unwrap())
            .public_url("https://hooks.example.test")
            .clock(self.clock.clone());
        with(endpoint).build().unwrap()
    }
}

fn secret_of(id: &str) -> &'static str {
    match id {
        "discord" | "discord-events" => {
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
        }
        "standard-webhooks-v1a" => "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
        "sendgrid" => P256,
        "svix" | "clerk" | "resend" | "standard-webhooks" | "gitlab-signed" => {
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        }
        _ => "a user:and a password",
    }
}

/// The whole way, but a handshake is let through as it is proven.
fn received(endpoint: &Endpoint, request: &SignedRequest) -> Result<(), Rejection> {
    let mut incoming = endpoint.begin(request)?;
    incoming.push(request.body().clone())?;
    incoming.prove()?.open_or_answer().map(drop)
}

#[test]
fn every_sample_is_accepted_and_new_each_time() {
    for id in samples::providers() {
        let pair = Pair::of(id);
        let endpoint = pair.endpoint();
        let mut names = BTreeSet::new();
        for name in pair.sender.events() {
            assert!(names.insert(name), "{id}: {name} is there twice");
            let event =
                pair.sender.event(name).unwrap_or_else(|error| panic!("{id} {name}: {error}"));
            let request = pair.sender.request(&event).unwrap();
            received(&endpoint, &request).unwrap_or_else(|error| panic!("{id} {name}: {error:?}"));
            assert!(request.header("content-type").is_some(), "{id}");
            assert!(
                request.header("user-agent").is_some()
                    || id.starts_with("standard")
                    || id == "svix",
                "{id}"
            );
            let length = request.header("content-length").unwrap();
            assert_eq!(length, request.body().len().to_string(), "{id}");

            let another = pair.sender.request(&pair.sender.event(name).unwrap()).unwrap();
            assert_ne!(request.body(), another.body(), "{id} {name} has nothing new in it");
        }
        assert!(!names.is_empty(), "{id}");
    }
}

#[test]
fn samples_are_written_as_their_providers_write_them() {
    let body = |id: &str, event: &str| {
        let body = Pair::of(id).sender.event(event).unwrap().body();
        String::from_utf8(body.to_vec()).unwrap()
    };
    assert!(body("stripe", "invoice.paid").starts_with("{\n  \"id\": \"evt_"));
    assert!(body("github", "push").starts_with(r#"{"ref":"refs/heads/main","#));
    assert!(body("slack", "block_actions").starts_with("payload=%7B%22type%22%3A"));
    assert!(body("slack", "command").contains("command=%2Fweather&text=Berlin"));
    assert!(body("meta", "whatsapp.message").contains(r#""name":"Ada M\u00fcller""#));
    assert!(body("sendgrid", "batch").contains("},\r\n{"));
    assert!(body("sendgrid", "batch").ends_with("}]\r\n"));
    assert!(body("twilio", "message.received").contains("Body=Hello+%2B+good+morning"));
}

#[test]
fn what_was_changed_is_refused_whoever_sends_it() {
    for id in samples::providers() {
        let pair = Pair::of(id);
        let (sender, endpoint) = (&pair.sender, pair.endpoint());
        let event = sender.event(sender.events()[0]).unwrap();
        let kind = |request| received(&endpoint, &request).unwrap_err().kind();
        let tampered = kind(sender.tampered(&event).unwrap());
        let token = sender.provider().describe_proof().starts_with("shared_token");
        let expected = match token {
            true => RejectionKind::TokenMismatch,
            false => RejectionKind::SignatureMismatch,
        };
        assert_eq!(tampered, expected, "{id}");
        if !token {
            let genuine = sender.request(&event).unwrap();
            let tampered = sender.tampered(&event).unwrap();
            let differing = genuine.body().iter().zip(tampered.body()).filter(|(a, b)| a != b);
            assert_eq!(differing.count(), 1, "{id}");
        }
        match sender.provider().default_window() {
            Some(_) => {
                assert_eq!(kind(sender.stale(&event).unwrap()), RejectionKind::Stale, "{id}")
            }
            None => {
                let error = sender.stale(&event).unwrap_err().to_string();
                assert!(error.contains("sends no time"), "{id}: {error}");
            }
        }
    }
}

#[test]
fn the_last_retry_is_the_same_event() {
    for id in samples::providers() {
        let pair = Pair::of(id);
        let (sender, endpoint) = (&pair.sender, pair.endpoint());
        let event = sender.events().into_iter().find(|name| !is_handshake(name)).unwrap();
        let event = sender.event(event).unwrap();
        let key = |request: &SignedRequest| -> String {
            let delivery: Delivery = deliver(&endpoint, request, request.body()).unwrap();
            delivery.key().to_string()
        };
        let first = key(&sender.request(&event).unwrap());
        let Ok(attempts) = sender.attempts() else { continue };
        let late: Duration = attempts.waits().iter().sum();
        pair.clock.advance(late);
        let last = sender.retry(&event, attempts.waits().len()).unwrap();
        // HubSpot and LINE say in the body that it is a retry, and HubSpot has no id.
        assert_eq!(key(&last) == first, id != "hubspot", "{id}");
    }
}

fn is_handshake(name: &str) -> bool {
    matches!(name, "ping" | "PING" | "url_verification" | "endpoint.url_validation")
}

#[test]
fn a_retry_says_that_it_is_one() {
    let pair = Pair::of("slack");
    let event = pair.sender.event("message").unwrap();
    assert_eq!(pair.sender.request(&event).unwrap().header("x-slack-retry-num"), None);
    let retry = pair.sender.retry(&event, 2).unwrap();
    assert_eq!(retry.header("X-Slack-Retry-Num"), Some("2"));

    // Linear signs a time of each delivery in the body.
    let pair = Pair::of("linear");
    let event = pair.sender.event("Issue").unwrap();
    pair.clock.advance(seconds(3600));
    assert!(received(&pair.endpoint(), &pair.sender.request(&event).unwrap()).is_err());
    assert!(received(&pair.endpoint(), &pair.sender.retry(&event, 1).unwrap()).is_ok());
}

#[test]
fn the_schedule_and_its_rules() {
    let waits = |id: &str| Attempts::of(&catalogue::provider(id).unwrap()).unwrap();
    let minutes = |minutes: &[u64]| minutes.iter().map(|n| seconds(60 * n)).collect::<Vec<_>>();
    assert_eq!(waits("piora").waits(), minutes(&[1, 5, 30, 120, 720]));
    assert!(!waits("piora").are_assumed());
    let stripe = waits("stripe");
    assert_eq!(stripe.waits().iter().sum::<Duration>(), seconds(259_200));
    assert!(stripe.are_assumed() && stripe.waits().len() > 5);

    let mut piora = waits("piora");
    assert_eq!(piora.after(Some(404)), Next::In(seconds(60)));
    assert_eq!(piora.after(Some(302)), Next::In(seconds(300)));
    assert_eq!(piora.after(Some(200)), Next::Delivered);
    let mut pakyas = waits("pakyas");
    assert_eq!(pakyas.after(Some(500)), Next::In(seconds(60)));
    assert_eq!(pakyas.after(Some(404)), Next::GivenUp);
    let mut github = waits("github");
    assert_eq!(github.after(None), Next::GivenUp);

    let unknown = Attempts::of(&catalogue::provider("intercom").unwrap()).unwrap_err().to_string();
    assert!(unknown.contains("not known when intercom sends"), "{unknown}");
}

#[test]
fn a_provider_of_ones_own_is_sent_for_as_well() {
    let acme = Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Acme-Signature"))
        .unverified_event_type("X-Acme-Event")
        .unverified_id("X-Acme-Delivery")
        .retries(Retries::after([seconds(60)]))
        .build()
        .unwrap();
    let sender = Sender::new(acme.clone(), secret("s3cret")).to("/hooks");
    let event = Outgoing::json("{ \"a\" : 1 }").unwrap().named("order.paid");
    let request = sender.request(&event).unwrap();
    assert_eq!(request.body(), "{ \"a\" : 1 }");
    assert_eq!(request.header("x-acme-event"), Some("order.paid"));
    let id = request.header("x-acme-delivery").unwrap().to_owned();
    assert_eq!(sender.retry(&event, 1).unwrap().header("x-acme-delivery"), Some(&*id));
    assert_eq!((request.method(), request.target(), &*request.url()), ("POST", "/hooks", "/hooks"));

    let endpoint = Endpoint::builder("acme", acme).secret(secret("s3cret")).build().unwrap();
    assert!(received(&endpoint, &request).is_ok());
    let old = sender.clone().with_secret(secret("of last year"));
    let error = received(&endpoint, &old.request(&event).unwrap()).unwrap_err();
    assert_eq!(error.kind(), RejectionKind::SignatureMismatch);
    let changed = event.set("a", "2").unwrap().set("b", "x").unwrap();
    assert_eq!(changed.body(), r#"{"a":2,"b":"x"}"#);
    assert!(
        sender.event("order.paid").unwrap_err().to_string().contains("no sample events of acme")
    );
}

#[test]
fn nothing_fails_in_silence() {
    let error = |result: Result<SignedRequest, SignError>| result.unwrap_err().to_string();
    let svix = Pair::of("svix").sender;
    let event = svix.event("order.paid").unwrap();
    let said = error(svix.request(&event.clone().id(&"x".repeat(129))));
    assert!(said.contains("more than 128 bytes"), "{said}");
    for bad in ["", "two words", "m\u{fc}", "a.b"] {
        let said = error(svix.request(&event.clone().id(bad)));
        assert!(
            said.contains("refused as id_invalid") || said.contains("white space"),
            "{bad}: {said}"
        );
    }
    let said = error(svix.clone().method("get").request(&event));
    assert!(said.contains("`get` is not a method"), "{said}");
    let said = error(svix.clone().to("hooks.example.test/a").request(&event));
    assert!(said.contains("hooks.example.test"), "{said}");
    let said = error(svix.request(&event.clone().header("x-a", "b\r\nx-c: d")));
    assert!(said.contains("x-a") && said.contains("control characters"), "{said}");

    for (id, bad, expected) in [
        ("svix", "not base64!", "base64"),
        ("discord", "not a key", "an ed25519 private key"),
        ("sendgrid", "MFkwEwYHKoZIzj0CAQ", "a P-256 private key"),
        ("chargebee", "no colon", "user:password"),
        ("telegram", "two\nlines", "header values"),
    ] {
        let sender = Sender::catalogue(id, secret(bad)).unwrap();
        let event = Outgoing::json("{}").unwrap();
        for said in
            [error(sender.request(&event)), sender.verifying_secret().unwrap_err().to_string()]
        {
            assert!(said.contains(id) && said.contains(expected), "{said}");
            assert!(!said.contains(bad), "{said}");
        }
    }
    let twilio = Sender::catalogue("twilio", secret("t")).unwrap().to("/webhooks/twilio");
    let said = error(twilio.request(&twilio.event("message.received").unwrap()));
    assert!(said.contains("signs the URL"), "{said}");
    let sinch = Sender::catalogue("sinch", secret("t")).unwrap();
    let said = error(sinch.request(&Outgoing::json("{}").unwrap()));
    assert!(said.contains("the header x-sinch-webhook-signature-nonce is missing"), "{said}");
    let piora = Sender::catalogue("piora", secret("t")).unwrap();
    let said = error(piora.stale(&Outgoing::json("{}").unwrap()));
    assert!(said.contains("the body has no time: piora has it in `timestamp`"), "{said}");
    assert!(Outgoing::json("{").is_err());
}

#[test]
fn private_keys_are_read_in_each_form() {
    let hex = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let base64 = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    // PKCS #8 of version 1 (RFC 8410) and, with the public key, of version 2 (RFC 5958).
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let version2 = "MFECAQEwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9ggSEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let public = |text: &str| {
        let sender = Sender::catalogue("discord", Secret::new(text).unwrap()).unwrap();
        let endpoint = Endpoint::builder("d", catalogue::provider("discord").unwrap())
            .secret(sender.verifying_secret().unwrap())
            .build()
            .unwrap();
        let event = sender.event("command").unwrap();
        received(&endpoint, &sender.request(&event).unwrap())
    };
    for text in [hex, base64, pem, version2] {
        assert_eq!(public(text), Ok(()), "{text}");
    }
}

#[test]
fn times_that_are_changed_stay_as_they_are_written() {
    let pair = Pair::of("hostwares");
    let event = pair.sender.event("credits.low").unwrap();
    let stale = pair.sender.stale(&event).unwrap();
    let body: Value = serde_json::from_slice(stale.body()).unwrap();
    assert_eq!(body["timestamp"], "2026-05-23T09:53:50Z");
    let pair = Pair::of("linear");
    let stale = pair.sender.stale(&pair.sender.event("Issue").unwrap()).unwrap();
    let body: Value = serde_json::from_slice(stale.body()).unwrap();
    assert_eq!(body["webhookTimestamp"], (NOW - 3660) * 1000);
}
