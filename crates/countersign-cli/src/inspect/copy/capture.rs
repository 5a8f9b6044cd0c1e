//! A capture: HTTP/1.1 as text, as `countersign verify --request` reads it.

use super::super::App;
use super::super::problem::Problem;
use super::super::redact::{self, REDACTED};
use super::super::view::stamp;
use super::is_of_connection;
use crate::capture::RECEIVED_AT;
use crate::listen::Current;
use crate::record::Record;

pub(super) fn capture(
    app: &App,
    record: &Record,
    current: Option<&Current>,
) -> Result<Vec<u8>, Problem> {
    if current.is_some_and(|current| current.endpoint.secret_headers().next().is_some()) {
        return Err(Problem::conflict(
            "This provider proves its deliveries with a token, and no copy contains a token: a capture \
             could not be verified.",
        ));
    }
    // The URL that is signed, where the provider signs it.
    let origin = current.and_then(|current| current.endpoint.public_url()).unwrap_or_default();
    let target = redact::target(&record.uri);
    let mut out = format!("{} {origin}{target} HTTP/1.1\r\n", record.method).into_bytes();
    let mut header = |name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    for (name, value) in &record.headers {
        let name = name.as_str();
        let value = if app.redaction.hides(name) { REDACTED.as_bytes() } else { value.as_bytes() };
        // The length that was declared says whether something is missing.
        if !is_of_connection(name) || name == "host" || name == "content-length" {
            header(name, value);
        }
    }
    if !record.headers.contains_key("content-length") {
        header("content-length", record.body.len().to_string().as_bytes());
    }
    if let Some(at) = stamp(record.received_at) {
        header(RECEIVED_AT, at.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&record.body);
    Ok(out)
}
