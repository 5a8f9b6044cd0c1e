//! Secrets as operators configure them, and the keys that they stand for.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ed25519_dalek::SigningKey;
use p256::pkcs8::EncodePublicKey as _;

use super::facts::{Facts, Kind};

/// The keys that one configured secret stands for.
pub fn keys(facts: &Facts, secret: &str) -> Vec<Vec<u8>> {
    let after_prefix = secret.strip_prefix(&facts.key_prefix).unwrap_or(secret);
    let text = secret.as_bytes().to_vec();
    match facts.key.as_str() {
        // The normal form of a text of ASCII is the text.
        "text" | "text-nfkd" | "basic" => vec![text],
        "hex" | "public-key-hex" => vec![from_hex(secret).expect("hex")],
        "base64" | "public-key-base64" | "public-key-spki-base64" => vec![from_base64(secret)],
        "base64-after-prefix" | "public-key-base64-after-prefix" => {
            vec![from_base64(after_prefix)]
        }
        "base64-after-prefix-else-text" => {
            let has_prefix = secret.starts_with(&facts.key_prefix);
            vec![if has_prefix { from_base64(after_prefix) } else { text }]
        }
        // Where it is no base64 either, it is the text alone.
        "text-and-base64-after-prefix" => match STANDARD.decode(after_prefix) {
            Ok(key) => vec![text, key],
            Err(_) => vec![text],
        },
        other => panic!("no reading {other}"),
    }
}

/// Somebody who signs.
pub struct Identity {
    /// What the receiver configures.
    pub secret: String,
    pub signer: Signer,
}

pub enum Signer {
    Token,
    Mac(Vec<u8>),
    Ed25519(Box<SigningKey>),
    EcdsaP256(Box<p256::ecdsa::SigningKey>),
}

impl Identity {
    /// One of several of the provider's kind. Where a secret may be written in two ways, the even
    /// ones are written in one and the odd ones in the other.
    pub fn new(facts: &Facts, number: u8) -> Self {
        let mut key = *b"a key of thirty-two bytes, no. 0";
        key[31] += number;
        let (odd, encoded) = (number % 2 == 1, STANDARD.encode(key));
        let prefix = &facts.key_prefix;
        let mac = |key: &[u8], secret: String| Self { secret, signer: Signer::Mac(key.to_vec()) };
        let text = format!("{}'s secret no. {number}", facts.id);
        match (facts.kind, facts.key.as_str()) {
            (Kind::Token, "basic") => {
                Self { secret: format!("user-{number}:pass:word"), signer: Signer::Token }
            }
            (Kind::Token, _) => Self { secret: format!("token-{number}"), signer: Signer::Token },
            (Kind::Ed25519, reading) => {
                let signing = SigningKey::from_bytes(&key);
                let public = signing.verifying_key().to_bytes();
                let secret = match reading {
                    "public-key-hex" => hex(&public),
                    _ => format!("{prefix}{}", STANDARD.encode(public)),
                };
                Self { secret, signer: Signer::Ed25519(Box::new(signing)) }
            }
            (Kind::EcdsaP256, _) => {
                let signing = p256::ecdsa::SigningKey::from_slice(&key).expect("a key");
                let public = signing.verifying_key().to_public_key_der().expect("a point");
                let secret = STANDARD.encode(public.as_bytes());
                Self { secret, signer: Signer::EcdsaP256(Box::new(signing)) }
            }
            (Kind::Hmac, "text" | "text-nfkd") => mac(text.as_bytes(), text.clone()),
            (Kind::Hmac, "hex") => {
                mac(&key, if odd { hex(&key).to_uppercase() } else { hex(&key) })
            }
            (Kind::Hmac, "base64") => mac(&key, encoded),
            (Kind::Hmac, "base64-after-prefix") if odd => {
                mac(&key, encoded.trim_end_matches('=').to_owned())
            }
            (Kind::Hmac, "base64-after-prefix-else-text") if odd => {
                mac(text.as_bytes(), text.clone())
            }
            (Kind::Hmac, "text-and-base64-after-prefix") if odd => {
                let secret = format!("{prefix}{encoded}");
                mac(secret.clone().as_bytes(), secret)
            }
            (Kind::Hmac, _) => mac(&key, format!("{prefix}{encoded}")),
        }
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    digits?.chunks(2).map(|pair| Some(pair[0] << 4 | pair.get(1)?)).collect()
}

fn from_base64(text: &str) -> Vec<u8> {
    let engine = if text.ends_with('=') { STANDARD } else { STANDARD_NO_PAD };
    engine.decode(text).expect("base64")
}
