//! Providers of a file beside those of the catalogue: they are the same, and judge the same.

use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign::{Endpoint, HeadParts, ManualClock, Provider, RejectionKind, Secret, catalogue};
use serde_json::Value;

use crate::config::{Config, Shared};

fn of_file() -> Config {
    let text = include_str!("catalogue.toml");
    Config::parse(Path::new("catalogue.toml"), text, &Shared::default()).unwrap()
}

/// The file's provider and the catalogue's.
fn pairs(config: &Config) -> Vec<(&str, &Provider, Provider)> {
    let mut pairs = Vec::new();
    for (id, own) in &config.providers {
        let id = id.strip_prefix("my-").unwrap();
        pairs.push((id, own, catalogue::provider(id).unwrap()));
    }
    assert!(pairs.len() >= 20, "{}", pairs.len());
    pairs
}

#[test]
fn a_provider_of_a_file_is_what_the_catalogue_has() {
    for (id, own, built_in) in pairs(&of_file()) {
        let own = format!("{own:#?}").replace(&format!("my-{id}"), id);
        assert_eq!(own, format!("{built_in:#?}"), "{id}");
    }
}

#[test]
fn a_provider_of_a_file_judges_as_the_catalogue_does() {
    let (mut accepted, mut refused) = (0, 0);
    for (id, own, built_in) in pairs(&of_file()) {
        let file = format!("{}/../../tests/vectors/sdk/{id}.json", env!("CARGO_MANIFEST_DIR"));
        let Ok(vectors) = std::fs::read(file) else { continue };
        for vector in serde_json::from_slice::<Vec<Value>>(&vectors).unwrap() {
            let verdict = judge(own, &vector);
            assert_eq!(verdict, judge(&built_in, &vector), "{}", vector["id"]);
            // Some of the bodies are none that the provider would send, and are proven all the same.
            let genuine = matches!(&verdict, Ok(_) | Err(RejectionKind::BodyMalformed));
            assert_eq!(genuine, vector["expect"] == "valid", "{}", vector["id"]);
            *(if genuine { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(accepted > 150 && refused > 150, "{accepted} {refused}");
}

/// The key, type and id of a delivery that an SDK judged, or why it is refused.
fn judge(provider: &Provider, vector: &Value) -> Result<[Option<String>; 3], RejectionKind> {
    let text = |field: &str| vector[field].as_str().unwrap();
    let now = Duration::from_secs(vector["now"].as_u64().unwrap());
    let url = text("url");
    let (origin, target) = url.split_at(url.match_indices('/').nth(2).unwrap().0);
    let endpoint = Endpoint::builder("vectors", provider.clone())
        .secret(Secret::new(text("secret")).unwrap())
        .public_url(origin)
        .methods([text("method")])
        .clock(ManualClock::at(SystemTime::UNIX_EPOCH + now))
        .build()
        .unwrap();
    let headers: Vec<(String, String)> = serde_json::from_value(vector["headers"].clone()).unwrap();
    let head = HeadParts { method: text("method"), target, headers: &headers };
    let body = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text("body_b64")).unwrap();
    let judged = endpoint.begin(&head).and_then(|mut incoming| {
        incoming.push(Bytes::from(body))?;
        incoming.finish()
    });
    let delivery = judged.map_err(|rejection| rejection.kind())?;
    Ok([
        Some(delivery.key().to_string()),
        delivery.event_type().map(str::to_owned),
        delivery.id().map(str::to_owned),
    ])
}
