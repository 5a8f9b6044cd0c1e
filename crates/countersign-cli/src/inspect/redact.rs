//! What is secret in a request, and stands in no page, copy or file.

use std::borrow::Cow;
use std::collections::HashSet;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use countersign::signing::Sender;
use countersign::{Secret, catalogue};

use crate::listen::Mount;

/// In the place of a header's value.
pub(super) const REDACTED: &str = "[redacted]";

/// In the place of a query parameter's value, where brackets would mean something.
const IN_QUERY: &str = "redacted";

/// Which headers have secrets in them.
#[derive(Clone, Debug, Default)]
pub(super) struct Redaction {
    /// The headers whose value is the token of a provider or an endpoint.
    tokens: HashSet<String>,
}

impl Redaction {
    /// For these endpoints, and for deliveries that came to a wrong path.
    pub(super) fn of<'m>(mounts: impl IntoIterator<Item = &'m Mount>) -> Self {
        let mut tokens = HashSet::new();
        if let Ok(any) = Secret::new("any") {
            for preset in catalogue::all() {
                let sender = Sender::new(preset.provider(), any.clone());
                tokens.extend(sender.secret_header().map(str::to_ascii_lowercase));
            }
        }
        for mount in mounts {
            let current = mount.current();
            tokens.extend(current.endpoint.secret_headers().map(str::to_ascii_lowercase));
        }
        Self { tokens }
    }

    /// Whether a header of this name is not shown. Names are in lower case.
    pub(super) fn hides(&self, name: &str) -> bool {
        const NAMES: [&str; 5] =
            ["authorization", "proxy-authorization", "cookie", "set-cookie", "authentication"];
        NAMES.contains(&name) || self.tokens.contains(name) || says_secret(name)
    }

    /// A header's value as it may be shown. Bytes that are no text are written `\xNN`.
    pub(super) fn value<'v>(&self, name: &HeaderName, value: &'v HeaderValue) -> Cow<'v, str> {
        if self.hides(name.as_str()) {
            return REDACTED.into();
        }
        match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => text.into(),
            Err(_) => escaped(value.as_bytes()).into(),
        }
    }

    /// The headers without what is not shown.
    pub(super) fn headers(&self, headers: &HeaderMap) -> HeaderMap {
        let redacted = HeaderValue::from_static(REDACTED);
        let shown = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = if self.hides(name.as_str()) { redacted.clone() } else { value.clone() };
            (name.clone(), value)
        };
        headers.iter().map(shown).collect()
    }
}

/// The path and the query, without the values of what looks like a token.
pub(super) fn target(uri: &Uri) -> String {
    let path = uri.path();
    match uri.query() {
        Some(query) => format!("{path}?{}", in_query(query)),
        None => path.to_owned(),
    }
}

/// The same for a URL as text.
pub(crate) fn url(url: &str) -> String {
    match url.split_once('?') {
        Some((before, query)) => format!("{before}?{}", in_query(query)),
        None => url.to_owned(),
    }
}

fn in_query(query: &str) -> String {
    let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret_parameter(name) => {
            Cow::Owned(format!("{name}={IN_QUERY}"))
        }
        _ => Cow::Borrowed(parameter),
    });
    parameters.collect::<Vec<_>>().join("&")
}

fn is_secret_parameter(name: &str) -> bool {
    // Names may be percent-encoded.
    let (name, _) = form_urlencoded::parse(name.as_bytes()).next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    says_secret(&name) || ["key", "auth", "pass", "pwd", "code"].contains(&&*name)
}

fn says_secret(name: &str) -> bool {
    const WORDS: [&str; 9] = [
        "token",
        "secret",
        "password",
        "passwd",
        "api-key",
        "api_key",
        "apikey",
        "credential",
        "access-key",
    ];
    WORDS.iter().any(|word| name.contains(word))
}

/// Text, with bytes that are none as `\xNN`.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_hidden_and_what_proves_is_not() {
        let redaction = Redaction::of([]);
        for name in ["authorization", "cookie", "x-gitlab-token", "x-webhook-secret", "x-api-key"] {
            assert!(redaction.hides(name), "{name}");
        }
        for name in ["x-hub-signature-256", "stripe-signature", "webhook-id", "content-type"] {
            assert!(!redaction.hides(name), "{name}");
        }
    }

    #[test]
    fn tokens_in_queries_are_hidden() {
        let shown = |given: &str| target(&given.parse().unwrap());
        assert_eq!(
            shown("/a?hub.mode=subscribe&hub.verify_token=abc&x"),
            "/a?hub.mode=subscribe&hub.verify_token=redacted&x"
        );
        assert_eq!(shown("/a?%74oken=abc&tokens="), "/a?%74oken=redacted&tokens=");
        assert_eq!(shown("/a"), "/a");
    }
}
