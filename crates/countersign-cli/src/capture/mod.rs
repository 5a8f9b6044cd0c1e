//! Captured requests, in the forms in which people have them.

mod curl;
mod har;
mod http;

use std::time::SystemTime;

use countersign::diagnosis::Request;

/// The header in which a capture of the inspector says when it was received.
pub(crate) const RECEIVED_AT: &str = "x-countersign-received-at";

/// A captured request, and what its form says besides.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) request: Request,
    /// The URL that it was sent to.
    pub(crate) url: Option<String>,
    /// When it was sent.
    pub(crate) at: Option<SystemTime>,
}

/// Reads a request in the form that its beginning shows. `entry` is the one of a HAR file.
pub(crate) fn read(bytes: &[u8], entry: Option<usize>) -> Result<Capture, String> {
    let start = without_comments(bytes.trim_ascii_start());
    if start.starts_with(b"curl ")
        || start.starts_with(b"curl.exe ")
        || start.starts_with(b"$ curl ")
    {
        return curl::read(&String::from_utf8_lossy(start));
    }
    if start.starts_with(b"{") {
        return har::read(start, entry);
    }
    http::read(bytes)
}

/// Without the lines before a command that begin with `#`.
fn without_comments(mut text: &[u8]) -> &[u8] {
    while let Some(b'#') = text.first() {
        let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1);
        text = text.get(end..).unwrap_or_default().trim_ascii_start();
    }
    text
}

/// A file of headers and a file of the body.
pub(crate) fn of_two(headers: &[u8], body: Vec<u8>) -> Capture {
    http::of_parts(headers, body)
}

/// The path and the query of a URL.
fn target(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.find(['/', '?']) {
        Some(at) if rest.get(at..).is_some_and(|rest| rest.starts_with('?')) => {
            format!("/{}", rest.get(at..).unwrap_or_default())
        }
        Some(at) => rest.get(at..).unwrap_or_default().to_owned(),
        None => "/".to_owned(),
    }
}
