//! A secret for tests.

use crate::provider::Provider;
use crate::secret::Secret;
use crate::signing::{Sender, SignError, new_text};

/// A new secret of the provider's kind; a private key, where it signs with one.
pub(super) fn test_secret(provider: &Provider) -> Result<Secret, SignError> {
    // A text does for most: a MAC's key, a token, `user:password`. 64 hex digits are hex, base64 and an
    // ed25519 key.
    let text = format!("test:{}", new_text("alnum:32")?);
    let candidates = [Some(text), Some(new_text("hex:64")?), p256_key(&new_text("hex:32")?)];
    for text in candidates.into_iter().flatten() {
        let secret = Secret::new(text).map_err(|error| SignError::new(error.to_string()))?;
        if Sender::new(provider.clone(), secret.clone()).verifying_secret().is_ok() {
            return Ok(secret);
        }
    }
    Err(SignError::new(format!("there is no secret for tests of {}", provider.name())))
}

/// A P-256 key as PKCS #8, of 32 bytes.
#[cfg(feature = "p256")]
fn p256_key(bytes: &str) -> Option<String> {
    use crate::encoding::Encoding;
    use p256::pkcs8::EncodePrivateKey as _;
    let key = p256::SecretKey::from_slice(bytes.as_bytes()).ok()?;
    Some(Encoding::Base64.encode(key.to_pkcs8_der().ok()?.as_bytes()))
}

#[cfg(not(feature = "p256"))]
fn p256_key(_: &str) -> Option<String> {
    None
}
