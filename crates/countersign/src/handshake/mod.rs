//! Handshakes: requests by which a provider asks whether an endpoint wants its deliveries, and that
//! the middleware answers itself.

mod query;
mod signed;
mod unsigned;

use bytes::Bytes;

pub(crate) use signed::{Context, Signed, Source};
pub(crate) use unsigned::{Unsigned, VerifyToken};

use crate::envelope::Slot;
use crate::error::ConfigError;
use crate::reply::Answered;
use crate::scheme::Scheme;

/// The longest text that is echoed.
const LONGEST_ECHO: usize = 256;

/// A request that the middleware answers itself, for
/// [`ProviderBuilder::handshake`](crate::ProviderBuilder::handshake).
///
/// A handshake that the provider signs begins with [`when_field`](Self::when_field) or
/// [`when_header`](Self::when_header). It is verified as a delivery is, its signature and its time,
/// and then answered. One that is not signed is answered from the request's head alone. Neither
/// touches the store or runs a handler.
///
/// Some providers need none of this. Any 2xx of the handler answers GitHub's `ping` and LINE's empty
/// list of events. Xero's intent to receive wants 200 for a right signature and 401 for a wrong one,
/// which every delivery gets; it also wants answers without a body, which an `error_handler` of the
/// adapter's layer can give.
///
/// # Never a way to set a secret
///
/// Asana and Notion send a new secret in a first request that is not signed. Anyone can send such a
/// request, so nothing here takes a secret from one. Asana only wants it back, and shows it in its answer
/// to the call that makes the webhook: see [`return_hook_secret`](Self::return_hook_secret). Notion shows its
/// `verification_token` in the body of that request and nowhere else, and wants a 2xx. There is no kind
/// for it: to answer 2xx would lose the token, and to log it would print a secret. Take that request
/// once in a route without this middleware, copy the token by hand, and close the route.
///
/// # Never an oracle
///
/// Nothing here signs a text that a stranger chooses. X (Twitter) asks for
/// `HMAC(secret, crc_token)` in a `GET` that is not signed. Its deliveries carry `HMAC(secret, body)`
/// under the same secret. So an attacker who asks with a body of their own as the token would get
/// the signature of a delivery. That is why there is no such kind.
///
/// # What is echoed
///
/// An echoed text has 1 to 256 visible ASCII characters. It is answered as `text/plain` with
/// `X-Content-Type-Options: nosniff`, so that no browser takes it for a page.
///
/// ```
/// use countersign::{Handshake, Provider, Signature};
///
/// let acme = Provider::builder("acme")
///     .hmac_sha256(Signature::header("X-Acme-Signature"))
///     .event_type("type")
///     .handshake(Handshake::when_field("type", "url_verification").echo_field("challenge"))
///     .build()?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Handshake(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Signed(When, Source<Box<str>>),
    Unsigned(Unsigned),
}

impl Handshake {
    /// A signed handshake, known by this value of a body field.
    pub fn when_field(path: &str, value: impl Into<FieldValue>) -> When {
        When { condition: Condition::Field(path.into(), value.into()), without: None }
    }

    /// A signed handshake, known by this value of a header. If the header is not signed, a
    /// replay can add it; the answer still needs what it is made of.
    pub fn when_header(name: &str, value: &str) -> When {
        When { condition: Condition::Header(name.into(), value.into()), without: None }
    }

    /// An unsigned `GET` with this parameter in the query, whose value is echoed. Dropbox.
    #[must_use]
    pub fn echo_query(parameter: &str) -> Self {
        Self(Kind::Unsigned(Unsigned::EchoQuery { parameter: parameter.into() }))
    }

    /// An unsigned `GET` whose query has the parameter `mode` with this value, and that shows the
    /// endpoint's [`verify_token`](crate::EndpointBuilder::verify_token) in the parameter `token`: the
    /// parameter `challenge` is echoed. Another token is
    /// [`VerifyTokenMismatch`](crate::RejectionKind::VerifyTokenMismatch). An endpoint without a
    /// `verify_token` has no such handshake. Meta.
    #[must_use]
    pub fn echo_query_for_token(mode: (&str, &str), token: &str, challenge: &str) -> Self {
        let [token, challenge] = [token, challenge].map(Into::into);
        let (mode, value) = (mode.0.into(), mode.1.into());
        Self(Kind::Unsigned(Unsigned::EchoQueryForToken { mode, value, token, challenge }))
    }

    /// An unsigned `GET` with this header, whose value is answered as this field of a JSON object.
    /// Okta.
    #[must_use]
    pub fn echo_header_as_json(header: &str, field: &str) -> Self {
        Self(Kind::Unsigned(Unsigned::EchoHeaderAsJson {
            header: header.into(),
            field: field.into(),
        }))
    }

    /// An unsigned `OPTIONS` with `WebHook-Request-Origin`: the origin may send, at any rate. Its
    /// `WebHook-Request-Callback` is not called: anyone could write any URL there. CloudEvents.
    #[must_use]
    pub fn allow_origin() -> Self {
        Self(Kind::Unsigned(Unsigned::AllowOrigin))
    }

    /// An unsigned `POST` with `X-Hook-Secret` and without a signature: 200 with the same
    /// `X-Hook-Secret`, if that is 1 to 256 visible ASCII characters. Asana.
    ///
    /// The secret is not taken: anyone can send such a request. Asana shows it in its answer to the
    /// call that makes the webhook, as `X-Hook-Secret` beside `data`
    /// (developers.asana.com/reference/createwebhook). Give it to the endpoint from there, as any
    /// secret; until then the deliveries of that webhook are refused.
    #[must_use]
    pub fn return_hook_secret() -> Self {
        Self(Kind::Unsigned(Unsigned::ReturnHookSecret { proofs: Box::default() }))
    }

    /// The kind, as it is in reports: `echo_field`, `echo_header`, `fixed_answer`,
    /// `echo_field_with_mac`, `echo_query`, `echo_query_for_token`, `echo_header_as_json`,
    /// `allow_origin` or `return_hook_secret`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.0 {
            Kind::Signed(_, answer) => answer.code(),
            Kind::Unsigned(unsigned) => unsigned.code(),
        }
    }

    /// Whether the provider signs it.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        matches!(self.0, Kind::Signed(..))
    }
}

/// What a signed handshake is known by; say how to answer it.
///
/// A delivery that lacks what the answer is made of is not a handshake, and goes to the handler.
#[derive(Clone, Debug)]
#[must_use = "say how to answer it"]
pub struct When {
    condition: Condition,
    without: Option<Box<str>>,
}

#[derive(Clone, Debug)]
enum Condition {
    Field(Box<str>, FieldValue),
    Header(Box<str>, Box<str>),
}

/// The value of a body field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldValue {
    /// A text.
    Text(Box<str>),
    /// A whole number.
    Integer(i64),
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i32> for FieldValue {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i64> for FieldValue {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl When {
    /// Not if the body has this field too.
    pub fn without_field(mut self, path: &str) -> Self {
        self.without = Some(path.into());
        self
    }

    /// 200 with the text in this body field. Slack, Twitch.
    #[must_use]
    pub fn echo_field(self, path: &str) -> Handshake {
        Handshake(Kind::Signed(self, Source::Field(path.into())))
    }

    /// 200 with this header's value. Front.
    #[must_use]
    pub fn echo_header(self, name: &str) -> Handshake {
        Handshake(Kind::Signed(self, Source::Header(name.into())))
    }

    /// 200 with this JSON. Discord interactions.
    #[must_use]
    pub fn answer_json(self, json: impl Into<Bytes>) -> Handshake {
        Handshake(Kind::Signed(self, Source::Fixed(Some(json.into()))))
    }

    /// 204, which has no body. Discord webhook events.
    #[must_use]
    pub fn answer_nothing(self) -> Handshake {
        Handshake(Kind::Signed(self, Source::Fixed(None)))
    }

    /// 200 with a JSON object of two fields: `plain` has the text in this body field, and `mac` its
    /// HMAC-SHA256 as hex under the secret that proved the request. Zoom.
    ///
    /// The same secret signs deliveries, so the text must not be one. The provider's signed content
    /// must begin with a literal, and a text that begins with it is refused.
    #[must_use]
    pub fn echo_field_with_mac(self, path: &str, plain: &str, mac: &str) -> Handshake {
        let [plain, mac] = [plain, mac].map(Into::into);
        Handshake(Kind::Signed(self, Source::FieldWithMac { field: path.into(), plain, mac }))
    }
}

/// A provider's handshakes, as the builder checked them.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    pub(crate) signed: Vec<Signed>,
    pub(crate) unsigned: Vec<Unsigned>,
}

impl Handshakes {
    /// `slot` adds a path to those that are looked for in a body.
    pub(crate) fn new(
        handshakes: Vec<Handshake>,
        scheme: &Scheme,
        mut slot: impl FnMut(&str) -> Result<Slot, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let mut sorted = Self::default();
        for handshake in handshakes {
            match handshake.0 {
                Kind::Unsigned(kind) => sorted.unsigned.push(kind.checked(scheme)?),
                Kind::Signed(_, source) if source.has_mac() && !scheme.can_answer_with_mac() => {
                    return Err(ConfigError::HandshakeWouldSign);
                }
                Kind::Signed(when, source) => {
                    sorted.signed.push(Signed::new(&when, &source, &mut slot)?);
                }
            }
        }
        Ok(sorted)
    }

    /// The codes of all of them.
    #[cfg(feature = "metrics")]
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        let signed = self.signed.iter().map(Signed::code);
        signed.chain(self.unsigned.iter().map(Unsigned::code)).collect()
    }

    /// A proof is read from these headers as well.
    pub(crate) fn or_proofs<'n>(&mut self, names: impl Iterator<Item = &'n str> + Clone) {
        self.unsigned.iter_mut().for_each(|kind| kind.or_proofs(names.clone()));
    }
}

/// Whether a text may be echoed.
fn may_be_echoed(text: &[u8]) -> bool {
    (1..=LONGEST_ECHO).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

/// The answer with a text, if it may be echoed.
fn echo(code: &'static str, text: &[u8]) -> Option<Answered> {
    may_be_echoed(text).then(|| Answered {
        code,
        status: 200,
        headers: vec![
            ("content-type", "text/plain".into()),
            ("x-content-type-options", "nosniff".into()),
        ],
        body: Bytes::copy_from_slice(text),
    })
}

fn json(code: &'static str, body: impl Into<Bytes>) -> Answered {
    let headers = vec![
        ("content-type", "application/json".into()),
        ("x-content-type-options", "nosniff".into()),
    ];
    Answered { code, status: 200, headers, body: body.into() }
}
