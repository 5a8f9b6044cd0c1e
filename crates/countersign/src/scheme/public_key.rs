//! Signatures that a public key verifies: ed25519, and ECDSA over P-256 with SHA-256.
//!
//! The key is read as provider consoles show it: 64 hex digits, base64 of 32 bytes (after a prefix
//! such as `whpk_`), a `SubjectPublicKeyInfo` in base64, or the same in PEM.

use super::algorithm::Algorithm;
use super::candidates::Candidates;
use super::signature::Signature;
use crate::encoding::{Encoding, decode_base64, decode_hex_any};

/// Each candidate costs a verification of its own, and nobody sends more while a key changes.
const MOST_CANDIDATES: usize = 8;

/// The bytes of a public key, however it is shown.
pub(super) fn key_bytes(signature: &Signature, shown: &[u8]) -> Option<Vec<u8>> {
    let shown = shown.trim_ascii();
    if shown.starts_with(b"-----BEGIN ") {
        let lines = shown.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let inside = lines.filter(|line| !line.starts_with(b"-----"));
        return decode_base64(&inside.flatten().copied().collect::<Vec<_>>())
            .map(|key| key.to_vec());
    }
    if shown.len() == 64
        && let Some(key) = decode_hex_any(shown)
    {
        return Some(key.to_vec());
    }
    let prefix = signature.secret.prefix().as_bytes();
    decode_base64(shown.strip_prefix(prefix).unwrap_or(shown)).map(|key| key.to_vec())
}

/// Whether the text is no bare number, but says that it is a public key.
pub(super) fn names_itself(signature: &Signature, shown: &[u8]) -> bool {
    /// The bytes of an ed25519 key, without anything.
    const BARE: usize = 32;
    key_bytes(signature, shown).is_some_and(|bytes| bytes.len() != BARE)
}

/// Whether the text has the prefix of such keys, is PEM or a JSON Web Key, or is a `SubjectPublicKeyInfo` in
/// base64 or hex, whatever key is in it and whether or not it can be read.
pub(super) fn is_like_one(signature: &Signature, shown: &[u8]) -> bool {
    /// The tag of a sequence in DER.
    const SEQUENCE: u8 = 0x30;
    let prefix = signature.secret.prefix().as_bytes();
    let is_info = |bytes: &[u8]| match bytes {
        [SEQUENCE, 0x82, _, _, SEQUENCE, ..] | [SEQUENCE, 0x81, _, SEQUENCE, ..] => true,
        [SEQUENCE, length, rest @ ..] => {
            rest.first() == Some(&SEQUENCE) && rest.len() == usize::from(*length)
        }
        _ => false,
    };
    shown.trim_ascii().starts_with(b"-----BEGIN ")
        || !prefix.is_empty() && shown.starts_with(prefix)
        || shown.windows(5).any(|word| word == b"\"kty\"")
        || key_bytes(signature, shown).is_some_and(|bytes| is_info(&bytes))
        || decode_hex_any(shown.trim_ascii()).is_some_and(|bytes| is_info(&bytes))
}

/// A private key, as its 32 bytes in hex or base64, after a prefix such as `whsk_`, or as PKCS #8 in PEM
/// or base64. For signing.
#[cfg(all(feature = "ed25519", feature = "signing"))]
pub(super) fn private_key(
    signature: &Signature,
    shown: &[u8],
) -> Option<ed25519_dalek::SigningKey> {
    let shown = shown.strip_prefix(b"whsk_").unwrap_or(shown);
    let bytes = key_bytes(signature, shown)?;
    /// What stands before the key in PKCS #8 (RFC 8410 §7): the algorithm and the key's length. Before
    /// it is a version, after it there may be the public key (RFC 5958).
    const PKCS8: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let seed = match bytes.len() {
        // Some tools show the public key after the private one.
        32 | 64 => bytes.get(..32)?,
        _ => bytes.get(7..)?.strip_prefix(PKCS8)?.get(..32)?,
    };
    Some(ed25519_dalek::SigningKey::from_bytes(seed.try_into().ok()?))
}

#[cfg(feature = "ed25519")]
pub(crate) struct Ed25519;

#[cfg(feature = "ed25519")]
impl Algorithm for Ed25519 {
    type Key = ed25519_dalek::VerifyingKey;
    type Candidate = [u8; 64];
    type Second = Box<Self::Candidate>;
    /// The signature's hash begins with the candidate, so the content is needed as a whole.
    type Running = Vec<u8>;

    const MOST_CANDIDATES: usize = MOST_CANDIDATES;

    fn keys(signature: &Signature, secret: &[u8]) -> Vec<Self::Key> {
        /// What stands before the key in a `SubjectPublicKeyInfo` (RFC 8410 §4).
        const SPKI: &[u8] =
            &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let read = || {
            let bytes = key_bytes(signature, secret)?;
            let raw = bytes.strip_prefix(SPKI).unwrap_or(&bytes);
            let key = Self::Key::from_bytes(raw.try_into().ok()?).ok()?;
            // A weak key makes one signature right for any content.
            (!key.is_weak()).then_some(key)
        };
        read().into_iter().collect()
    }

    #[cfg(feature = "resolver")]
    fn unknown(random: &[u8; 32]) -> Option<Self::Key> {
        Some(ed25519_dalek::SigningKey::from_bytes(random).verifying_key())
    }

    fn expected(_: &Signature) -> &'static str {
        "ed25519 public keys (64 hex digits, base64 or PEM)"
    }

    fn decode(encoding: Encoding, text: &[u8]) -> Option<Self::Candidate> {
        encoding.decode(text)
    }

    fn may_be_one(encoding: Encoding, text: &[u8]) -> bool {
        Self::decode(encoding, text).is_some()
    }

    fn start(_: &Self::Key) -> Self::Running {
        Vec::new()
    }

    fn feed(running: &mut Self::Running, bytes: &[u8]) {
        running.extend_from_slice(bytes);
    }

    fn verify(
        running: &mut Self::Running,
        key: &Self::Key,
        signature: &Signature,
        shown: &Candidates<Self>,
    ) -> bool {
        shown.any(signature, |candidate| {
            let candidate = ed25519_dalek::Signature::from_bytes(candidate);
            key.verify_strict(running, &candidate).is_ok()
        })
    }
}

#[cfg(feature = "p256")]
pub(crate) struct EcdsaP256;

#[cfg(feature = "p256")]
impl Algorithm for EcdsaP256 {
    type Key = p256::ecdsa::VerifyingKey;
    type Candidate = p256::ecdsa::Signature;
    type Second = Box<Self::Candidate>;
    type Running = sha2::Sha256;

    const MOST_CANDIDATES: usize = MOST_CANDIDATES;

    fn keys(signature: &Signature, secret: &[u8]) -> Vec<Self::Key> {
        use p256::pkcs8::DecodePublicKey as _;
        let read = || Self::Key::from_public_key_der(&key_bytes(signature, secret)?).ok();
        read().into_iter().collect()
    }

    #[cfg(feature = "resolver")]
    fn unknown(random: &[u8; 32]) -> Option<Self::Key> {
        let key = p256::ecdsa::SigningKey::from_slice(random).ok()?;
        Some(*key.verifying_key())
    }

    fn expected(_: &Signature) -> &'static str {
        "P-256 public keys (SubjectPublicKeyInfo in base64, or PEM)"
    }

    fn decode(encoding: Encoding, text: &[u8]) -> Option<Self::Candidate> {
        let bytes = encoding.decode_any(text)?;
        let der = p256::ecdsa::Signature::from_der(&bytes).ok();
        der.or_else(|| p256::ecdsa::Signature::from_slice(&bytes).ok())
    }

    fn may_be_one(encoding: Encoding, text: &[u8]) -> bool {
        Self::decode(encoding, text).is_some()
    }

    fn start(_: &Self::Key) -> Self::Running {
        sha2::Digest::new()
    }

    fn feed(running: &mut Self::Running, bytes: &[u8]) {
        sha2::Digest::update(running, bytes);
    }

    fn verify(
        running: &mut Self::Running,
        key: &Self::Key,
        signature: &Signature,
        shown: &Candidates<Self>,
    ) -> bool {
        use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
        let digest = sha2::Digest::finalize_reset(running);
        shown.any(signature, |candidate| key.verify_prehash(&digest, candidate).is_ok())
    }
}
