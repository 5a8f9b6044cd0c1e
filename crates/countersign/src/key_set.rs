//! Public keys from a JSON Web Key Set.

use ed25519_dalek::VerifyingKey;
use serde::Deserialize;

use crate::encoding::{decode_base64url, write_hex};
use crate::json::read_lossy;
use crate::secret::{Secret, SecretError};

/// No delivery can name a key by more.
const LONGEST_LABEL: usize = 128;

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// What is read of a key: RFC 7517 §4, and RFC 8037 §2 for its type, curve and `x`.
#[derive(Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
}

impl Secret {
    /// The ed25519 keys of a JSON Web Key Set (RFC 7517), as providers publish them, in its order. The `kid`
    /// of each is its [`key_id`](Self::key_id) and its [`label`](Self::label), of which a long one is the
    /// first 128 characters and `…`.
    ///
    /// Keys of other types, keys that are not for signatures and those that are broken or weak are left out, as
    /// RFC 7517 §5 says. So are those that have a number which is too large, or a text that is no Unicode, where
    /// it matters.
    ///
    /// ```
    /// use countersign::Secret;
    ///
    /// let document = br#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2026-11", "use": "sig",
    ///     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let keys = Secret::from_jwks(document)?;
    /// assert_eq!(keys[0].key_id(), Some("2026-11"));
    /// # Ok::<(), countersign::SecretError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SecretError::KeySet`] if the document is something else, or has no such key.
    pub fn from_jwks(document: &[u8]) -> Result<Vec<Self>, SecretError> {
        let set: KeySet = read_lossy(document, |json| KeySet::deserialize(json))
            .map_err(|_| SecretError::KeySet { lacks: "array `keys`" })?;
        let keys: Vec<_> = set.keys.into_iter().filter_map(ed25519).collect();
        if keys.is_empty() {
            return Err(SecretError::KeySet { lacks: "ed25519 key for signatures" });
        }
        Ok(keys)
    }
}

fn ed25519(key: serde_json::Value) -> Option<Secret> {
    let key: Key = serde_json::from_value(key).ok()?;
    let is_for_signatures = key.used_for.is_none_or(|used_for| used_for == "sig")
        && key.key_ops.is_none_or(|operations| operations.iter().any(|name| name == "verify"))
        // `EdDSA` in RFC 8037 §3.1, `Ed25519` in RFC 9864.
        && key.alg.is_none_or(|name| matches!(&*name, "EdDSA" | "Ed25519"));
    let x = decode_base64url(key.x.as_bytes())?;
    if key.kty != "OKP" || key.crv != "Ed25519" || !is_for_signatures {
        return None;
    }
    // With one key that cannot be used, the others would not be used either.
    let point = VerifyingKey::from_bytes(&x.to_vec().try_into().ok()?).ok()?;
    if point.is_weak() {
        return None;
    }
    let mut hex = String::with_capacity(64);
    write_hex(&x, &mut hex).ok()?;
    let secret = Secret::new(hex).ok()?.as_public_key();
    Some(match key.kid {
        Some(kid) => secret.labeled(shown(&kid)).with_key_id(kid),
        None => secret,
    })
}

/// An id as it is shown in logs and metrics. It is the provider's text, and may be of any length.
fn shown(kid: &str) -> String {
    match kid.char_indices().nth(LONGEST_LABEL).and_then(|(end, _)| kid.get(..end)) {
        Some(beginning) => format!("{beginning}…"),
        None => kid.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public key and the `kid` of RFC 8037, appendices A.2 and A.3.
    const OF_RFC_8037: &str = r#"{"kty": "OKP", "crv": "Ed25519",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn read(keys: &[&str]) -> Result<Vec<Secret>, SecretError> {
        Secret::from_jwks(format!(r#"{{"keys": [{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn the_key_of_rfc_8037() {
        let keys = read(&[OF_RFC_8037]).unwrap();
        let hex = b"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(keys[0].expose(), hex);
        assert_eq!(keys[0].key_id(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    }

    #[test]
    fn other_keys_are_left_out() {
        let with = |more: &str| OF_RFC_8037.replacen('{', &format!("{{{more},"), 1);
        let others = [
            r#"{"kty": "RSA", "n": "AQAB", "e": "AQAB"}"#.to_owned(),
            r#"{"kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
                .to_owned(),
            r#"{"kty": "OKP", "crv": "Ed25519", "x": "short"}"#.to_owned(),
            r#"{"kty": 7}"#.to_owned(),
            "null".to_owned(),
            // Not on the curve, and of small order.
            r#"{"kty": "OKP", "crv": "Ed25519", "x": "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
            r#"{"kty": "OKP", "crv": "Ed25519", "x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
            with(r#""use": "enc""#),
            with(r#""key_ops": ["sign"]"#),
            with(r#""alg": "RS256""#),
        ];
        for other in &others {
            assert!(read(&[other]).is_err(), "{other}");
            assert_eq!(read(&[other, OF_RFC_8037]).unwrap().len(), 1, "{other}");
        }
        for good in [r#""use": "sig""#, r#""alg": "EdDSA""#, r#""key_ops": ["verify"]"#] {
            assert!(read(&[&with(good)]).is_ok(), "{good}");
        }
    }

    /// serde_json would refuse the whole document for one number that it cannot hold.
    #[test]
    fn a_member_that_cannot_be_read_loses_no_other_key() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for odd in ["1e999999", r#""\ud800""#, &deep] {
            let other = format!(r#"{{"kty": "EC", "n": {odd}}}"#);
            let without_x = format!(r#"{{"kty": "OKP", "crv": "Ed25519", "x": {odd}}}"#);
            assert_eq!(read(&[&other, &without_x, OF_RFC_8037]).unwrap().len(), 1);
            let with = OF_RFC_8037.replacen('{', &format!(r#"{{"more": {odd},"#), 1);
            assert_eq!(read(&[&with]).unwrap().len(), 1);
        }
    }

    #[test]
    fn half_a_document_is_no_key_set() {
        let whole = format!(r#"{{"keys": [{OF_RFC_8037}, {{"n": 1e999999}}]}}"#);
        assert!(Secret::from_jwks(whole.as_bytes()).is_ok());
        for end in 0..whole.len() {
            assert!(Secret::from_jwks(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
        for more in ["x", "{}", "]"] {
            assert!(Secret::from_jwks(format!("{whole}{more}").as_bytes()).is_err(), "{more}");
        }
    }

    #[test]
    fn a_long_id_is_shown_in_part_and_matched_as_a_whole() {
        for (letter, length) in [("k", 128), ("k", 129), ("é", 100_000)] {
            let kid = letter.repeat(length);
            let key = OF_RFC_8037.replace("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", &kid);
            let key = &read(&[&key]).unwrap()[0];
            assert_eq!(key.key_id(), Some(&*kid));
            let shown = letter.repeat(128) + if length > 128 { "…" } else { "" };
            assert_eq!(key.label(), Some(&*shown));
        }
    }

    #[test]
    fn what_is_not_a_key_set_is_not_repeated() {
        for document in ["", "[]", "{}", "<html>oh-no</html>", r#"{"keys": {}}"#, r#"{"keys": []}"#]
        {
            let error = Secret::from_jwks(document.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("JSON Web Key Set") && !error.contains("oh-no"), "{error}");
        }
    }
}
