//! A request's head as the core reads it, whichever `http` generation a framework uses.

use crate::known_name::KnownName;

/// What a request holds under one header name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// The header is not there.
    Missing,
    /// The header is there once, with these bytes.
    One(&'a [u8]),
    /// The header is there more than once. Which of them the sender meant cannot be known.
    Repeated,
}

impl<'a> Lookup<'a> {
    /// What all the values under one name are.
    #[inline]
    pub fn of(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }
}

/// A request's method, target and headers. Adapters implement it for their framework's request.
///
/// It is implemented for a slice of name and value pairs, for tests and for servers that
/// have no adapter:
///
/// ```
/// use countersign::{Lookup, RequestHead};
///
/// let headers = [("X-Signature", "abc"), ("x-other", "1"), ("X-Other", "2")];
/// assert_eq!(headers.lookup("x-signature"), Lookup::One(b"abc"));
/// assert_eq!(headers.lookup("x-other"), Lookup::Repeated);
/// assert_eq!(headers.lookup("x-missing"), Lookup::Missing);
/// ```
pub trait RequestHead {
    /// Looks up a header by its name, which is given in lower case. Names match without case.
    fn lookup(&self, name: &str) -> Lookup<'_>;

    /// Looks up a header whose name the endpoint or the provider knows beforehand, as most are. The
    /// answer must be that of [`lookup`](Self::lookup), which is what is asked unless this is
    /// implemented; a framework with a hash map of headers can be quicker here, see [`KnownName`].
    #[inline]
    fn lookup_known(&self, name: &KnownName) -> Lookup<'_> {
        self.lookup(name.as_str())
    }

    /// The request's method, in the case in which it was sent. A server that handles several methods
    /// at one path must say which one it was, or the endpoint takes all of them for `POST`: see
    /// [`EndpointBuilder::methods`](crate::EndpointBuilder::methods).
    fn method(&self) -> &str {
        "POST"
    }

    /// The path and the query as they were received, such as `/webhooks/twilio?account=1`. Needed
    /// only by providers that sign the URL, see
    /// [`EndpointBuilder::public_url`](crate::EndpointBuilder::public_url).
    fn target(&self) -> &str {
        "/"
    }

    /// The host that the request is for, where it is not in the `Host` header: HTTP/2 has it in
    /// `:authority`. Anyone can write it. Needed only to choose among secrets, see
    /// `ResolvedSecrets::by_host`.
    fn authority(&self) -> Option<&str> {
        None
    }
}

impl<H: RequestHead + ?Sized> RequestHead for &H {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        (**self).lookup(name)
    }

    fn lookup_known(&self, name: &KnownName) -> Lookup<'_> {
        (**self).lookup_known(name)
    }

    fn method(&self) -> &str {
        (**self).method()
    }

    fn target(&self) -> &str {
        (**self).target()
    }

    fn authority(&self) -> Option<&str> {
        (**self).authority()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> RequestHead for [(N, V)] {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        let found = self.iter().filter(|(other, _)| other.as_ref().eq_ignore_ascii_case(name));
        Lookup::of(found.map(|(_, value)| value.as_ref()))
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const LENGTH: usize> RequestHead for [(N, V); LENGTH] {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        self.as_slice().lookup(name)
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> RequestHead for Vec<(N, V)> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        self.as_slice().lookup(name)
    }
}

/// A head of its parts, for servers without an adapter.
///
/// ```
/// use countersign::{HeadParts, RequestHead};
///
/// let head = HeadParts {
///     method: "POST",
///     target: "/webhooks/twilio?account=1",
///     headers: &[("X-Twilio-Signature", "c8K4…")],
/// };
/// assert_eq!(head.target(), "/webhooks/twilio?account=1");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HeadParts<'a, N, V> {
    /// The method.
    pub method: &'a str,
    /// The path and the query, as received.
    pub target: &'a str,
    /// Names and values, in any order.
    pub headers: &'a [(N, V)],
}

impl<N: AsRef<str>, V: AsRef<[u8]>> RequestHead for HeadParts<'_, N, V> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        self.headers.lookup(name)
    }

    fn method(&self) -> &str {
        self.method
    }

    fn target(&self) -> &str {
        self.target
    }
}

/// A header name as the builder takes it: a token (RFC 9110 §5.6.2), kept in lower case.
pub(crate) fn normalize_name(name: &str) -> Option<Box<str>> {
    is_token(name).then(|| name.to_ascii_lowercase().into())
}

/// Whether this may be a method that somebody sends: a token without small letters. Methods are
/// compared with their case, and `post` is not `POST`.
pub(crate) fn is_method(name: &str) -> bool {
    is_token(name) && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}
