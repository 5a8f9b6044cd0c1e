//! How a provider proves a delivery, in three lives: configured ([`Scheme`]), prepared with an
//! endpoint's secrets ([`Keyed`]), and proving one delivery ([`Proving`]). Only this folder knows the
//! kinds of proofs.

mod algorithm;
mod candidates;
pub(crate) mod content;
mod lists;
mod mac;
mod mac_texts;
mod pieces;
mod proof;
mod proving;
#[cfg(any(feature = "ed25519", feature = "p256"))]
mod public_key;
mod roles;
mod secret_reading;
pub(crate) mod signature;
#[cfg(feature = "signing")]
mod signing;
mod texts;
pub(crate) mod token;
mod whole_body;

use algorithm::{Keys, Run};
use content::SignedContent;
pub(crate) use lists::Separators;
pub(crate) use pieces::Context;
use proof::Kind;
pub use proof::Proof;
pub(crate) use proving::Proving;
use proving::start_several;
pub(crate) use roles::BadSecret;
pub(crate) use secret_reading::SecretReading;
use signature::Signature;
#[cfg(feature = "signing")]
pub(crate) use texts::LONGEST_ID;
pub(crate) use texts::Texts;
use token::TokenKeys;

use crate::rejection::RejectionKind;
use crate::request_head::RequestHead;
#[cfg(feature = "signing")]
use crate::secret::Secret;

/// The proofs of which a provider's deliveries carry one, and what they cover.
#[derive(Clone, Debug)]
pub(crate) struct Scheme {
    pub(crate) proofs: Box<[Proof]>,
    pub(crate) content: SignedContent,
}

/// Why a head is refused, and for which header.
pub(crate) struct Refused<'a> {
    pub(crate) kind: RejectionKind,
    pub(crate) header: Option<&'a str>,
}

impl Refused<'_> {
    /// Not for a header, or for one that was told already.
    fn of(kind: RejectionKind) -> Self {
        Self { kind, header: None }
    }
}

impl Scheme {
    /// Whether a delivery's body is covered, and not only its sender shown.
    pub(crate) fn covers_content(&self) -> bool {
        !self.proofs.iter().any(|proof| matches!(proof.0, Kind::Token(_)))
    }

    /// Whether the MAC of a text that does not begin as the content does is no signature.
    pub(crate) fn can_answer_with_mac(&self) -> bool {
        let hmac = |proof: &Proof| matches!(proof.0, Kind::HmacSha256(_));
        self.proofs.iter().all(hmac) && !self.content.first_literal().is_empty()
    }

    /// The headers whose value is the secret itself.
    pub(crate) fn secret_headers(&self) -> impl Iterator<Item = &str> {
        self.proofs.iter().filter_map(|proof| match &proof.0 {
            Kind::Token(token) => Some(token.header.as_str()),
            _ => None,
        })
    }

    /// How the first proof that reads a signature finds it.
    pub(crate) fn signature(&self) -> Option<&Signature> {
        self.proofs.iter().find_map(Proof::signature)
    }

    /// The header and the value that prove this content, with the first proof that such a secret is for.
    #[cfg(feature = "signing")]
    pub(crate) fn sign(
        &self,
        secret: &Secret,
        texts: &Texts,
        body: &[u8],
    ) -> Option<(String, String)> {
        let mut content = Vec::new();
        self.content.feed_before(texts, |bytes| content.extend_from_slice(bytes));
        self.content.feed_body(body, |bytes| content.extend_from_slice(bytes));
        self.content.feed_after(texts, |bytes| content.extend_from_slice(bytes));
        self.proofs.iter().find_map(|proof| proof.sign(secret, &content))
    }

    /// What its deliveries are signed with.
    #[cfg(feature = "signing")]
    pub(crate) fn signing_secret(&self) -> &'static str {
        self.proofs.first().map_or("nothing", Proof::signing_secret)
    }

    /// The secret that an endpoint needs for what this one signs.
    #[cfg(feature = "signing")]
    pub(crate) fn verifying_secret(&self, secret: &Secret) -> Option<Secret> {
        self.proofs.iter().find_map(|proof| proof.verifying_secret(secret))
    }
}

macro_rules! kinds {
    ($($(#[$feature:meta])? $kind:ident($algorithm:ty, $doc:literal),)+) => {
        /// One proof, with the endpoint's secrets.
        enum KeyedProof {
            Token(TokenKeys),
            $($(#[$feature])? #[doc = $doc] $kind(Keys<$algorithm>),)+
        }

        /// One proof of one delivery. It is finished with the keys that it was started with.
        pub(crate) enum ProvingOne {
            /// A token, which is this secret.
            Token(usize),
            /// The digest of a token, where the secrets are still to come.
            #[cfg(feature = "resolver")]
            TokenShown(Box<[u8; 32]>),
            $($(#[$feature])? #[doc = $doc] $kind(Run<$algorithm>),)+
        }

        impl KeyedProof {
            fn used(&self) -> Box<dyn Iterator<Item = usize> + '_> {
                match self {
                    Self::Token(keys) => Box::new(keys.used()),
                    $($(#[$feature])? Self::$kind(keys) => Box::new(keys.used()),)+
                }
            }

            /// Step 1: what the head shows. `then` is given it, because to return it would cost a move.
            #[inline(always)]
            fn start<'k, T>(
                &'k self,
                head: &(impl RequestHead + ?Sized),
                then: impl FnOnce(Result<ProvingOne, Refused<'k>>) -> T,
            ) -> T {
                match self {
                    #[cfg(feature = "resolver")]
                    Self::Token(keys) if keys.used().next().is_none() => {
                        then(keys.read(head).map(ProvingOne::TokenShown))
                    }
                    Self::Token(keys) => then(keys.check(head).map(ProvingOne::Token)),
                    $($(#[$feature])? Self::$kind(keys) => {
                        match keys.read(head) {
                            Ok(shown) => then(Ok(ProvingOne::$kind(Run::new(shown)))),
                            Err(refused) => then(Err(refused)),
                        }
                    })+
                }
            }
        }

        impl KeyedProof {
            /// Steps 1 and 3 for a body that is there. `rest` reads the rest of the head, once the proof
            /// is known to be there, and gives what is kept of it.
            #[inline(always)]
            fn verify<'k, 't>(
                &'k self,
                head: &(impl RequestHead + ?Sized),
                content: &SignedContent,
                body: &[u8],
                rest: impl FnOnce() -> Result<&'t Texts, RejectionKind>,
            ) -> Result<usize, Refused<'k>> {
                let rest = || rest().map_err(Refused::of);
                match self {
                    Self::Token(keys) => {
                        let matched = keys.check(head)?;
                        rest().map(|_| matched)
                    }
                    $($(#[$feature])? Self::$kind(keys) => {
                        let shown = keys.read(head)?;
                        let texts = rest()?;
                        let matched = content
                            .fits(texts, body)
                            .then(|| keys.matching(&shown, content, texts, body));
                        matched.flatten().ok_or(Refused::of(RejectionKind::SignatureMismatch))
                    })+
                }
            }
        }

        impl ProvingOne {
            fn begin(&mut self, keys: &KeyedProof, content: &SignedContent, texts: &Texts) {
                match (self, keys) {
                    $($(#[$feature])? (Self::$kind(run), KeyedProof::$kind(keys)) => {
                        run.begin(keys, content, texts);
                    })+
                    _ => {}
                }
            }

            fn push(&mut self, chunk: &[u8]) {
                match self {
                    Self::Token(_) => {}
                    #[cfg(feature = "resolver")]
                    Self::TokenShown(_) => {}
                    $($(#[$feature])? Self::$kind(run) => run.push(chunk),)+
                }
            }

            #[inline(always)]
            fn finish(
                &mut self,
                keys: &KeyedProof,
                content: &SignedContent,
                texts: &Texts,
                body: &[u8],
            ) -> Option<usize> {
                match (self, keys) {
                    (Self::Token(secret), _) => Some(*secret),
                    #[cfg(feature = "resolver")]
                    (Self::TokenShown(digest), KeyedProof::Token(keys)) => keys.matching(digest),
                    $($(#[$feature])? (Self::$kind(run), KeyedProof::$kind(keys)) => {
                        run.finish(keys, content, texts, body)
                    })+
                    // Other keys than it was started with.
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    #[cfg(feature = "sha1")]
    HmacSha1(mac::HmacSha1, "HMAC with SHA-1."),
    HmacSha256(mac::HmacSha256, "HMAC with SHA-256."),
    HmacSha512(mac::HmacSha512, "HMAC with SHA-512."),
    #[cfg(feature = "ed25519")]
    Ed25519(public_key::Ed25519, "ed25519."),
    #[cfg(feature = "p256")]
    EcdsaP256(public_key::EcdsaP256, "ECDSA over P-256 with SHA-256."),
}

/// A scheme with an endpoint's secrets.
pub(crate) struct Keyed(Box<[KeyedProof]>);

impl Keyed {
    /// HMAC-SHA256 of a handshake's challenge, under the secret at this index. Whoever calls this sees
    /// to it that the text is not a delivery's content.
    pub(crate) fn hmac_sha256(&self, secret: usize, challenge: &[u8]) -> Option<[u8; 32]> {
        self.0.iter().find_map(|keyed| match keyed {
            KeyedProof::HmacSha256(keys) => mac::hmac_sha256(keys, secret, challenge),
            _ => None,
        })
    }

    /// Starts a delivery's proof with what its head shows. `then` is given it, because to return it
    /// would cost several moves, and there its kind is known.
    #[inline(always)]
    pub(crate) fn start<'k, T>(
        &'k self,
        head: &(impl RequestHead + ?Sized),
        then: impl FnOnce(Result<Proving, Refused<'k>>) -> T,
    ) -> T {
        match &*self.0 {
            [only] => only.start(head, |one| match one {
                Ok(one) => then(Ok(Proving::One(one))),
                Err(refused) => then(Err(refused)),
            }),
            several => then(start_several(several, head).map(Proving::AnyOf)),
        }
    }

    /// Steps 1 and 3 for a body that is there: which secret matches. `rest` reads the rest of the head,
    /// once the proof is known to be there, and gives what is kept of it.
    #[inline(always)]
    pub(crate) fn verify<'k, 't>(
        &'k self,
        head: &(impl RequestHead + ?Sized),
        content: &SignedContent,
        body: &[u8],
        rest: impl FnOnce() -> Result<&'t Texts, RejectionKind>,
    ) -> Result<usize, Refused<'k>> {
        match &*self.0 {
            [only] => only.verify(head, content, body, rest),
            several => {
                let mut proving = Proving::AnyOf(start_several(several, head)?);
                let texts = rest().map_err(Refused::of)?;
                let matched = proving.finish(self, content, texts, body);
                matched.ok_or(Refused::of(RejectionKind::SignatureMismatch))
            }
        }
    }
}
