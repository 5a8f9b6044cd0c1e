//! What to answer where no handler does.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use crate::rejection::Rejection;

/// What to answer to a request that reaches no handler: a [`Rejection`], or the answer to a
/// [handshake](crate::Handshake). An adapter prints it.
///
/// It implements [`Error`](std::error::Error), so that `?` ends a request's way with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply(Content);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Rejected(Rejection),
    Handshake(Box<Answered>),
}

/// The answer to a handshake. What it echoes may be a secret (Asana), and is in no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    /// The handshake's [`code`](crate::Handshake::code).
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) body: Bytes,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered")
            .field("code", &self.code)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Reply {
    pub(crate) fn handshake_answered(answered: Answered) -> Self {
        Self(Content::Handshake(Box::new(answered)))
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match &self.0 {
            Content::Rejected(rejection) => rejection.status(),
            Content::Handshake(answered) => answered.status,
        }
    }

    /// The headers, each name once and in lower case: `content-type`, and what else the answer needs.
    /// The body's length is the server's to say.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> + '_ {
        let (own, answered) = match &self.0 {
            Content::Rejected(rejection) => (of_rejection(rejection), &[][..]),
            Content::Handshake(answered) => ([const { None }; 3], &*answered.headers),
        };
        own.into_iter().flatten().chain(answered.iter().cloned())
    }

    /// The body; empty for a status that has none.
    #[must_use]
    pub fn body(&self) -> Bytes {
        match &self.0 {
            Content::Rejected(rejection) => Bytes::from_static(rejection.body().as_bytes()),
            Content::Handshake(answered) => answered.body.clone(),
        }
    }

    /// How to print it where the user has an error handler, which makes a response `R` of a rejection.
    /// For adapters: all decisions about such a response are made here.
    ///
    /// The error handler decides on the body, its content type, and further headers. The status,
    /// `Retry-After` and `Allow` are the reply's, because senders act on them. The error handler is not
    /// called for a handshake. If it panics, the default answer is printed: a panic would end the
    /// connection, and over HTTP/2 other requests with it.
    pub fn print<R>(&self, error_handler: Option<impl FnOnce(&Rejection) -> R>) -> Printed<'_, R> {
        let own = self
            .rejection()
            .zip(error_handler)
            .and_then(|(rejection, make)| catch_unwind(AssertUnwindSafe(|| make(rejection))).ok());
        Printed { reply: self, is_own: own.is_some(), own }
    }

    /// The rejection, unless this answers a handshake.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.0 {
            Content::Rejected(rejection) => Some(rejection),
            Content::Handshake(_) => None,
        }
    }

    /// The same, without the rest.
    #[must_use]
    pub fn into_rejection(self) -> Option<Rejection> {
        match self.0 {
            Content::Rejected(rejection) => Some(rejection),
            Content::Handshake(_) => None,
        }
    }

    /// The [code](crate::Handshake::code) of the handshake that this answers.
    #[must_use]
    pub fn handshake(&self) -> Option<&'static str> {
        match &self.0 {
            Content::Rejected(_) => None,
            Content::Handshake(answered) => Some(answered.code),
        }
    }
}

/// A [`Reply`] as an adapter prints it, see [`Reply::print`]: begin with [`take_own`](Self::take_own)
/// or an empty response, set the status, remove some headers, set others, and set the body.
#[derive(Debug)]
pub struct Printed<'a, R> {
    reply: &'a Reply,
    own: Option<R>,
    is_own: bool,
}

impl<R> Printed<'_, R> {
    /// The response of the user's error handler, if it made one.
    pub fn take_own(&mut self) -> Option<R> {
        self.own.take()
    }

    /// The status to set.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.reply.status()
    }

    /// The names of the headers to remove, before [`headers`](Self::headers) are set.
    #[must_use]
    pub fn removed(&self) -> &'static [&'static str] {
        // How long the body is, is the server's to say: a length of the user's own that is not the body's
        // would put the connection out of step.
        &["retry-after", "content-length", "transfer-encoding"]
    }

    /// Whether the values of these headers may be secret: Asana's handshake brings one and wants it back.
    /// An adapter marks them as sensitive, so that a log of the response's headers does not show them.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.reply.handshake().is_some()
    }

    /// The headers to set, each name once and in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> + '_ {
        // The type of a body of the user's own is the user's decision.
        self.reply.headers().filter(|(name, _)| !(self.is_own && *name == "content-type"))
    }

    /// The body to set; none where the user's own stays.
    #[must_use]
    pub fn body(&self) -> Option<Bytes> {
        match self.is_own {
            true => self.has_no_body().then(Bytes::new),
            false => Some(self.reply.body()),
        }
    }

    /// These statuses have no body. If one is sent, the receiver takes it for the next
    /// response on the connection.
    fn has_no_body(&self) -> bool {
        matches!(self.status(), 204 | 205)
    }
}

fn of_rejection(rejection: &Rejection) -> [Option<(&'static str, Cow<'static, str>)>; 3] {
    let json = (!rejection.body().is_empty()).then_some("application/json");
    let retry_after = rejection.retry_after_secs();
    [
        json.map(|json| ("content-type", json.into())),
        retry_after.map(|seconds| ("retry-after", seconds.to_string().into())),
        rejection.allow().map(|allow| ("allow", allow.to_owned().into())),
    ]
}

impl From<Rejection> for Reply {
    fn from(rejection: Rejection) -> Self {
        Self(Content::Rejected(rejection))
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Rejected(rejection) => rejection.fmt(f),
            Content::Handshake(answered) => write!(f, "handshake answered: {}", answered.code),
        }
    }
}

impl std::error::Error for Reply {}
