//! What proves a delivery.

use super::ProviderBuilder;
use crate::provider::Timestamp;
use crate::provider::families::OtherPrefix;
use crate::scheme::Proof;
use crate::scheme::content::Part;
use crate::scheme::signature::Signature;
use crate::scheme::token::Token;
use crate::window::TimeFormat;

impl ProviderBuilder {
    /// Deliveries are signed with HMAC-SHA256.
    pub fn hmac_sha256(self, signature: Signature) -> Self {
        self.proof(Proof::hmac_sha256(signature))
    }

    /// Deliveries are signed with HMAC-SHA1 (feature `sha1`).
    #[cfg(feature = "sha1")]
    pub fn hmac_sha1(self, signature: Signature) -> Self {
        self.proof(Proof::hmac_sha1(signature))
    }

    /// Deliveries are signed with HMAC-SHA512.
    pub fn hmac_sha512(self, signature: Signature) -> Self {
        self.proof(Proof::hmac_sha512(signature))
    }

    /// Deliveries are signed with ed25519 (feature `ed25519`); the endpoint's secret is the
    /// provider's public key.
    #[cfg(feature = "ed25519")]
    pub fn ed25519(self, signature: Signature) -> Self {
        self.proof(Proof::ed25519(signature))
    }

    /// Deliveries are signed with ECDSA over P-256 (feature `p256`); the endpoint's secret is the
    /// provider's public key.
    #[cfg(feature = "p256")]
    pub fn ecdsa_p256(self, signature: Signature) -> Self {
        self.proof(Proof::ecdsa_p256(signature))
    }

    /// Deliveries are signed as Standard Webhooks has it, in headers that begin with this (`webhook`,
    /// `svix`): the id, the time in seconds and the body, joined with dots, under HMAC-SHA256; a list of
    /// signatures in base64 after `v1,`; secrets in base64 after `whsec_`. Sets the proof, the signed
    /// content, the time and the id. Source: the specification of Standard Webhooks, 1.0.0.
    pub fn standard_webhooks(self, prefix: &str) -> Self {
        let signature = Signature::header(&format!("{prefix}-signature"))
            .prefix("v1,")
            .base64()
            .separator(' ')
            .base64_secret("whsec_");
        let time = Timestamp::header(&format!("{prefix}-timestamp"));
        let dot = || Part::literal(".");
        self.hmac_sha256(signature)
            .signed_content([Part::Id, dot(), Part::Timestamp, dot(), Part::Body])
            .timestamp(time.format(TimeFormat::UnixSeconds))
            .event_id_header(&format!("{prefix}-id"))
    }

    /// All headers that are named here begin with `usual`, and all of them may begin with `other`
    /// instead: Svix sends `svix-id`, `svix-timestamp` and `svix-signature`, or `webhook-id`,
    /// `webhook-timestamp` and `webhook-signature`, as its customer chose. Call it again for a third
    /// family. For signatures, and not for tokens; handshakes are looked for under the names given.
    ///
    /// A request is read in the family whose signature it carries, and nothing of another family is
    /// looked at. One that carries signatures of two families is refused
    /// ([`SignatureRepeated`](crate::RejectionKind::SignatureRepeated)). An event has the same key in
    /// each of them, because a replay could rename the headers.
    ///
    /// ```
    /// # use countersign::Provider;
    /// let svix = Provider::builder("svix")
    ///     .standard_webhooks("svix")
    ///     .or_header_prefix("svix-", "webhook-")
    ///     .build()?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn or_header_prefix(mut self, usual: &str, other: &str) -> Self {
        self.other_prefixes.push(OtherPrefix { usual: usual.into(), other: other.into() });
        self
    }

    /// Deliveries carry a token that the provider and the endpoint share.
    pub fn shared_token(self, token: Token) -> Self {
        self.proof(Proof::shared_token(token))
    }

    /// Deliveries carry one of several proofs. All of those that a delivery carries are computed,
    /// and the first that holds counts. Each of the endpoint's secrets must be of use for one of
    /// them.
    ///
    /// A public key is never used as the secret of a MAC or as a token, because it is not secret. A
    /// secret that could be either, such as 64 hex digits beside an ed25519 proof, must say what it is
    /// ([`Secret::as_public_key`](crate::Secret::as_public_key),
    /// [`Secret::as_shared_secret`](crate::Secret::as_shared_secret)), unless its prefix says it
    /// (`whsec_`, `whpk_`) or it is in PEM.
    pub fn any_of(mut self, proofs: impl IntoIterator<Item = Proof>) -> Self {
        self.set(self.proven_by, "any_of");
        self.proven_by = Some("any_of");
        self.proofs = proofs.into_iter().collect();
        self
    }

    fn proof(mut self, proof: Proof) -> Self {
        self.set(self.proven_by, proof.method());
        self.proven_by = Some(proof.method());
        self.proofs = vec![proof];
        self
    }
}
