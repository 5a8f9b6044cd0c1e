//! What a provider's deliveries are proven with.

use super::algorithm::{Algorithm, Keys};
#[cfg(any(feature = "ed25519", feature = "p256"))]
use super::public_key;
use super::signature::Signature;
use super::token::{Token, TokenKeys};
use super::{KeyedProof, mac};
use crate::known_name::KnownName;
use crate::secret::Secret;

/// One way to prove a delivery, for
/// [`ProviderBuilder::any_of`](crate::ProviderBuilder::any_of).
///
/// ```
/// use countersign::{Proof, Provider, Signature};
///
/// // A provider that changes from SHA-1 to SHA-256 and sends both.
/// let acme = Provider::builder("acme")
///     .any_of([
///         Proof::hmac_sha256(Signature::header("X-Acme-Signature-256")),
///         Proof::hmac_sha512(Signature::header("X-Acme-Signature-512")),
///     ])
///     .build()?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Proof(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Token(Token),
    #[cfg(feature = "sha1")]
    HmacSha1(Signature),
    HmacSha256(Signature),
    HmacSha512(Signature),
    #[cfg(feature = "ed25519")]
    Ed25519(Signature),
    #[cfg(feature = "p256")]
    EcdsaP256(Signature),
}

impl Proof {
    /// HMAC with SHA-1 (feature `sha1`). As a MAC it is not broken; for anything new use SHA-256.
    #[cfg(feature = "sha1")]
    #[must_use]
    pub fn hmac_sha1(signature: Signature) -> Self {
        Self(Kind::HmacSha1(signature))
    }

    /// HMAC with SHA-256.
    #[must_use]
    pub fn hmac_sha256(signature: Signature) -> Self {
        Self(Kind::HmacSha256(signature))
    }

    /// HMAC with SHA-512.
    #[must_use]
    pub fn hmac_sha512(signature: Signature) -> Self {
        Self(Kind::HmacSha512(signature))
    }

    /// ed25519 (feature `ed25519`). The endpoint's secret is the provider's public key. It is
    /// verified strictly: no weak keys, no signature that was changed and still holds.
    #[cfg(feature = "ed25519")]
    #[must_use]
    pub fn ed25519(signature: Signature) -> Self {
        Self(Kind::Ed25519(signature))
    }

    /// ECDSA over P-256 with SHA-256 (feature `p256`), in DER or as `r` and `s`. The endpoint's
    /// secret is the provider's public key. One such signature can be written in a second way,
    /// so a signature is never an event's key here.
    #[cfg(feature = "p256")]
    #[must_use]
    pub fn ecdsa_p256(signature: Signature) -> Self {
        Self(Kind::EcdsaP256(signature))
    }

    /// A token that the provider and the endpoint share.
    #[must_use]
    pub fn shared_token(token: Token) -> Self {
        Self(Kind::Token(token))
    }

    /// The kind, as the builder's methods are named.
    pub(crate) fn method(&self) -> &'static str {
        match &self.0 {
            Kind::Token(_) => "shared_token",
            #[cfg(feature = "sha1")]
            Kind::HmacSha1(_) => "hmac_sha1",
            Kind::HmacSha256(_) => "hmac_sha256",
            Kind::HmacSha512(_) => "hmac_sha512",
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(_) => "ed25519",
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(_) => "ecdsa_p256",
        }
    }

    pub(crate) fn signature(&self) -> Option<&Signature> {
        match &self.0 {
            Kind::Token(_) => None,
            #[cfg(feature = "sha1")]
            Kind::HmacSha1(signature) => Some(signature),
            Kind::HmacSha256(signature) | Kind::HmacSha512(signature) => Some(signature),
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(signature) => Some(signature),
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(signature) => Some(signature),
        }
    }

    /// The names of the headers that it is read from.
    pub(crate) fn headers(&self) -> &[KnownName] {
        match &self.0 {
            Kind::Token(token) => std::slice::from_ref(&token.header),
            _ => self.signature().map_or(&[], |signature| &signature.headers),
        }
    }

    /// The same, to be checked.
    pub(crate) fn headers_mut(&mut self) -> &mut [KnownName] {
        match &mut self.0 {
            Kind::Token(token) => std::slice::from_mut(&mut token.header),
            #[cfg(feature = "sha1")]
            Kind::HmacSha1(signature) => &mut signature.headers,
            Kind::HmacSha256(signature) | Kind::HmacSha512(signature) => &mut signature.headers,
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(signature) => &mut signature.headers,
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(signature) => &mut signature.headers,
        }
    }

    /// Whether its secrets are public keys, which everybody knows.
    pub(crate) fn takes_public_keys(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(_) => true,
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(_) => true,
            _ => false,
        }
    }

    /// Whether such a text is meant for this proof: it has the prefix of its secrets, or says that it is
    /// a public key (PEM, or `SubjectPublicKeyInfo`).
    pub(super) fn has_own_form(&self, text: &[u8]) -> bool {
        let prefix = self.signature().map_or("", |signature| signature.secret.prefix()).as_bytes();
        let prefixed = !prefix.is_empty() && text.starts_with(prefix);
        #[cfg(any(feature = "ed25519", feature = "p256"))]
        let names_itself = |signature| public_key::names_itself(signature, text);
        #[cfg(not(any(feature = "ed25519", feature = "p256")))]
        let names_itself = |_| false;
        prefixed || self.takes_public_keys() && self.signature().is_some_and(names_itself)
    }

    /// Whether such a text could be meant for a public key, also where this proof cannot use it: a PEM
    /// that has lost its line ends, or the key of another kind.
    pub(super) fn is_like_public_key(&self, text: &[u8]) -> bool {
        #[cfg(any(feature = "ed25519", feature = "p256"))]
        let is_like = public_key::is_like_one;
        #[cfg(not(any(feature = "ed25519", feature = "p256")))]
        let is_like = |_: &Signature, _: &[u8]| false;
        self.takes_public_keys()
            && self.signature().is_some_and(|signature| is_like(signature, text))
    }

    /// What its secrets are.
    pub(super) fn expected(&self) -> &'static str {
        match &self.0 {
            Kind::Token(token) => token.expected(),
            #[cfg(feature = "sha1")]
            Kind::HmacSha1(signature) => mac::HmacSha1::expected(signature),
            Kind::HmacSha256(signature) => mac::HmacSha256::expected(signature),
            Kind::HmacSha512(signature) => mac::HmacSha512::expected(signature),
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(signature) => public_key::Ed25519::expected(signature),
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(signature) => public_key::EcdsaP256::expected(signature),
        }
    }

    pub(super) fn key(&self, secrets: &[(usize, &Secret)]) -> KeyedProof {
        match &self.0 {
            Kind::Token(token) => KeyedProof::Token(TokenKeys::new(token, secrets)),
            #[cfg(feature = "sha1")]
            Kind::HmacSha1(signature) => KeyedProof::HmacSha1(Keys::new(signature, secrets)),
            Kind::HmacSha256(signature) => KeyedProof::HmacSha256(Keys::new(signature, secrets)),
            Kind::HmacSha512(signature) => KeyedProof::HmacSha512(Keys::new(signature, secrets)),
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(signature) => KeyedProof::Ed25519(Keys::new(signature, secrets)),
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(signature) => KeyedProof::EcdsaP256(Keys::new(signature, secrets)),
        }
    }

    /// With a key that nobody knows a proof for.
    #[cfg(feature = "resolver")]
    pub(super) fn unknown_key(&self, random: &[u8; 32]) -> KeyedProof {
        match &self.0 {
            Kind::Token(token) => KeyedProof::Token(TokenKeys::unknown(token, random)),
            #[cfg(feature = "sha1")]
            Kind::HmacSha1(signature) => KeyedProof::HmacSha1(Keys::unknown(signature, random)),
            Kind::HmacSha256(signature) => KeyedProof::HmacSha256(Keys::unknown(signature, random)),
            Kind::HmacSha512(signature) => KeyedProof::HmacSha512(Keys::unknown(signature, random)),
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(signature) => KeyedProof::Ed25519(Keys::unknown(signature, random)),
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(signature) => KeyedProof::EcdsaP256(Keys::unknown(signature, random)),
        }
    }

    /// How many bytes a signature has, where that is fixed.
    #[cfg(feature = "diagnosis")]
    pub(crate) fn length(&self) -> Option<usize> {
        match &self.0 {
            Kind::Token(_) => None,
            #[cfg(feature = "sha1")]
            Kind::HmacSha1(_) => Some(20),
            Kind::HmacSha256(_) => Some(32),
            Kind::HmacSha512(_) => Some(64),
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(_) => Some(64),
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(_) => None,
        }
    }

    /// The text before a token in its header.
    #[cfg(feature = "diagnosis")]
    pub(crate) fn token_prefix(&self) -> &str {
        match &self.0 {
            Kind::Token(token) => token.before(),
            _ => "",
        }
    }

    /// How a key is written in the secret.
    #[cfg(feature = "diagnosis")]
    pub(crate) fn reads(&self) -> crate::diagnosis::Reads<'_> {
        use crate::diagnosis::Reads;
        match self.signature() {
            #[cfg(any(feature = "ed25519", feature = "p256"))]
            Some(signature) if self.takes_public_keys() => Reads::Base64(signature.secret.prefix()),
            Some(signature) => signature.secret.reads(),
            None => Reads::Text,
        }
    }
}
