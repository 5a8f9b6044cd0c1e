//! The catalogue's rows against deliveries that the providers' own SDKs have judged.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign::testing::{Signer, sha256_hex};
use countersign::{
    ConfigError, Delivery, Endpoint, FromDelivery as _, HeadParts, ManualClock, Rejection,
    RejectionKind, Secret, catalogue,
};
use serde_json::Value;

use crate::sdk_vectors::{WITHOUT_A_ROW, all, has_a_row};
use crate::support::{deliver, from_base64};

#[test]
fn what_the_sdks_judged_is_judged_the_same() {
    let (mut judged, mut wrong) = ([0; 2], Vec::new());
    for vector in all().iter().filter(|vector| has_a_row(vector)) {
        let expected = vector["expect"] == "valid";
        let verdict = match received(vector) {
            // Some bodies are none that the provider would send. They are proven all the same.
            Err(rejection) if rejection.kind() != RejectionKind::BodyMalformed => {
                Err(rejection.code())
            }
            _ => Ok(()),
        };
        judged[usize::from(verdict.is_ok())] += 1;
        if verdict.is_ok() != expected {
            wrong.push(format!("{}: {verdict:?}", vector["id"]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert_eq!(judged, [890, 733]);
    for (without, why) in WITHOUT_A_ROW {
        assert!(catalogue::by_id(without).is_none(), "{without} has a row, and yet: {why}");
    }
}

fn received(vector: &Value) -> Result<Delivery, Rejection> {
    let text = |field: &str| vector[field].as_str().unwrap();
    let preset =
        catalogue::by_id(text("provider")).unwrap_or_else(|| panic!("{}", text("provider")));
    let now = Duration::from_secs(vector["now"].as_u64().unwrap());
    let url = text("url");
    let path = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    let secret = text("secret");
    let endpoint = Endpoint::builder("vectors", preset.provider())
        .secret(Secret::new(secret).unwrap())
        .public_url(&url[..path])
        .methods([text("method")])
        .clock(ManualClock::at(SystemTime::UNIX_EPOCH + now))
        .build()
        .unwrap_or_else(|error| panic!("{}: {error}", text("id")));
    let headers: Vec<(String, String)> = serde_json::from_value(vector["headers"].clone()).unwrap();
    let head = HeadParts { method: text("method"), target: &url[path..], headers: &headers };
    let mut incoming = endpoint.begin(&head)?;
    let body = from_base64(text("body_b64"));
    // In pieces, as a network would cut them.
    for piece in body.chunks(1_000) {
        incoming.push(Bytes::copy_from_slice(piece))?;
    }
    incoming.finish()
}

/// The event's type, its id, and a value of what a handler gets.
type Said = (Option<&'static str>, Option<&'static str>, (&'static str, &'static str));

#[test]
fn what_the_sdks_signed_is_read() {
    let read: &[(&str, &str, Said)] = &[
        ("github", "form", (None, None, ("/action", "opened"))),
        ("slack", "form", (None, None, ("/command", "/weather"))),
        ("slack", "plain", (Some("event_callback"), Some("Ev00MADEUP"), ("/team_id", "T1"))),
        ("twilio", "form-0", (None, None, ("/Body", "héllo & bye"))),
        ("sendgrid", "plain", (Some("delivered"), Some("e1"), ("/0/email", "a@example.test"))),
        (
            "hubspot",
            "plain",
            (Some("contact.creation"), None, ("/0/subscriptionType", "contact.creation")),
        ),
        ("line", "plain", (Some("message"), Some("01MADEUP"), ("/destination", "U1"))),
        ("gocardless", "plain", (None, Some("EV1"), ("/events/0/action", "confirmed"))),
        ("pusher", "plain", (Some("channel_occupied"), None, ("/events/0/channel", "c"))),
    ];
    for (provider, which, (event_type, id, (pointer, value))) in read {
        let path = format!("{}/vectors/sdk/{provider}.json", env!("CARGO_MANIFEST_DIR"));
        let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let named = format!("{provider}-genuine-{which}");
        let vector = vectors.iter().find(|vector| vector["id"] == *named).unwrap();
        let delivery = received(vector).unwrap();
        assert_eq!((delivery.event_type(), delivery.id()), (*event_type, *id), "{named}");
        let event = Value::from_delivery(&delivery).unwrap();
        assert_eq!(event.pointer(pointer).unwrap(), value, "{named}");
    }
}

/// Twilio's SDKs compare the texts.
#[test]
fn twilios_digest_of_the_body_is_in_lower_case() {
    let provider = catalogue::by_id("twilio-json").unwrap().provider();
    let secret = Secret::new("an auth token").unwrap();
    let origin = "https://hooks.example.test";
    let endpoint = Endpoint::builder("twilio", provider.clone()).secret(secret.clone());
    let endpoint = endpoint.public_url(origin).build().unwrap();
    let digest = sha256_hex(b"{}");
    for (digest, refused) in
        [(digest.clone(), None), (digest.to_uppercase(), Some(RejectionKind::SignatureMismatch))]
    {
        let target = format!("/in?bodySHA256={digest}");
        let headers = Signer::new(&provider, &secret).url(origin, &target).sign("{}");
        let head = HeadParts { method: "POST", target: &target, headers: &headers };
        let answer = deliver(&endpoint, &head, "{}").map(drop).map_err(|error| error.kind());
        assert_eq!(answer.err(), refused, "{target}");
    }
}

#[test]
fn an_id_that_no_row_has_is_an_error_that_says_where_the_ids_are() {
    assert_eq!(catalogue::provider("github").unwrap().name(), "github");
    let error = catalogue::provider("GitHub").unwrap_err();
    assert_eq!(error, ConfigError::UnknownProvider { id: "GitHub".to_owned() });
    assert!(error.to_string().contains("PROVIDERS.md"), "{error}");
}

#[test]
fn every_row_builds_and_is_there_once() {
    let mut ids = BTreeSet::new();
    for preset in catalogue::all() {
        assert!(ids.insert(preset.id()), "{} is there twice", preset.id());
        let id = preset.id();
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        );
        assert!(!preset.name().is_empty() && !preset.source().is_empty(), "{id}");
        let provider = preset.provider();
        for words in [
            provider.describe_proof(),
            provider.describe_body(),
            provider.describe_freshness(),
            provider.describe_key(),
            provider.describe_retries(),
        ] {
            assert!(!words.is_empty(), "{id}");
        }
    }
    assert!(ids.len() >= 150, "{}", ids.len());
}

/// `PROVIDERS.md` is written from the rows: `cargo xtask providers`.
#[test]
fn the_list_of_providers_is_up_to_date() {
    let mut rows: Vec<_> = catalogue::all().collect();
    rows.sort_by_key(|preset| preset.id());
    let mut list = String::from(
        "# Providers\n\nWritten from the catalogue by `cargo xtask providers`. *Confirmed*: `ran`: the \
         provider's own library, or the best of\nanother party, was run and agrees; `read`: its source \
         code was read; `docs`: the provider's documentation says so;\n`weak`: only other catalogues \
         say so, compare it with the provider's documentation before you rely on it.\n\
         *Key*: what makes two deliveries the same event. `forgotten when handled`: different events of this \
         provider can be\nequal to the byte, so a handled one is not remembered, and a handler may run again \
         for a retry or a replay.\n\n\
         | id | provider | proof | body | fresh by | key | retried | confirmed | facts from |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for preset in rows {
        let provider = preset.provider();
        list.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            preset.id(),
            preset.name(),
            provider.describe_proof(),
            provider.describe_body(),
            provider.describe_freshness(),
            provider.describe_key(),
            provider.describe_retries(),
            preset.confidence().as_str(),
            preset.source(),
        ));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../PROVIDERS.md");
    if std::env::var_os("COUNTERSIGN_WRITE").is_some() {
        std::fs::write(path, &list).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == list, "PROVIDERS.md is out of date: run `cargo xtask providers`");
}
