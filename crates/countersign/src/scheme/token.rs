//! Shared tokens: the sender shows the secret itself.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Refused;
use crate::encoding::decode_padded_base64_with;
use crate::known_name::KnownName;
use crate::rejection::RejectionKind;
use crate::request_head::{Lookup, RequestHead};
use crate::secret::Secret;

/// Where a provider puts a shared token, for
/// [`ProviderBuilder::shared_token`](crate::ProviderBuilder::shared_token).
///
/// A token proves who sends, not what is sent: one captured request is enough to send others.
/// Accept such deliveries over TLS only.
#[derive(Clone, Debug)]
pub struct Token {
    pub(crate) header: KnownName,
    form: Form,
    prefix: Box<str>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Plain,
    Bearer,
    Basic,
}

impl Token {
    /// The header's value is the token.
    #[must_use]
    pub fn header(name: &str) -> Self {
        Self { header: KnownName::new(name), form: Form::Plain, prefix: Box::default() }
    }

    /// `Authorization: Bearer <token>` (RFC 6750). `Bearer` matches without case.
    #[must_use]
    pub fn bearer() -> Self {
        Self { header: KnownName::new("authorization"), form: Form::Bearer, prefix: Box::default() }
    }

    /// `Authorization: Basic <base64 of user:password>` (RFC 7617). The secret is
    /// `user:password`; the comparison is over the decoded bytes, so a password may hold `:`.
    #[must_use]
    pub fn basic() -> Self {
        Self { header: KnownName::new("authorization"), form: Form::Basic, prefix: Box::default() }
    }

    /// The text before the token in its header, such as `Token ` or `key=`.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Steps 1 and 3: the token is there, once, well formed, and one of the endpoint's.
    /// Tells which one.
    fn check(
        &self,
        head: &(impl RequestHead + ?Sized),
        keys: &[(usize, TokenKey)],
    ) -> Result<usize, RejectionKind> {
        let digest = self.read(head)?;
        matching(keys, &digest).ok_or(RejectionKind::TokenMismatch)
    }

    /// Step 1: the token is there, once, and well formed. Gives its digest.
    fn read(&self, head: &(impl RequestHead + ?Sized)) -> Result<[u8; 32], RejectionKind> {
        let value = match head.lookup_known(&self.header) {
            Lookup::Missing => return Err(RejectionKind::TokenMissing),
            Lookup::Repeated => return Err(RejectionKind::TokenRepeated),
            Lookup::One(value) => value,
        };
        self.digest(value).ok_or(RejectionKind::TokenMalformed)
    }

    /// The digest of the token in a header's value. Digests are of one length, so comparing
    /// them tells nothing of a token's.
    fn digest(&self, value: &[u8]) -> Option<[u8; 32]> {
        let mut hasher = Sha256::new();
        match self.form {
            Form::Plain => {
                let token = value.strip_prefix(self.prefix.as_bytes())?;
                hasher.update(Some(token).filter(|token| !token.is_empty())?);
            }
            Form::Bearer => hasher.update(credentials(value, b"bearer")?),
            Form::Basic => {
                let encoded = credentials(value, b"basic")?;
                decode_padded_base64_with(encoded, |piece| hasher.update(piece)).then_some(())?;
            }
        }
        Some(hasher.finalize().into())
    }

    /// Prepares a token; nothing if no header could ever carry it.
    fn key(&self, secret: &Secret) -> Option<TokenKey> {
        let token = secret.expose();
        let possible = match self.form {
            // A server hands over header values without the white space around them.
            Form::Plain => token.trim_ascii() == token && !token.iter().any(u8::is_ascii_control),
            Form::Bearer => token.iter().all(u8::is_ascii_graphic),
            Form::Basic => token.contains(&b':'),
        };
        possible.then(|| TokenKey(Sha256::digest(token).into()))
    }

    /// What such a secret is, for the message about one that is not.
    pub(crate) fn expected(&self) -> &'static str {
        match self.form {
            Form::Plain => "header values: one line without white space around it",
            Form::Bearer => "bearer tokens: visible ASCII without spaces",
            Form::Basic => "`user:password`",
        }
    }

    /// What stands before the token in its header.
    #[cfg(feature = "diagnosis")]
    pub(super) fn before(&self) -> &str {
        match self.form {
            Form::Plain => &self.prefix,
            Form::Bearer => "Bearer ",
            Form::Basic => "Basic ",
        }
    }

    /// The header's value; nothing if no header could carry this secret.
    #[cfg(feature = "signing")]
    pub(crate) fn write(&self, secret: &Secret) -> Option<String> {
        self.key(secret)?;
        let token = secret.expose();
        let text = || std::str::from_utf8(token).ok();
        Some(match self.form {
            Form::Plain => format!("{}{}", self.prefix, text()?),
            Form::Bearer => format!("Bearer {}", text()?),
            Form::Basic => format!("Basic {}", crate::encoding::Encoding::Base64.encode(token)),
        })
    }
}

/// Which token has this digest.
fn matching(keys: &[(usize, TokenKey)], digest: &[u8; 32]) -> Option<usize> {
    let mut matched = None;
    for (index, key) in keys.iter().rev() {
        if key.0.ct_eq(digest).into() {
            matched = Some(*index);
        }
    }
    matched
}

/// What follows the scheme's name in an `Authorization` header.
fn credentials<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (name, rest) = value.split_at_checked(scheme.len())?;
    let credentials = rest.strip_prefix(b" ")?.trim_ascii_start();
    (name.eq_ignore_ascii_case(scheme) && !credentials.is_empty()).then_some(credentials)
}

/// A token as its digest; the token itself is not kept.
struct TokenKey([u8; 32]);

/// The endpoint's tokens, each with the index of its secret.
pub(crate) struct TokenKeys {
    token: Token,
    keys: Box<[(usize, TokenKey)]>,
}

impl TokenKeys {
    pub(super) fn new(token: &Token, secrets: &[(usize, &Secret)]) -> Self {
        let keys = secrets.iter().filter_map(|(index, secret)| Some((*index, token.key(secret)?)));
        Self { token: token.clone(), keys: keys.collect() }
    }

    /// One token that nobody knows.
    #[cfg(feature = "resolver")]
    pub(super) fn unknown(token: &Token, random: &[u8; 32]) -> Self {
        Self { token: token.clone(), keys: Box::new([(0, TokenKey(*random))]) }
    }

    /// Step 1, where the tokens are not there yet.
    #[cfg(feature = "resolver")]
    pub(super) fn read(
        &self,
        head: &(impl RequestHead + ?Sized),
    ) -> Result<Box<[u8; 32]>, Refused<'_>> {
        let refused = |kind| Refused { kind, header: Some(self.token.header.as_str()) };
        self.token.read(head).map(Box::new).map_err(refused)
    }

    /// Step 3 for a token of this digest.
    #[cfg(feature = "resolver")]
    pub(super) fn matching(&self, digest: &[u8; 32]) -> Option<usize> {
        matching(&self.keys, digest)
    }

    pub(super) fn used(&self) -> impl Iterator<Item = usize> {
        self.keys.iter().map(|(index, _)| *index)
    }

    /// Steps 1 and 3. Tells which secret it is.
    pub(super) fn check(&self, head: &(impl RequestHead + ?Sized)) -> Result<usize, Refused<'_>> {
        let refused = |kind| Refused { kind, header: Some(self.token.header.as_str()) };
        self.token.check(head, &self.keys).map_err(refused)
    }
}
