//! Vectors that others published, against providers made with the public builder.
//!
//! `tests/vectors/README.md` says where each file is from and under which licence.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bytes::Bytes;
use countersign::{Endpoint, Provider, RejectionKind, Secret, Signature, Window};
use serde_json::Value;

use crate::support::{Pairs, clock_at, deliver, from_base64, from_hex, seconds};
use families::signed_by;

mod families;

/// Vectors on which this crate decides otherwise, on purpose. Each must really differ.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[
    ("adnanh-sha256-01", "a prefix that the provider sends is not optional"),
    ("adnanh-sha256-03", "GitHub sends one signature; a list is for providers that send lists"),
    ("adnanh-sha256-04", "a prefix that the provider sends is not optional"),
    ("sw-unpadded-1pad", "bits after the key's last byte: not what an encoder writes"),
    ("sw-unpadded-1pad-prefixed", "bits after the key's last byte: not what an encoder writes"),
    ("sw-unpadded-2pad", "bits after the key's last byte: not what an encoder writes"),
    ("sw-unpadded-2pad-prefixed", "bits after the key's last byte: not what an encoder writes"),
    ("sw-id-with-dot", "with a dot in the id, id and time could be cut elsewhere"),
    ("openai-window-+0-tol0", "a window of nothing is refused when the endpoint is built"),
    ("openai-original-timestamp-text-'01750000000'", "a number has one spelling"),
    ("openai-original-timestamp-text-'+1750000000'", "a number has one spelling"),
    ("openai-original-timestamp-text-' 1750000000 '", "a number has one spelling"),
    ("openai-bare-signature-form", "a prefix that the provider sends is not optional"),
    ("stripe-comma-space", "spaces around the items of a list are passed over"),
    ("shopify-missing-webhook-id", "headers outside the MAC prove nothing and are not asked for"),
];

/// How a file's vectors are to be verified.
type Family = fn(&Value, &Pairs) -> Provider;

const FILES: &[(&str, usize, Family)] = &[
    // GitHub's documentation, "Validating webhook deliveries".
    ("github-docs", 3, families::hub),
    // The tests of @octokit/webhooks-methods.
    ("octokit-webhooks-methods", 8, families::hub),
    // google/go-github, messages_test.go.
    ("go-github", 9, families::hub),
    // adnanh/webhook, hook_test.go.
    ("adnanh-webhook", 9, families::hub),
    // go-playground/webhooks: deliveries as Bitbucket Server sent them.
    ("bitbucket-server-go-playground", 4, families::hub),
    // The documentation of Bitbucket Cloud, CircleCI and Notion.
    ("hub-like-docs-bitbucket-circleci-notion", 8, families::hub_or_circleci),
    // The reference libraries of Standard Webhooks.
    ("standard-webhooks", 41, families::standard_webhooks),
    // Svix's libraries and documentation.
    ("svix", 7, families::standard_webhooks),
    // Cosium/standard-webhooks-consumer, VerifierTest.java.
    ("cosium-standard-webhooks-consumer", 16, families::standard_webhooks),
    // OpenAI's SDK, Brex's documentation, Symfony's bridge to Resend.
    ("standard-webhooks-adopters", 22, families::standard_webhooks),
    // stripe-node, stripe-go, async-stripe.
    ("stripe", 23, families::stripe),
    // luckyteagirl/webhook-receiver-conformance.
    ("webhook-receiver-conformance-goldens", 11, families::stripe_or_standard_webhooks),
    // Slack's documentation and python-slack-sdk.
    ("slack", 9, families::slack),
    // Shopify/shopify-app-js.
    ("shopify", 7, families::shopify),
    // line/line-bot-sdk-nodejs.
    ("line", 2, families::line),
    // PaddleHQ/paddle-node-sdk and paddle-go-sdk.
    ("paddle", 14, families::paddle),
    // PagerDuty/go-pagerduty.
    ("pagerduty", 5, families::pagerduty),
    // GoCardless, Razorpay, MailerSend.
    ("hex-body-misc", 5, families::bare_hex),
    // box/box-java-sdk.
    ("box", 4, families::box_com),
];

#[test]
fn published_vectors_are_decided_as_published() {
    let mut differing = BTreeSet::new();
    let mut wrong = Vec::new();
    for (file, count, family) in FILES {
        let vectors = read(&format!("{file}.json"));
        let vectors = vectors["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), *count, "{file}");
        assert!(vectors.iter().any(|vector| vector["expect"] == "valid"), "{file}");
        for vector in vectors {
            let id = text(vector, "id");
            let expected = match text(vector, "expect").as_str() {
                "valid" => true,
                "invalid" => false,
                other => panic!("{id}: {other}"),
            };
            let decision = decide(vector, *family);
            if decision.is_ok() == expected {
                continue;
            }
            match KNOWN_DIFFERENCES.iter().find(|(known, _)| *known == id) {
                Some((known, _)) => drop(differing.insert(*known)),
                None => wrong.push(format!("{id}: expected {expected}, got {decision:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let known: BTreeSet<_> = KNOWN_DIFFERENCES.iter().map(|(id, _)| *id).collect();
    assert_eq!(differing, known, "a known difference is none any more");
    assert_eq!(known.len(), KNOWN_DIFFERENCES.len());
}

/// What this crate says: the delivery is good, or why not.
fn decide(vector: &Value, family: Family) -> Result<(), String> {
    let headers: Pairs = match vector.get("headers") {
        Some(headers) => serde_json::from_value(headers.clone()).unwrap(),
        // A bare MAC, as the header of a provider that signs the body.
        None => vec![("X-Mac".to_owned(), text(vector, "mac_hex"))],
    };
    let provider = if vector.get("headers").is_some() {
        family(vector, &headers)
    } else {
        signed_by(Signature::header("X-Mac"))
    };
    let mut endpoint = Endpoint::builder("vectors", provider).retention(seconds(1_000_000));
    for secret in secrets(vector) {
        endpoint = endpoint.secret(Secret::new(secret).map_err(|error| error.to_string())?);
    }
    if let Some(now) = vector.get("now") {
        let tolerance = seconds(vector["tolerance_s"].as_u64().unwrap());
        endpoint = endpoint
            .clock(clock_at(now.as_u64().unwrap()))
            .window(Window::new(tolerance, tolerance));
    }
    let endpoint = endpoint.build().map_err(|error| error.to_string())?;
    let mut incoming = endpoint.begin(&headers).map_err(|error| error.to_string())?;
    for chunk in body(vector).chunks(10_000) {
        incoming.push(Bytes::copy_from_slice(chunk)).map_err(|error| error.to_string())?;
    }
    let delivery = incoming.finish().map_err(|error| error.to_string())?;
    assert_eq!(*delivery.body(), body(vector));
    Ok(())
}

fn secrets(vector: &Value) -> Vec<String> {
    match vector.get("secrets") {
        Some(secrets) => {
            let secrets = secrets.as_array().unwrap().iter();
            secrets.map(|secret| text(secret, "prefix") + &text(secret, "body")).collect()
        }
        None => vec![text(vector, "key_utf8")],
    }
}

fn body(vector: &Value) -> Vec<u8> {
    match vector.get("body_generator") {
        Some(generator) => {
            let byte = u8::try_from(generator["repeat_byte"].as_u64().unwrap()).unwrap();
            vec![byte; usize::try_from(generator["count"].as_u64().unwrap()).unwrap()]
        }
        None => {
            let base64 = vector.get("body_b64").or(vector.get("message_b64"));
            from_base64(base64.unwrap().as_str().unwrap())
        }
    }
}

fn read(file: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&json).unwrap()
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_else(|| panic!("{field} of {of}")).to_owned()
}

/// RFC 4231 §4, by way of RustCrypto/MACs. The fifth is truncated, which no webhook is.
#[test]
fn rfc_4231_is_met() {
    let vectors = read("rfc4231-hmac-sha256.json");
    let vectors = vectors["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 7);
    for vector in vectors {
        let key = from_hex(&text(vector, "key_hex"));
        let message = from_hex(&text(vector, "message_hex"));
        let truncated = vector.get("truncated_bits").is_some();
        assert_eq!(truncated, vector["id"] == "rfc4231-5");
        let verdict = mac_is(key, &message, &text(vector, "mac_hex"));
        let expected = if truncated { Err(RejectionKind::SignatureMalformed) } else { Ok(()) };
        assert_eq!(verdict, expected, "{vector}");
    }
}

/// C2SP/wycheproof, testvectors_v1/hmac_sha256_test.json.
#[test]
fn wycheproof_is_met() {
    let mut counts = [0; 3];
    for group in read("wycheproof/hmac_sha256_test.json")["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let verdict = mac_is(
                from_hex(&text(test, "key")),
                &from_hex(&text(test, "msg")),
                &text(test, "tag"),
            );
            let (place, expected) = match (group["tagSize"].as_u64().unwrap(), &test["result"]) {
                (256, result) if result == "valid" => (0, Ok(())),
                (256, _) => (1, Err(RejectionKind::SignatureMismatch)),
                _ => (2, Err(RejectionKind::SignatureMalformed)),
            };
            counts[place] += 1;
            assert_eq!(verdict, expected, "{test}");
        }
    }
    assert_eq!(counts, [33, 54, 87]);
}

/// Whether the tag is the key's MAC of the message.
fn mac_is(key: Vec<u8>, message: &[u8], tag: &str) -> Result<(), RejectionKind> {
    let endpoint = Endpoint::builder("macs", signed_by(Signature::header("X-Mac")))
        .secret(Secret::new(key).unwrap())
        .build()
        .unwrap();
    let result = deliver(&endpoint, &[("X-Mac", tag)], message);
    result.map(drop).map_err(|rejection| rejection.kind())
}
