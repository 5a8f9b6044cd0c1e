//! What the SDKs are compared with: verifies and signs with the catalogue, one JSON object per line.
//! The protocol is in `tests/interop/README.md`.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign::signing::{Outgoing, Sender, Signer};
use countersign::{Endpoint, HeadParts, ManualClock, Provider, RejectionKind, Secret, catalogue};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Request {
    id: u64,
    #[serde(rename = "do")]
    what: What,
    provider: String,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    secret: String,
    now: u64,
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    event_id: Option<String>,
    #[serde(default)]
    body: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Verify,
    Sign,
    Samples,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut providers = HashMap::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let known = providers.entry(request.provider.clone()).or_insert_with(|| {
            catalogue::by_id(&request.provider).map(catalogue::Preset::provider)
        });
        let answer = match (known, request.what) {
            (None, _) => Err("not in the catalogue".into()),
            (Some(provider), What::Verify) => verify(provider, &request),
            (Some(provider), What::Sign) => sign(provider, &request),
            (Some(provider), What::Samples) => samples(provider, &request),
        };
        let mut answer = answer.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        answer["id"] = request.id.into();
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

fn verify(provider: &Provider, request: &Request) -> Result<Value, Failure> {
    let (origin, target) = split(&request.url);
    let mut endpoint = Endpoint::builder("interop", provider.clone())
        .public_url(origin)
        .methods([&request.method])
        .clock(ManualClock::at(time(request.now)));
    for secret in &request.secrets {
        endpoint = endpoint.secret(Secret::new(secret.as_str())?);
    }
    let endpoint = endpoint.build()?;
    let head = HeadParts { method: &request.method, target, headers: &request.headers };
    let delivered = endpoint.begin(&head).and_then(|mut incoming| {
        incoming.push(Bytes::from(body(request)))?;
        incoming.finish()
    });
    Ok(match delivered {
        // Some of the bodies are none that the provider would send. They are genuine all the same.
        Err(rejection) if rejection.kind() != RejectionKind::BodyMalformed => {
            json!({ "genuine": false, "reason": rejection.code() })
        }
        _ => json!({ "genuine": true, "reason": null }),
    })
}

fn sign(provider: &Provider, request: &Request) -> Result<Value, Failure> {
    let (origin, target) = split(&request.url);
    let (secret, body) = (Secret::new(request.secret.as_str())?, body(request));
    let mut target = target.to_owned();
    let mut signer = Signer::new(provider, &secret).at(time(request.now)).method(&request.method);
    if let Some(id) = &request.event_id {
        signer = signer.id(id);
    }
    match &*request.provider {
        // The provider adds these to what a caller asks for.
        "twilio-json" => {
            let digest = countersign::signing::sha256_hex(&body);
            let separator = if target.contains('?') { '&' } else { '?' };
            target.push_str(&format!("{separator}bodySHA256={digest}"));
        }
        "contentful" => {
            let names = "x-contentful-signed-headers,x-contentful-timestamp";
            signer = signer.header("x-contentful-signed-headers", names);
        }
        _ => {}
    }
    let headers = signer.url(origin, &target).try_sign(&body)?;
    Ok(json!({ "headers": headers, "url": format!("{origin}{target}") }))
}

/// What `countersign trigger` sends: each sample event and its first retry; where there are no samples, the
/// body that was given.
fn samples(provider: &Provider, request: &Request) -> Result<Value, Failure> {
    use base64::Engine as _;
    let sender = Sender::new(provider.clone(), Secret::new(request.secret.as_str())?)
        .to(&request.url)
        .method(&request.method)
        .clock(ManualClock::at(time(request.now)));
    let mut events = Vec::new();
    for name in sender.events() {
        events.push((name, sender.event(name)?));
    }
    if events.is_empty() {
        events.push(("own", Outgoing::bytes("application/json", body(request))?));
    }
    let mut requests = Vec::new();
    for (name, mut event) in events {
        for (header, value) in &request.headers {
            event = event.header(header, value);
        }
        if request.provider == "contentful" {
            let names = "x-contentful-signed-headers,x-contentful-timestamp";
            event = event.header("x-contentful-signed-headers", names);
        }
        for (kind, signed) in [
            (name.to_owned(), sender.request(&event)?),
            (format!("{name}/retry"), sender.retry(&event, 1)?),
        ] {
            let body = base64::engine::general_purpose::STANDARD.encode(signed.body());
            let (url, headers) = (signed.url(), signed.headers());
            requests.push(json!({ "kind": kind, "url": url, "headers": headers, "body": body }));
        }
    }
    Ok(json!({ "requests": requests }))
}

/// The origin, and the path with the query.
fn split(url: &str) -> (&str, &str) {
    let path = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    url.split_at(path)
}

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn body(request: &Request) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(&request.body).unwrap_or_default()
}
