//! Handshakes that are not signed: answered from the head, without a body, a store or a signing secret.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::query::parameter;
use super::{LONGEST_ECHO, echo, json, may_be_echoed};
use crate::error::ConfigError;
use crate::known_name::KnownName;
use crate::rejection::RejectionKind;
use crate::reply::Answered;
use crate::request_head::{Lookup, RequestHead, normalize_name};
use crate::scheme::Scheme;
use crate::secret::Secret;

/// The longest verify token that is looked at.
const LONGEST_TOKEN: usize = 1024;

#[derive(Clone, Debug)]
pub(crate) enum Unsigned {
    EchoQuery { parameter: Box<str> },
    EchoQueryForToken { mode: Box<str>, value: Box<str>, token: Box<str>, challenge: Box<str> },
    EchoHeaderAsJson { header: Box<str>, field: Box<str> },
    AllowOrigin,
    ReturnHookSecret { proofs: Box<[KnownName]> },
}

/// resthooks.org, "Security".
const HOOK_SECRET: &str = "x-hook-secret";

/// The token of an endpoint, as its digest. Digests are of one length, so to compare them tells
/// nothing of the token's.
pub(crate) struct VerifyToken([u8; 32]);

impl VerifyToken {
    pub(crate) fn new(token: &Secret) -> Self {
        Self(Sha256::digest(token.expose()).into())
    }

    /// Whether it is this secret of the operator's, which must not be.
    pub(crate) fn is_secret(&self, secret: &Secret) -> bool {
        [secret.expose(), secret.expose().trim_ascii()].into_iter().any(|text| self.is(text))
    }

    fn is(&self, shown: &[u8]) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown).into();
        self.0.ct_eq(&shown).into()
    }
}

impl Unsigned {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::EchoQuery { .. } => "echo_query",
            Self::EchoQueryForToken { .. } => "echo_query_for_token",
            Self::EchoHeaderAsJson { .. } => "echo_header_as_json",
            Self::AllowOrigin => "allow_origin",
            Self::ReturnHookSecret { .. } => "return_hook_secret",
        }
    }

    /// With names of headers that can be looked up.
    pub(crate) fn checked(self, scheme: &Scheme) -> Result<Self, ConfigError> {
        match self {
            Self::ReturnHookSecret { .. } => {
                let proofs = scheme.proofs.iter().flat_map(|proof| proof.headers());
                Ok(Self::ReturnHookSecret { proofs: proofs.cloned().collect() })
            }
            Self::EchoHeaderAsJson { header, field } => match normalize_name(&header) {
                Some(header) => Ok(Self::EchoHeaderAsJson { header, field }),
                None => Err(ConfigError::InvalidHeaderName {
                    field: "handshake",
                    name: header.into_string(),
                }),
            },
            other => Ok(other),
        }
    }

    /// The proof's headers in further families.
    pub(super) fn or_proofs<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        if let Self::ReturnHookSecret { proofs } = self {
            *proofs = proofs.iter().cloned().chain(names.map(KnownName::new)).collect();
        }
    }

    pub(crate) fn needs_token(&self) -> bool {
        matches!(self, Self::EchoQueryForToken { .. })
    }

    fn method(&self) -> &'static str {
        match self {
            Self::AllowOrigin => "OPTIONS",
            Self::ReturnHookSecret { .. } => "POST",
            _ => "GET",
        }
    }

    /// Whether it comes with a method that routes of deliveries do not take.
    pub(crate) fn has_own_method(&self) -> bool {
        self.method() != "POST"
    }

    /// The answer, if this is the handshake. `allow` is what the endpoint accepts for deliveries.
    pub(crate) fn answer(
        &self,
        head: &(impl RequestHead + ?Sized),
        verify_token: Option<&VerifyToken>,
        allow: &str,
    ) -> Option<Result<Answered, RejectionKind>> {
        if head.method() != self.method() {
            return None;
        }
        let code = self.code();
        match self {
            Self::EchoQuery { parameter: name } => {
                echo(code, &parameter(head.target(), name, LONGEST_ECHO)?).map(Ok)
            }
            Self::EchoQueryForToken { mode, value, token, challenge } => {
                let verify_token = verify_token?;
                let target = head.target();
                let is_mode = parameter(target, mode, value.len())? == value.as_bytes();
                let shown = parameter(target, token, LONGEST_TOKEN).filter(|_| is_mode)?;
                if !verify_token.is(&shown) {
                    return Some(Err(RejectionKind::VerifyTokenMismatch));
                }
                echo(code, &parameter(target, challenge, LONGEST_ECHO)?).map(Ok)
            }
            Self::EchoHeaderAsJson { header, field } => {
                let text = text(head.lookup(header))?;
                let object = serde_json::json!({ &**field: text });
                Some(Ok(json(code, object.to_string())))
            }
            Self::AllowOrigin => {
                let origin = text(head.lookup("webhook-request-origin"))?;
                let headers = vec![
                    ("webhook-allowed-origin", origin.to_owned().into()),
                    ("webhook-allowed-rate", "*".into()),
                    ("allow", allow.to_owned().into()),
                ];
                Some(Ok(Answered { code, status: 200, headers, body: bytes::Bytes::new() }))
            }
            Self::ReturnHookSecret { proofs } => {
                let secret = text(head.lookup(HOOK_SECRET))?;
                // With a signature it is a delivery, whatever else it carries.
                if proofs.iter().any(|name| head.lookup_known(name) != Lookup::Missing) {
                    return None;
                }
                let headers = vec![(HOOK_SECRET, secret.to_owned().into())];
                Some(Ok(Answered { code, status: 200, headers, body: bytes::Bytes::new() }))
            }
        }
    }
}

/// A header's value, if it may be echoed.
fn text<'h>(found: Lookup<'h>) -> Option<&'h str> {
    let Lookup::One(value) = found else { return None };
    std::str::from_utf8(value).ok().filter(|text| may_be_echoed(text.as_bytes()))
}
