//! A delivery once more, with a fresh signature: through the receiver, as the provider would send it, or
//! past it to the user's program.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::signing::{Outgoing, Sender, SignedRequest, Signer};
use countersign::{Delivery, HeadParts, Rejection, RejectionKind, Secret};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::App;
use super::api::mount;
use super::history::Entry;
use super::problem::Problem;
use super::redact::REDACTED;
use crate::listen::{By, Current, Mount, ReplayOf, Work};
use crate::record::{Copied, Record, Recording, Verdict};

/// How long a page waits for a handler. The handler goes on.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be sent, and where to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    to: To,
    body: Option<String>,
    body_base64: Option<String>,
    /// Changed or added.
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum To {
    /// It is a delivery like any other: also a duplicate.
    Receiver,
    /// To the user's program, whether or not the event is handled already.
    Target,
}

/// The key that signs for an endpoint.
pub(super) fn key(mount: &Mount) -> Result<(Arc<Current>, Secret), Problem> {
    let current = mount.current();
    let key = current.signing_key.as_ref().or_else(|| current.secrets.first()).cloned();
    let Some(key) = key else {
        return Err(Problem::conflict(
            "The inspector does not know the secret of this endpoint, so it cannot sign: give it to the \
             listener with `ListenEndpoint::secrets`.",
        ));
    };
    if fits(&current, &key) {
        return Ok((current, key));
    }
    if current.signing_key.is_some() {
        return Err(Problem::conflict(
            "The signing key is not the private key of this endpoint's public key.",
        ));
    }
    Err(Problem::conflict(format!(
        "{} signs with a private key, and this endpoint has only the public one. To replay with a fresh \
         signature, make a pair of keys for your tests, and give the private one with --signing-key \
         {}=file:PATH.",
        title(&current),
        mount.name
    )))
}

/// Whether the endpoint accepts what this key signs. A public key is none, and can look like one.
fn fits(current: &Current, key: &Secret) -> bool {
    let provider = current.endpoint.provider();
    if Sender::new(provider.clone(), key.clone()).verifying_secret().is_err() {
        return false;
    }
    let origin = current.endpoint.public_url().unwrap_or_default();
    let probe = Signer::new(provider, key).url(origin, "/").try_sign("{}");
    // Where a header is missing that is signed, nothing speaks against it.
    let Ok(headers) = probe else { return true };
    let head = HeadParts { method: "POST", target: "/", headers: &headers };
    let refused = current.endpoint.verify(&head, b"{}").err();
    let is_wrong =
        |kind| matches!(kind, RejectionKind::SignatureMismatch | RejectionKind::TokenMismatch);
    !refused.is_some_and(|rejection| is_wrong(rejection.kind()))
}

fn title(current: &Current) -> String {
    let name = current.endpoint.provider().name();
    countersign::catalogue::by_id(name).map_or(name, |preset| preset.name()).to_owned()
}

/// What signs a delivery anew.
pub(super) fn signing(app: &App, entry: &Entry) -> Result<(Arc<Current>, Sender), Problem> {
    let record: &Record = &entry.record;
    let mount = mount(app, entry).ok_or_else(|| {
        Problem::conflict(
            "No endpoint has this path, so there is no provider whose signature could be made.",
        )
    })?;
    let (current, key) = key(mount)?;
    let target = record.uri.path_and_query().map_or("/", |target| target.as_str());
    let origin = current.endpoint.public_url().unwrap_or_default();
    let sender = Sender::new(current.endpoint.provider().clone(), key)
        .to(&format!("{origin}{target}"))
        .method(record.method.as_str());
    Ok((current, sender))
}

/// Sends a delivery once more.
pub(super) async fn replay(app: &Arc<App>, entry: &Entry, ask: Ask) -> Result<Value, Problem> {
    let record = &entry.record;
    let (current, sender) = signing(app, entry)?;
    let (to, signed) = (ask.to, signed(record, &current, &sender, ask)?);
    let request = request(app, record, &signed)?;
    let recording = match to {
        To::Receiver => through_receiver(app, record.number, request).await,
        To::Target => to_program(app, entry, &current, &signed, request).await,
    }?;
    let sent = recording.now();
    Ok(json!({
        "number": sent.number,
        "status": sent.status,
        "outcome": sent.verdict.as_str(),
        "says": says(&sent),
    }))
}

/// What the answer means, where that is not plain.
fn says(sent: &Record) -> Option<String> {
    match sent.verdict {
        Verdict::Duplicate => Some(
            "This event is handled already, or parked, so your program did not get it again. Replay it to \
             your program to send it past the deduplication."
                .to_owned(),
        ),
        Verdict::Working => Some("It is still being worked on.".to_owned()),
        _ => sent.says.clone(),
    }
}

/// The delivery with what was changed in it, and a signature of now.
fn signed(
    record: &Record,
    current: &Current,
    sender: &Sender,
    ask: Ask,
) -> Result<SignedRequest, Problem> {
    let body = match (ask.body, ask.body_base64) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad("Give either `body` or `body_base64`."));
        }
        (Some(text), None) => Bytes::from(text),
        (None, Some(base64)) => STANDARD
            .decode(base64)
            .map_err(|error| Problem::bad(format!("`body_base64` is not Base64: {error}.")))?
            .into(),
        (None, None) if record.body_is_complete => record.body.clone(),
        (None, None) => {
            return Err(Problem::conflict(
                "Its body did not arrive completely: give one, to send that.",
            ));
        }
    };
    if body.len() > current.endpoint.max_body() {
        return Err(Problem::cannot(format!(
            "The body has {} bytes, and the endpoint takes {}.",
            body.len(),
            current.endpoint.max_body()
        )));
    }
    let event = captured(sender, record, body.clone())?;
    let event = ask.headers.iter().fold(event, |event, (name, value)| event.header(name, value));
    match fresh(sender, &event, current) {
        Ok(signed) => Ok(signed),
        // What only asks whether the endpoint is there is not signed by every provider.
        Err(_) if record.verdict == Verdict::Handshake => {
            sender.replay(headers(record), body).map_err(|error| Problem::cannot(error.to_string()))
        }
        Err(problem) => Err(problem),
    }
}

/// The event of a recorded delivery.
pub(super) fn captured(sender: &Sender, record: &Record, body: Bytes) -> Result<Outgoing, Problem> {
    sender.captured(headers(record), body).map_err(|error| Problem::cannot(error.to_string()))
}

/// Its headers that were not redacted and are plain text; no provider sends others.
fn headers(record: &Record) -> impl Iterator<Item = (&str, &str)> {
    let headers = record.headers.iter();
    let text = headers.filter_map(|(name, value)| {
        Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))
    });
    let is_plain = |value: &str| !value.chars().any(char::is_control) && value.trim() == value;
    text.filter(move |(_, value)| *value != REDACTED && is_plain(value))
}

/// Signed as of now. A time in the body is moved only where it is too old: the body stays the same as long
/// as it can.
pub(super) fn fresh(
    sender: &Sender,
    event: &Outgoing,
    current: &Current,
) -> Result<SignedRequest, Problem> {
    let same = sender.request(event);
    if let Ok(signed) = &same {
        let too_old = open(current, signed).is_err_and(|rejection| {
            matches!(rejection.kind(), RejectionKind::Stale | RejectionKind::InTheFuture)
        });
        if !too_old {
            return Ok(signed.clone());
        }
    }
    let moved = sender.request_at(event, SystemTime::now());
    moved.or(same).map_err(|error| Problem::cannot(sentence(&error.to_string())))
}

/// What the endpoint finds in a request: the delivery, proven.
fn open(current: &Current, signed: &SignedRequest) -> Result<Delivery, Rejection> {
    let mut incoming = current.endpoint.begin(signed)?;
    incoming.push(signed.body().clone())?;
    incoming.finish()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// As a request that has arrived.
fn request(app: &App, record: &Record, signed: &SignedRequest) -> Result<Request<Body>, Problem> {
    let cannot = |error: axum::http::Error| Problem::bad(format!("That cannot be sent: {error}."));
    let mut request = Request::builder().method(signed.method()).uri(signed.target());
    for (name, value) in signed.headers() {
        request = request.header(name, value);
    }
    let mut request = request.body(Body::from(signed.body().clone())).map_err(cannot)?;
    let listening = app.about.listening.trim_start_matches("http://");
    let host = record.headers.get(HOST).cloned();
    if let Some(host) = host.or_else(|| HeaderValue::from_str(listening).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    Ok(request)
}

async fn through_receiver(
    app: &App,
    number: u64,
    mut request: Request<Body>,
) -> Result<Recording, Problem> {
    let recording = Arc::new(OnceLock::new());
    let replay_of = ReplayOf { number, recording: Arc::clone(&recording) };
    request.extensions_mut().insert(replay_of);
    let routes = app.routes.clone();
    // In a task of its own: a page that is closed cuts nothing off.
    let answering = tokio::spawn(async move { drop(routes.answer(request).await) });
    let _ = timeout(PATIENCE, answering).await;
    recording.get().cloned().ok_or_else(|| Problem::conflict("No endpoint has this path any more."))
}

/// Past the store: what is proven is what the receiver would find, and the program gets it once more.
async fn to_program(
    app: &App,
    entry: &Entry,
    current: &Current,
    signed: &SignedRequest,
    request: Request<Body>,
) -> Result<Recording, Problem> {
    let Some(mount) = mount(app, entry) else {
        return Err(Problem::conflict("The endpoint is gone."));
    };
    let by = app.routes.handling().by(mount).clone();
    if matches!(by, By::Printing(_)) {
        return Err(Problem::conflict(
            "No program is behind the receiver: start it with --forward-to URL.",
        ));
    }
    let delivery = open(current, signed).map_err(|rejection| {
        Problem::cannot(format!(
            "The receiver would refuse it, so your program does not get it: {} ({}).",
            rejection.kind().describe().trim_end_matches('.'),
            rejection.code()
        ))
    })?;
    let (head, _) = request.into_parts();
    let copied = Copied::whole(signed.body());
    let number = entry.record.number;
    let recording = Recording::new(app.routes.watchers(), &head, Some(copied), Some(number));
    recording.is_for(&mount.name, &mount.provider);
    recording.is_worked_on(&delivery);
    let work = Work {
        content_type: content_type(&head.headers),
        place: None,
        recording: recording.clone(),
        lease: current.endpoint.lease(),
        replay_of: Some(number),
    };
    let (handling, of_task) = (app.routes.handling().clone(), recording.clone());
    let handled = tokio::spawn(async move {
        let status: StatusCode = handling.handle(&by, &delivery, work).await;
        of_task.is_handled_with(status.as_u16());
    });
    let _ = timeout(PATIENCE, handled).await;
    Ok(recording)
}

fn content_type(headers: &HeaderMap) -> Option<HeaderValue> {
    let name: HeaderName = CONTENT_TYPE;
    headers.get(name).cloned()
}
