//! A request that is ready to be sent.

use std::fmt;

use bytes::Bytes;

use super::SignError;
use crate::request_head::{Lookup, RequestHead, is_method, normalize_name};

/// A webhook request as a provider sends it. It is what [`Sender`](super::Sender) makes.
///
/// It is a [`RequestHead`], so it can be given to [`Endpoint::verify`](crate::Endpoint::verify) and
/// [`Receiver::begin`](crate::Receiver::begin). The `testing` feature of the adapters makes a framework's
/// own request of it. A clone that is sent later is a replay.
#[derive(Clone)]
pub struct SignedRequest {
    method: String,
    origin: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl SignedRequest {
    pub(super) fn new(
        method: String,
        origin: String,
        target: String,
        headers: Vec<(String, String)>,
        body: Bytes,
    ) -> Result<Self, SignError> {
        if !is_method(&method) {
            return Err(SignError::new(format!("`{method}` is not a method")));
        }
        for (name, value) in &headers {
            if normalize_name(name).is_none() {
                return Err(SignError::new(format!("`{name}` is not the name of a header")));
            }
            // A line end would begin another header.
            if value.chars().any(char::is_control) || value.trim() != value {
                return Err(SignError::new(format!(
                    "the value of {name} has control characters, or white space around it"
                )));
            }
        }
        Ok(Self { method, origin, target, headers, body })
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path and the query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The whole URL, or the path and the query where the sender knows no more.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.target)
    }

    /// The headers in their order, with the content type and the length of the body. `Host` is the
    /// client's to say.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// A header's value; nothing if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The same request with another body, and its length: what someone does who has it and not the
    /// secret.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.with_header("content-length", &length)
    }

    /// The same request with another value of a header, which is not signed.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl RequestHead for SignedRequest {
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

/// Without the values of headers: a token is a secret.
impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}
