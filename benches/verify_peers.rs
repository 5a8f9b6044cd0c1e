//! The rivals, each doing what its documentation says a receiver does, key prepared where it can
//! be, and each checked to accept the input and to refuse another body.

use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::testing::Signer;
use countersign::{Endpoint, Part, Provider, Secret, Signature, TimeFormat, Timestamp};
use countersign_benches::event::Events;
use countersign_benches::headers::with;
use countersign_benches::verify::prove;
use countersign_benches::{BareMac, SECRET};
use criterion::{BenchmarkId, Criterion};
use http::HeaderMap;

type Verify<'a> = (&'a str, Box<dyn Fn(&HeaderMap, Bytes) -> bool + 'a>);

const HUB: &str = "x-hub-signature-256";

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("not empty")
}

fn run(criterion: &mut Criterion, group: &str, headers: Signed<'_>, verifiers: &[Verify<'_>]) {
    let mut group = criterion.benchmark_group(group);
    for size in [1024, 64 * 1024] {
        let body = Events::of_size(size).next_body();
        let headers = headers(&body);
        let other = Bytes::from(body.to_ascii_uppercase());
        for (name, verify) in verifiers {
            assert!(verify(&headers, body.clone()), "{name} refuses a genuine delivery");
            assert!(!verify(&headers, other.clone()), "{name} accepts a forged one");
            group.bench_function(BenchmarkId::new(*name, size), |bench| {
                crate::handed(bench, &body, |body| verify(black_box(&headers), body));
            });
        }
    }
    group.finish();
}

type Signed<'a> = &'a dyn Fn(&Bytes) -> HeaderMap;

pub fn github(criterion: &mut Criterion) {
    let provider = Provider::builder("github")
        .hmac_sha256(Signature::header(HUB).prefix("sha256="))
        .build()
        .expect("sound");
    let endpoint = Endpoint::builder("github", provider).secret(secret(SECRET)).build();
    let endpoint = endpoint.expect("sound");
    let octoevents = octoevents::Verifier::new(octoevents::WebhookSecret::new(SECRET));
    let octocrab = octocrab::models::webhook_events::verification::WebhookVerifier::new(SECRET);
    let webhook_verify = webhook_verify::Secret::new(SECRET);

    let sign = |body: &Bytes| {
        let signature = format!("sha256={}", hex::encode(BareMac::new().of(body)));
        with(body.len(), [(HUB, signature)])
    };
    let verifiers: [Verify<'_>; 4] = [
        ("countersign", Box::new(|headers, body| prove(&endpoint, headers, body))),
        (
            "octoevents",
            Box::new(|headers, body| {
                let Some(value) = headers.get(HUB) else { return false };
                let Ok(signature) = octoevents::Signature::try_from(value) else { return false };
                octoevents.verify(&signature, &body).is_ok()
            }),
        ),
        (
            "octocrab",
            Box::new(|headers, body| {
                let value = headers.get(HUB).and_then(|value| value.to_str().ok());
                value.is_some_and(|value| octocrab.verify(value, &body).is_ok())
            }),
        ),
        (
            "webhook-verify",
            Box::new(|headers, body| {
                let provider = webhook_verify::Provider::GitHub;
                let options = Default::default();
                webhook_verify::verify(provider, headers, &body, &webhook_verify, options).is_ok()
            }),
        ),
    ];
    run(criterion, "peers GitHub", &sign, &verifiers);
}

pub fn standard(criterion: &mut Criterion) {
    let signature = Signature::header("webhook-signature").prefix("v1,").base64();
    let dot = || Part::literal(".");
    let provider = Provider::builder("standard")
        .hmac_sha256(signature.separator(' ').base64_secret("whsec_"))
        .signed_content([Part::Id, dot(), Part::Timestamp, dot(), Part::Body])
        .timestamp(Timestamp::header("webhook-timestamp").format(TimeFormat::UnixSeconds))
        .event_id_header("webhook-id")
        .build()
        .expect("sound");
    let text = format!("whsec_{}", STANDARD.encode(SECRET));
    let key = secret(&text);
    let endpoint = Endpoint::builder("standard", provider.clone()).secret(key.clone()).build();
    let endpoint = endpoint.expect("sound");
    let standardwebhooks = standardwebhooks::Webhook::new(&text).expect("a secret");
    let webhook_verify = webhook_verify::Secret::new(&text);

    let sign = |body: &Bytes| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        let signed = Signer::new(&provider, &key).at_text(&now.to_string()).sign(body);
        let mut headers = with(body.len(), []);
        for (name, value) in signed {
            let name = http::HeaderName::try_from(name).expect("a header's name");
            headers.insert(name, value.parse().expect("a header's value"));
        }
        headers
    };
    let verifiers: [Verify<'_>; 3] = [
        ("countersign", Box::new(|headers, body| prove(&endpoint, headers, body))),
        (
            "standardwebhooks",
            Box::new(|headers, body| standardwebhooks.verify(&body, headers).is_ok()),
        ),
        (
            "webhook-verify",
            Box::new(|headers, body| {
                let provider = webhook_verify::Provider::StandardWebhooks;
                let options = Default::default();
                webhook_verify::verify(provider, headers, &body, &webhook_verify, options).is_ok()
            }),
        ),
    ];
    run(criterion, "peers Standard Webhooks", &sign, &verifiers);
}
