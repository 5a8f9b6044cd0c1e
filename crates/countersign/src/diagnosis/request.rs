//! A captured request.

use std::fmt;

use crate::request_head::{Lookup, RequestHead};

/// A request as it was captured: in a log, by a tunnel, with a browser's tools.
///
/// ```
/// use countersign::diagnosis::Request;
///
/// let request = Request::new([("X-Hub-Signature-256", "sha256=…")], "{}").target("/webhooks/github");
/// assert_eq!(request.body, b"{}");
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path and the query, as received.
    pub target: String,
    /// The URL that the receiver takes for the one that the provider sends to, where the provider signs
    /// it.
    pub url: Option<String>,
    /// Names and values, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body as it was captured.
    pub body: Vec<u8>,
}

impl Request {
    /// A `POST` to `/` with these headers and this body.
    #[must_use]
    pub fn new<N: Into<String>, V: Into<Vec<u8>>>(
        headers: impl IntoIterator<Item = (N, V)>,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self {
            method: "POST".to_owned(),
            target: "/".to_owned(),
            url: None,
            headers: headers.collect(),
            body: body.into(),
        }
    }

    /// Sets the method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Sets the path and the query.
    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// Sets the URL, such as `https://hooks.example.test/webhooks/twilio?account=1`.
    #[must_use]
    pub fn url(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    /// The length that the head declares.
    pub(super) fn declared_length(&self) -> Option<u64> {
        header_text(&self.headers, "content-length")?.trim().parse().ok()
    }
}

/// Headers may be tokens, and bodies have what is nobody's business.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &names)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// The head of a request with some things undone.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// What the proof is found in. The length is judged apart: the body is changed here.
    pub(super) fn of(request: &Request) -> Self {
        let is_length = |name: &str| name.eq_ignore_ascii_case("content-length");
        let headers = request.headers.iter().filter(|(name, _)| !is_length(name)).cloned();
        Self {
            method: request.method.clone(),
            target: request.target.clone(),
            headers: headers.collect(),
        }
    }

    /// The same with this value as the header's only one, in the place of the first.
    pub(super) fn with(&self, name: &str, value: Vec<u8>) -> Self {
        let mut headers = self.headers.clone();
        let is_it = |other: &str| other.eq_ignore_ascii_case(name);
        let at = headers.iter().position(|(other, _)| is_it(other)).unwrap_or(headers.len());
        headers.retain(|(other, _)| !is_it(other));
        headers.insert(at.min(headers.len()), (name.to_owned(), value));
        Self { headers, ..self.clone() }
    }

    /// How many bytes its headers have.
    pub(super) fn size(&self) -> usize {
        self.headers.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// All values of a header.
    pub(super) fn values(&self, name: &str) -> Vec<&[u8]> {
        let of_name = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| &**value).collect()
    }
}

impl RequestHead for Head {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        self.headers.lookup(name)
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> &str {
        &self.target
    }
}

/// A header's first value, as text.
pub(super) fn header_text(headers: &[(String, Vec<u8>)], name: &str) -> Option<String> {
    let (_, value) = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    Some(String::from_utf8_lossy(value).into_owned())
}
