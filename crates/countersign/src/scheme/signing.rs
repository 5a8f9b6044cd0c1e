//! Signing, as a provider would.

use hmac::{Hmac, KeyInit};

use super::proof::{Kind, Proof};
use super::signature::Signature;
#[cfg(any(feature = "ed25519", feature = "p256"))]
use crate::encoding::Encoding;
use crate::secret::Secret;

impl Proof {
    /// The header and its value; nothing if the secret is not of this kind. Where the endpoint's
    /// secret is a public key, this one is the private key: for ed25519 its 32 bytes as hex or base64.
    pub(super) fn sign(&self, secret: &Secret, content: &[u8]) -> Option<(String, String)> {
        let shown = secret.expose();
        let (signature, bytes) = match &self.0 {
            Kind::Token(token) => {
                return Some((token.header.as_str().to_owned(), token.write(secret)?));
            }
            #[cfg(feature = "sha1")]
            Kind::HmacSha1(signature) => {
                (signature, mac::<Hmac<sha1::Sha1>>(signature, shown, content)?)
            }
            Kind::HmacSha256(signature) => {
                (signature, mac::<Hmac<sha2::Sha256>>(signature, shown, content)?)
            }
            Kind::HmacSha512(signature) => {
                (signature, mac::<Hmac<sha2::Sha512>>(signature, shown, content)?)
            }
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(signature) => {
                use ed25519_dalek::Signer as _;
                let key = super::public_key::private_key(signature, shown)?;
                (signature, key.sign(content).to_bytes().to_vec())
            }
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(signature) => {
                use p256::ecdsa::signature::Signer as _;
                let key: p256::ecdsa::SigningKey = p256_key(signature, shown)?.into();
                let made: p256::ecdsa::Signature = key.sign(content);
                (signature, made.to_der().as_bytes().to_vec())
            }
        };
        let header = signature.headers.first()?.as_str().to_owned();
        Some((header, signature.write(&bytes)))
    }

    /// What it signs with, for messages.
    pub(super) fn signing_secret(&self) -> &'static str {
        match &self.0 {
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(_) => {
                "an ed25519 private key: PKCS #8 in PEM, or its 32 bytes in hex or base64"
            }
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(_) => "a P-256 private key: PKCS #8 in PEM or base64",
            _ => self.expected(),
        }
    }

    /// The secret that verifies what this one signs: itself, or its public key. Nothing if it is not of
    /// this kind.
    pub(super) fn verifying_secret(&self, secret: &Secret) -> Option<Secret> {
        match &self.0 {
            #[cfg(feature = "ed25519")]
            Kind::Ed25519(signature) => {
                let key = super::public_key::private_key(signature, secret.expose())?;
                let bytes = key.verifying_key().to_bytes();
                let text = match signature.secret.prefix() {
                    "" => crate::encoding::hex(&bytes),
                    prefix => format!("{prefix}{}", Encoding::Base64.encode(&bytes)),
                };
                Secret::new(text).ok().map(Secret::as_public_key)
            }
            #[cfg(feature = "p256")]
            Kind::EcdsaP256(signature) => {
                use p256::pkcs8::EncodePublicKey as _;
                let key = p256_key(signature, secret.expose())?;
                let der = key.public_key().to_public_key_der().ok()?;
                let text = Encoding::Base64.encode(der.as_bytes());
                Secret::new(text).ok().map(Secret::as_public_key)
            }
            _ => self.sign(secret, b"").map(|_| secret.clone()),
        }
    }
}

#[cfg(feature = "p256")]
fn p256_key(signature: &Signature, shown: &[u8]) -> Option<p256::SecretKey> {
    use p256::pkcs8::DecodePrivateKey as _;
    let der = super::public_key::key_bytes(signature, shown)?;
    p256::SecretKey::from_pkcs8_der(&der).ok()
}

fn mac<M: KeyInit + hmac::Mac>(
    signature: &Signature,
    secret: &[u8],
    content: &[u8],
) -> Option<Vec<u8>> {
    let readings = signature.secret.read(secret);
    let mut mac = <M as KeyInit>::new_from_slice(readings.first()?).ok()?;
    mac.update(content);
    Some(mac.finalize().into_bytes().to_vec())
}
