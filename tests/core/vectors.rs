//! Deliveries that others published, against the rows of the catalogue.
//!
//! `tests/vectors/README.md` says where each file is from and under which licence. Every file of that
//! folder is named here, and every vector of a file is decided by a row or stands in a list below.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use countersign::{Endpoint, HeadParts, RejectionKind, Secret, Window, catalogue};
use serde_json::Value;

use crate::support::{Pairs, clock_at, from_base64, seconds};
use rows::Row;

mod rows;
mod standards;

/// Vectors on which this crate decides otherwise, on purpose. Each must really differ.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[
    ("adnanh-sha1-01", "a prefix that the provider sends is not optional"),
    ("adnanh-sha1-03", "GitHub sends one signature; a list is for providers that send lists"),
    ("adnanh-sha1-04", "a prefix that the provider sends is not optional"),
    ("adnanh-sha256-01", "a prefix that the provider sends is not optional"),
    ("adnanh-sha256-03", "GitHub sends one signature; a list is for providers that send lists"),
    ("adnanh-sha256-04", "a prefix that the provider sends is not optional"),
    ("adnanh-sha512-01", "GitHub signs with SHA-256, and no row has SHA-512 in this header"),
    ("adnanh-sha512-02", "GitHub signs with SHA-256, and no row has SHA-512 in this header"),
    ("adnanh-sha512-03", "GitHub signs with SHA-256, and no row has SHA-512 in this header"),
    ("go-github-sha512", "GitHub signs with SHA-256, and no row has SHA-512 in this header"),
    ("hubspot-v1", "the row is version 3; version 1 is a bare hash, and has no time"),
    ("hubspot-v2-get", "the row is version 3; version 2 is a bare hash, and has no time"),
    ("hubspot-v2-post", "the row is version 3; version 2 is a bare hash, and has no time"),
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

/// Vectors that no row can decide.
const WITHOUT_A_ROW: &[(&str, &str)] = &[
    ("mailersend-sent", "MailerSend is not in the catalogue"),
    ("mailomat-delivered", "Mailomat signs an id and a time, and not the body"),
    ("rfc9421-B.2.5-hmac-sha256", "HTTP Message Signatures: the request says what is signed"),
    ("rfc9421-B.2.6-ed25519", "HTTP Message Signatures: the request says what is signed"),
    ("shopify-cookie-replay", "a warning without a delivery"),
];

/// Each file, how many vectors it has, and the rows for them.
const FILES: &[(&str, usize, Row)] = &[
    // GitHub's documentation, "Validating webhook deliveries".
    ("github-docs", 3, |_| "github"),
    // The tests of @octokit/webhooks-methods.
    ("octokit-webhooks-methods", 8, |_| "github"),
    // google/go-github, messages_test.go.
    ("go-github", 12, rows::hub),
    // adnanh/webhook, hook_test.go.
    ("adnanh-webhook", 25, rows::hub),
    // go-playground/webhooks: deliveries as Bitbucket Server sent them.
    ("bitbucket-server-go-playground", 17, |_| "bitbucket"),
    // The documentation of Bitbucket Cloud, CircleCI and Notion.
    ("hub-like-docs-bitbucket-circleci-notion", 8, rows::documented),
    // The reference libraries of Standard Webhooks.
    ("standard-webhooks", 41, |_| "standard-webhooks"),
    // Svix: its server signs with public keys too.
    ("standard-webhooks-v1a", 4, rows::v1a),
    // Svix's libraries and documentation.
    ("svix", 7, rows::svix),
    // Cosium/standard-webhooks-consumer, VerifierTest.java.
    ("cosium-standard-webhooks-consumer", 31, rows::cosium),
    // OpenAI's SDK, Brex's documentation, Symfony's bridge to Resend.
    ("standard-webhooks-adopters", 22, rows::adopter),
    // stripe-node, stripe-go, async-stripe.
    ("stripe", 23, rows::stripe),
    // luckyteagirl/webhook-receiver-conformance.
    ("webhook-receiver-conformance-goldens", 11, rows::stripe_or_standard),
    // Slack's documentation and python-slack-sdk.
    ("slack", 9, |_| "slack"),
    // Shopify/shopify-app-js.
    ("shopify", 8, rows::shopify),
    // twilio-node, twilio-go, Twilio's documentation.
    ("twilio", 20, rows::twilio),
    // sendgrid-nodejs, eventwebhook.spec.js.
    ("sendgrid", 7, |_| "sendgrid"),
    // line/line-bot-sdk-nodejs.
    ("line", 2, |_| "line"),
    // square-nodejs-sdk, Square's documentation.
    ("square", 10, |_| "square"),
    // PaddleHQ/paddle-node-sdk and paddle-go-sdk.
    ("paddle", 14, |_| "paddle"),
    // PagerDuty/go-pagerduty.
    ("pagerduty", 5, |_| "pagerduty"),
    // GoCardless, Razorpay, MailerSend.
    ("hex-body-misc", 5, rows::bare_hex),
    // Symfony's bridge to Mailomat.
    ("mailomat", 1, |_| "mailomat"),
    // hubspot-api-nodejs, HubSpot's documentation.
    ("hubspot", 5, |_| "hubspot"),
    // adyen-node-api-library: MACs of notification items, and of a body.
    ("adyen", 5, |_| "adyen-platform"),
    // box/box-java-sdk.
    ("box", 4, |_| "box"),
    // RFC 9421, appendix B.2.
    ("rfc9421", 2, |_| ""),
];

/// Files that another test reads.
const READ_ELSEWHERE: &[&str] = &["rfc4231-hmac-sha256", "svix-secret-validity"];

#[test]
fn published_vectors_are_decided_as_published() {
    let (mut differing, mut without) = (BTreeSet::new(), BTreeSet::new());
    let mut wrong = Vec::new();
    for (file, count, row) in FILES {
        let vectors = read(&format!("{file}.json"));
        let vectors = vectors["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), *count, "{file}");
        assert!(vectors.iter().any(|vector| vector["expect"] == "valid"), "{file}");
        for vector in vectors {
            let id = text(vector, "id");
            if let Some((known, _)) = WITHOUT_A_ROW.iter().find(|(known, _)| *known == id) {
                without.insert(*known);
                continue;
            }
            let expected = match text(vector, "expect").as_str() {
                "valid" => true,
                "invalid" => false,
                other => panic!("{id}: {other}"),
            };
            let decision = decide(vector, row(vector));
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
    for (name, listed, found) in
        [("differs", KNOWN_DIFFERENCES, differing), ("is without a row", WITHOUT_A_ROW, without)]
    {
        let ids: BTreeSet<_> = listed.iter().map(|(id, _)| *id).collect();
        assert_eq!(found, ids, "what {name} is not what is listed");
        assert_eq!(ids.len(), listed.len());
    }
    for absent in ["mailersend", "mailomat"] {
        assert!(catalogue::by_id(absent).is_none(), "{absent} has a row now");
    }
}

#[test]
fn no_file_of_vectors_is_left_out() {
    let known: BTreeSet<String> = FILES
        .iter()
        .map(|(file, _, _)| *file)
        .chain(READ_ELSEWHERE.iter().copied())
        .map(str::to_owned)
        .collect();
    assert_eq!(files(&folder()), known);
    let algorithms =
        ["ecdsa_secp256r1_sha256", "ed25519", "hmac_sha1", "hmac_sha256", "hmac_sha512"];
    let algorithms = algorithms.map(|algorithm| format!("{algorithm}_test"));
    assert_eq!(files(&folder().join("wycheproof")), algorithms.into());
}

/// Svix says which secrets are good. The private key is the sender's: it verifies nothing. How long
/// a key may be is the provider's to choose.
#[test]
fn svix_secrets_are_taken_as_svix_takes_them() {
    let secrets = read("svix-secret-validity.json");
    let differs = |shown: &Value, length: usize| {
        shown["prefix"] == "whsk_" && length == 88 || shown["prefix"] == "whsec_" && length > 100
    };
    let mut counts = [0; 2];
    for (verdict, count) in [("valid", 3), ("invalid", 7)] {
        let shown = secrets[verdict].as_array().unwrap();
        assert_eq!(shown.len(), count, "{verdict}");
        for shown in shown {
            let secret = Secret::new(joined(shown)).unwrap();
            let provider = catalogue::by_id("svix").unwrap().provider();
            let built = Endpoint::builder("svix", provider).secret(secret).build();
            let differs = differs(shown, text(shown, "body").len());
            counts[usize::from(differs)] += 1;
            assert_eq!(built.is_ok(), (verdict == "valid") != differs, "{shown}");
        }
    }
    assert_eq!(counts, [8, 2]);
}

/// What a row says: the delivery is good, or why not.
fn decide(vector: &Value, row: &str) -> Result<(), String> {
    let preset = catalogue::by_id(row).unwrap_or_else(|| panic!("no row {row} for {vector}"));
    let url = vector.get("signed_url").or(vector.get("url")).and_then(Value::as_str);
    let url = url.unwrap_or("https://hooks.example.test/");
    let (origin, target) =
        url.split_at(url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at));
    let method = vector.get("method").and_then(Value::as_str).unwrap_or("POST");
    let mut endpoint = Endpoint::builder("vectors", preset.provider())
        .public_url(origin)
        .methods([method])
        .retention(seconds(1_000_000));
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
    let headers = headers(vector);
    let head = HeadParts { method, target, headers: &headers };
    let mut incoming = endpoint.begin(&head).map_err(|error| error.to_string())?;
    for chunk in body(vector).chunks(10_000) {
        incoming.push(Bytes::copy_from_slice(chunk)).map_err(|error| error.to_string())?;
    }
    match incoming.finish() {
        Ok(delivery) => assert_eq!(*delivery.body(), body(vector)),
        // Some bodies are none that the row's provider would send. They are proven all the same.
        Err(rejection) if rejection.kind() == RejectionKind::BodyMalformed => {}
        Err(rejection) => return Err(rejection.to_string()),
    }
    Ok(())
}

/// The headers; a bare MAC stands in the header of the row that decides it.
fn headers(vector: &Value) -> Pairs {
    let bare = |header: &str, field: &str| vec![(header.to_owned(), text(vector, field))];
    match vector.get("headers") {
        Some(headers) => serde_json::from_value(headers.clone()).unwrap(),
        None if vector.get("mac_hex").is_some() => bare("Webhook-Signature", "mac_hex"),
        None if vector.get("mac_b64").is_some() => bare("HmacSignature", "mac_b64"),
        None => bare("HmacSignature", "signature"),
    }
}

fn secrets(vector: &Value) -> Vec<String> {
    match vector.get("secrets") {
        Some(secrets) => secrets.as_array().unwrap().iter().map(joined).collect(),
        None => vec![match vector.get("key_utf8").or(vector.get("key_hex")) {
            Some(key) => key.as_str().unwrap().to_owned(),
            None => "00112233".to_owned(),
        }],
    }
}

/// A secret, whose two pieces only together are one.
fn joined(secret: &Value) -> String {
    text(secret, "prefix") + &text(secret, "body")
}

fn body(vector: &Value) -> Vec<u8> {
    match vector.get("body_generator") {
        Some(generator) => {
            let byte = u8::try_from(generator["repeat_byte"].as_u64().unwrap()).unwrap();
            vec![byte; usize::try_from(generator["count"].as_u64().unwrap()).unwrap()]
        }
        None => {
            let base64 = vector.get("body_b64").or(vector.get("message_b64"));
            base64.and_then(Value::as_str).map(from_base64).unwrap_or_default()
        }
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// The names of a folder's JSON files, without their ending.
fn files(folder: &Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
}

fn read(file: &str) -> Value {
    let path = folder().join(file);
    let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&json).unwrap()
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_else(|| panic!("{field} of {of}")).to_owned()
}
