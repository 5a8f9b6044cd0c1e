//! `--forward-to [PATTERN=]URL`: a verified delivery goes to the user's own program, whose answer decides.

mod pattern;
mod targets;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use bytes::Bytes;
use countersign::{Delivery, ErrorChain};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;

use crate::inspect::shown_url;
use crate::listen::Work;
use crate::record::{Forwarded, ProgramAnswer};
pub(crate) use pattern::Pattern;
pub(crate) use targets::{Target, Targets};

/// How long connecting may take; a program that is there answers at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest `countersign-*` header: servers limit the size of a request's head.
const MAX_FACT: usize = 1024;

/// How much of an event's type is logged: it may be as long as a body.
const MAX_LOGGED: usize = 100;

/// In a delivery that somebody had repeated: the number of the one before.
const REPLAY: HeaderName = HeaderName::from_static("countersign-replay");

/// The way to the user's program. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    client: HttpClient,
    targets: Arc<Targets>,
}

impl Forwarder {
    pub(crate) fn new(client: HttpClient, targets: Targets) -> Self {
        Self { client, targets: Arc::new(targets) }
    }

    /// Which events go where: a pattern of their types, and the URL.
    pub(crate) fn targets(&self) -> Vec<(String, String)> {
        let targets = self.targets.iter();
        targets.map(|target| (target.pattern.as_str().to_owned(), target.url.to_string())).collect()
    }

    /// Forwards a delivery and gives what to answer the provider.
    ///
    /// Until then the claim is held, so the program does not get the event's next delivery while it
    /// works on this one: not before it has answered, or has not within the lease.
    pub(crate) async fn forward(&self, delivery: &Delivery, work: Work) -> StatusCode {
        let Work { content_type, place, recording, lease, replay_of, .. } = work;
        let Some(target) = self.targets.of(delivery) else {
            // The provider sends what nobody asked for: to refuse it would make it come again.
            let event = delivery.event_type().or(delivery.unverified().event_type());
            let event = event.map(|event| event.chars().take(MAX_LOGGED).collect::<String>());
            tracing::info!(
                endpoint = delivery.endpoint(),
                event,
                "no pattern matches this event: acknowledged and not forwarded"
            );
            recording.is_unmatched();
            return StatusCode::OK;
        };
        let mut request = Request::new(Full::new(delivery.body().clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.url.clone();
        request.headers_mut().extend(facts(delivery));
        if let Some(content_type) = content_type {
            request.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        if let Some(number) = replay_of {
            request.headers_mut().insert(REPLAY, number.into());
        }
        let began = Instant::now();
        let answered = timeout(lease, self.client.request(request)).await;
        // Whoever sees the record need not see a key in the URL.
        let url = shown_url(&target.url.to_string());
        let forwarded = |answer| Forwarded { url, answer, elapsed: began.elapsed() };
        match answered {
            Ok(Ok(response)) => {
                let (head, body) = response.into_parts();
                let (status, headers) = (head.status.as_u16(), head.headers);
                let answered = ProgramAnswer::Answered { status, headers, body: Bytes::new() };
                recording.is_forwarded(forwarded(answered));
                // Kept with the event if it is parked, as is what follows.
                delivery.set_failure(&format!("your program answered {status}"));
                // Read, so that a program that writes its answer piece by piece is not cut off.
                let rest = Limited::new(body, 64 * 1024).collect();
                tokio::spawn(async move {
                    if let Ok(Ok(body)) = timeout(Duration::from_secs(5), rest).await {
                        recording.has_answer_body(body.to_bytes());
                    }
                    // Its place is for this connection too, so that there are files for all.
                    drop(place);
                });
                answer(head.status)
            }
            Ok(Err(error)) => {
                let why = ErrorChain::of(&error).to_string();
                tracing::warn!(error = why, "cannot forward");
                delivery.set_failure(&format!("your program cannot be reached: {why}"));
                recording.is_forwarded(forwarded(ProgramAnswer::Unreachable(why)));
                StatusCode::BAD_GATEWAY
            }
            Err(_) => {
                tracing::warn!(?lease, "no answer to the forwarded delivery within the lease");
                delivery.set_failure("your program did not answer within the lease");
                recording.is_forwarded(forwarded(ProgramAnswer::TooLate));
                StatusCode::GATEWAY_TIMEOUT
            }
        }
    }
}

/// The program's status, which the provider gets as well.
fn answer(status: StatusCode) -> StatusCode {
    if !status.is_success() {
        tracing::warn!(status = status.as_u16(), "the forwarded delivery was not handled");
    }
    // A final answer is neither of these; a server cannot send them as one.
    if status.is_informational() || status.as_u16() > 599 {
        return StatusCode::BAD_GATEWAY;
    }
    status
}

/// What is known of a delivery, in headers, and what the sender's headers claim, under names that say so.
/// What does not go into a header as it is stays out.
fn facts(delivery: &Delivery) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let key = delivery.key().to_string();
    let time = delivery.time().and_then(|time| time.format(&Rfc3339).ok());
    let claims = delivery.unverified();
    let facts = [
        ("countersign-provider", Some(delivery.provider())),
        ("countersign-endpoint", Some(delivery.endpoint())),
        ("countersign-event", delivery.event_type()),
        ("countersign-id", delivery.id()),
        ("countersign-key", Some(&*key)),
        ("countersign-time", time.as_deref()),
        ("countersign-secret", delivery.secret_label()),
        ("countersign-unverified-event", claims.event_type()),
        ("countersign-unverified-id", claims.id()),
    ];
    facts
        .map(|(name, fact)| Some((HeaderName::from_static(name), value(fact?)?)))
        .into_iter()
        .flatten()
}

/// A header's value that every server reads back as the same text: printable ASCII, no space at
/// either end.
fn value(fact: &str) -> Option<HeaderValue> {
    let printable = fact.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let whole = !fact.is_empty() && fact.trim_ascii().len() == fact.len() && fact.len() <= MAX_FACT;
    (printable && whole).then(|| HeaderValue::from_str(fact).ok()).flatten()
}

/// What sends deliveries.
pub(crate) type HttpClient = Client<Connector, Full<Bytes>>;

/// A pooled connection may have been closed by the program just when the next delivery is written to it:
/// that delivery would fail, and some providers do not retry. So none is pooled.
pub(crate) fn client() -> Result<HttpClient, String> {
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector()?))
}

/// The URL that an option of the command line has. It is not repeated in what is said about it: it may
/// hold a password.
pub(crate) fn parse(option: &str, url: &str) -> Result<Uri, String> {
    let form = format!("{option} takes a URL such as http://127.0.0.1:3000/webhooks");
    let url: Uri = url.parse().map_err(|error| format!("{form}: {error}"))?;
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(format!("{form}, with its scheme and host"));
    };
    match scheme {
        "http" => {}
        "https" if cfg!(feature = "https") => {}
        "https" => {
            return Err(format!(
                "{option}: this program was built without https; build it with `--features \
                 https`, or use an http URL"
            ));
        }
        other => return Err(format!("{form}; `{other}` is neither http nor https")),
    }
    if authority.as_str().contains('@') {
        return Err(format!("{option}: a user and password in the URL are not supported"));
    }
    let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    let in_range = || authority.port_u16().is_some_and(|port| port != 0);
    if authority.host().is_empty() || !(port.is_empty() || in_range()) {
        return Err(format!("{form}, with a host and a port from 1 to 65535"));
    }
    Ok(url)
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    connector
}

#[cfg(not(feature = "https"))]
pub(crate) type Connector = HttpConnector;

#[cfg(not(feature = "https"))]
#[expect(clippy::unnecessary_wraps, reason = "with https it can fail")]
fn connector() -> Result<Connector, String> {
    Ok(tcp())
}

#[cfg(feature = "https")]
pub(crate) type Connector = hyper_rustls::HttpsConnector<HttpConnector>;

#[cfg(feature = "https")]
fn connector() -> Result<Connector, String> {
    let mut tcp = tcp();
    tcp.enforce_http(false);
    // Named, because another crate in the build may have brought a second one.
    let provider = rustls::crypto::ring::default_provider();
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(provider)
        .map_err(|error| format!("cannot read the certificate authorities: {error}"))?;
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
}
