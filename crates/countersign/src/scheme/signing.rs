//! Signing, as a provider would.

use hmac::{Hmac, KeyInit};

use super::proof::{Kind, Proof};
use super::signature::Signature;
use crate::secret::Secret;

impl Proof {
    /// The header and its value; nothing if the secret is not of this kind. Where the endpoint's
    /// secret is a public key, this one is the private key: for ed25519 its 32 bytes as hex or base64.
    pub(super) fn sign(&self, secret: &Secret, content: &[u8]) -> Option<(String, String)> {
        let shown = secret.expose();
        let (signature, bytes) = match &self.0 {
            Kind::Token(token) => {
                return Some((token.header.as_str().to_owned(), token.write(secret)));
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
                use p256::pkcs8::DecodePrivateKey as _;
                let der = super::public_key::key_bytes(signature, shown)?;
                let key: p256::ecdsa::SigningKey =
                    p256::SecretKey::from_pkcs8_der(&der).ok()?.into();
                let made: p256::ecdsa::Signature = key.sign(content);
                (signature, made.to_der().as_bytes().to_vec())
            }
        };
        let header = signature.headers.first()?.as_str().to_owned();
        Some((header, signature.write(&bytes)))
    }
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
