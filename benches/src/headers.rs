//! Request headers as a sender writes them and as countersign reads them.

use countersign::{Lookup, RequestHead};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};

/// The headers of an `http` 1.x request, read exactly as countersign-tower reads them.
pub struct HttpHeaders<'a>(pub &'a HeaderMap);

impl RequestHead for HttpHeaders<'_> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        // These two are looked up in every request, and the map knows their names.
        if name == CONTENT_LENGTH.as_str() {
            return only(self.0.get_all(CONTENT_LENGTH).iter());
        }
        if name == CONTENT_ENCODING.as_str() {
            return only(self.0.get_all(CONTENT_ENCODING).iter());
        }
        // A request has few headers, and names in the map are in lower case: to look at each is
        // quicker than to parse and hash the name.
        let named = self.0.iter().filter(|(other, _)| other.as_str() == name);
        only(named.map(|(_, value)| value))
    }
}

fn only<'a>(mut values: impl Iterator<Item = &'a HeaderValue>) -> Lookup<'a> {
    match (values.next(), values.next()) {
        (None, _) => Lookup::Missing,
        (Some(value), None) => Lookup::One(value.as_bytes()),
        (Some(_), Some(_)) => Lookup::Repeated,
    }
}

/// The headers that come with every delivery, without a signature.
pub const USUAL: [(&str, &str); 6] = [
    ("host", "hooks.example.com"),
    ("user-agent", "Piora-Webhooks/1.0"),
    ("accept", "*/*"),
    ("content-type", "application/json"),
    ("x-request-id", "0b8f5f4c-6f2b-4b52-9d0c-3f0a4b1e7a55"),
    ("x-forwarded-for", "203.0.113.7"),
];

/// The usual headers, a length and these.
pub fn with<const N: usize>(length: usize, more: [(&'static str, String); N]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in USUAL {
        headers.insert(name, value.parse().expect("a header's value"));
    }
    headers.insert("content-length", length.into());
    for (name, value) in more {
        headers.insert(name, value.parse().expect("a header's value"));
    }
    headers
}
