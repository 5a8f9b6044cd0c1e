//! Request headers as a sender writes them and as countersign reads them.

use countersign::{KnownName, Lookup, RequestHead};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The headers of an `http` 1.x request, read exactly as countersign-tower reads them.
pub struct HttpHeaders<'a>(pub &'a HeaderMap);

impl RequestHead for HttpHeaders<'_> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        // A request has few headers, and names in the map are in lower case: to look at each is
        // quicker than to parse and hash the name.
        let named = self.0.iter().filter(|(other, _)| other.as_str() == name);
        Lookup::of(named.map(|(_, value)| value.as_bytes()))
    }

    #[inline(always)]
    fn lookup_known(&self, name: &KnownName) -> Lookup<'_> {
        let prepare = |name: &str| HeaderName::from_bytes(name.as_bytes()).ok();
        let Some(Some(name)) = name.prepared(prepare) else { return self.lookup(name.as_str()) };
        if self.0.len() == self.0.keys_len() {
            // No header of the request is there twice.
            return self.0.get(name).map_or(Lookup::Missing, |value| Lookup::One(value.as_bytes()));
        }
        Lookup::of(self.0.get_all(name).iter().map(HeaderValue::as_bytes))
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
pub fn with(length: usize, more: impl IntoIterator<Item = (&'static str, String)>) -> HeaderMap {
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
