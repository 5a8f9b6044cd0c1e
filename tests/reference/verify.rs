//! The verdict on a delivery, as the facts have it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::DecodePublicKey as _;

use super::content::content;
use super::facts::{Case, Encoding, Facts, Hash, Kind, Place, Syntax};
use super::keys::{from_hex, hex, keys};
use super::time::moment;

/// A delivery.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Scheme, host and port.
    pub origin: String,
    /// The path and the query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Why a delivery is refused.
pub type Why = &'static str;

impl Request {
    /// A header's value. One that is there twice says nothing: whoever reads the other of the two
    /// reads another delivery.
    pub fn header(&self, name: &str) -> Result<Option<&str>, Why> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err("a header is there twice"),
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
        }
    }
}

/// Which of the secrets the delivery is proven by, or why by none.
pub fn judge(facts: &Facts, request: &Request, secrets: &[String], now: i64) -> Result<usize, Why> {
    if facts.kind == Kind::Token {
        let value = request.header(&facts.header)?.ok_or("the token is missing")?;
        let is = |secret: &String| is_token(facts, value, secret);
        return secrets.iter().position(is).ok_or("another token");
    }
    let shown = signatures(facts, request)?;
    let time = time_text(facts, request)?;
    if let Some(time) = &time {
        let at = moment(facts.unit(), time, facts.time_touches()).ok_or("the time is malformed")?;
        let (past, future) = facts.window();
        let age = i128::from(now) - i128::from(at);
        if age > i128::from(past) {
            return Err("stale");
        }
        if -age > i128::from(future) {
            return Err("from the future");
        }
    }
    let content = content(facts, request, time.as_deref().unwrap_or_default(), true)?;
    if facts.has_public_key()
        && shown.iter().filter(|text| decode(facts, text).is_some()).count() > 8
    {
        return Err("more signatures than anybody sends, and each has a cost");
    }
    let proves = |key: &Vec<u8>| shown.iter().any(|text| is_signature(facts, key, &content, text));
    let by = secrets.iter().position(|secret| keys(facts, secret).iter().any(proves));
    by.ok_or("no signature is right")
}

/// `Basic` and `Bearer` are read without their case and with any number of spaces (RFC 9110 §11.4).
fn is_token(facts: &Facts, value: &str, secret: &str) -> bool {
    let credentials = match facts.prefix.as_str() {
        scheme @ ("Basic " | "Bearer ") => {
            let (name, rest) = value.split_once(' ').unwrap_or_default();
            if !name.eq_ignore_ascii_case(scheme.trim()) {
                return false;
            }
            rest.trim_start()
        }
        prefix => match value.strip_prefix(prefix) {
            Some(rest) => rest,
            None => return false,
        },
    };
    let expected = if facts.key == "basic" { STANDARD.encode(secret) } else { secret.to_owned() };
    credentials == expected
}

/// The items of a header, without the white space around them.
pub fn items<'v>(facts: &Facts, value: &'v str) -> Vec<&'v str> {
    let separates = |character: char| {
        Some(character) == facts.separator || Some(character) == facts.group_separator
    };
    match facts.separator {
        None => vec![value],
        Some(_) => value.split(separates).map(|item| item.trim_matches(is_space)).collect(),
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

/// The texts that may be signatures, without their prefix.
fn signatures(facts: &Facts, request: &Request) -> Result<Vec<String>, Why> {
    let mut names: Vec<String> = vec![facts.header.clone()];
    names.extend(facts.also_headers.iter().cloned());
    if facts.syntax == Syntax::Numbered {
        let stem = facts.header.strip_suffix('1').expect("the first number");
        names = (1..=facts.numbered_max).map(|number| format!("{stem}{number}")).collect();
    }
    let mut found = Vec::new();
    for name in &names {
        let value = match request.header(name)? {
            Some(value) => value,
            // They are numbered without gaps.
            None if facts.syntax == Syntax::Numbered => break,
            None => continue,
        };
        let skipped = usize::from(facts.syntax == Syntax::Positional);
        let texts = items(facts, value).into_iter().skip(skipped);
        found.extend(texts.filter_map(|text| text.strip_prefix(&facts.prefix)).map(str::to_owned));
    }
    if found.is_empty() { Err("no signature is there") } else { Ok(found) }
}

/// The time as sent, where the provider signs one.
fn time_text(facts: &Facts, request: &Request) -> Result<Option<String>, Why> {
    const MISSING: Why = "the time is missing";
    let Some(time) = &facts.time else { return Ok(None) };
    match time.place {
        Place::Header => request.header(&time.header)?.ok_or(MISSING).map(|text| Some(text.into())),
        Place::ListItem => {
            let items = items(facts, request.header(&time.header)?.ok_or(MISSING)?);
            if facts.syntax == Syntax::Positional {
                return Ok(Some(items[0].to_owned()));
            }
            let mut times = items.iter().filter_map(|item| item.strip_prefix(&time.name));
            let first = times.next().ok_or(MISSING)?;
            // Each group has the time; else two of them say nothing.
            if times.any(|other| facts.group_separator.is_none() || other != first) {
                return Err("two times");
            }
            Ok(Some(first.to_owned()))
        }
        Place::Body => {
            let body: serde_json::Value =
                serde_json::from_slice(&request.body).map_err(|_| "the body is not JSON")?;
            match body.get(&time.name).ok_or(MISSING)? {
                serde_json::Value::String(text) => Ok(Some(text.clone())),
                other => Ok(Some(other.to_string())),
            }
        }
    }
}

/// A MAC is written as the provider writes it and compared as text.
fn is_signature(facts: &Facts, key: &[u8], content: &[u8], text: &str) -> bool {
    match facts.kind {
        Kind::Token => false,
        Kind::Hmac => {
            let mac = mac(facts, key, content);
            match (facts.encoding.expect("an encoding"), facts.case) {
                (Encoding::Hex, Some(Case::Lower)) => text == hex(&mac),
                (Encoding::Hex, _) => text.to_ascii_lowercase() == hex(&mac),
                (Encoding::Base64, _) => text == STANDARD.encode(&mac),
                (Encoding::Base64url, _) => {
                    text == URL_SAFE.encode(&mac) || text == URL_SAFE_NO_PAD.encode(&mac)
                }
            }
        }
        Kind::Ed25519 => {
            let key = VerifyingKey::try_from(&key[key.len() - 32..]).expect("a key");
            let signature = decode(facts, text).and_then(|bytes| bytes.try_into().ok());
            signature.is_some_and(|bytes| {
                key.verify(content, &ed25519_dalek::Signature::from_bytes(&bytes)).is_ok()
            })
        }
        Kind::EcdsaP256 => {
            let key = p256::ecdsa::VerifyingKey::from_public_key_der(key).expect("a key");
            let signature = decode(facts, text).and_then(|bytes| ecdsa(&bytes));
            signature.is_some_and(|signature| key.verify(content, &signature).is_ok())
        }
    }
}

/// HMAC over the content.
pub fn mac(facts: &Facts, key: &[u8], content: &[u8]) -> Vec<u8> {
    fn run<M: Mac + KeyInit>(key: &[u8], content: &[u8]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("keys of any length");
        mac.update(content);
        mac.finalize().into_bytes().to_vec()
    }
    match facts.hash.expect("a hash") {
        Hash::Sha1 => run::<Hmac<sha1::Sha1>>(key, content),
        Hash::Sha256 => run::<Hmac<sha2::Sha256>>(key, content),
        Hash::Sha512 => run::<Hmac<sha2::Sha512>>(key, content),
    }
}

/// A public-key signature's bytes, if they are of its form.
fn decode(facts: &Facts, text: &str) -> Option<Vec<u8>> {
    let bytes = match facts.encoding? {
        Encoding::Hex => from_hex(text)?,
        Encoding::Base64 => STANDARD.decode(text).ok()?,
        Encoding::Base64url => return None,
    };
    let good = match facts.kind {
        Kind::Ed25519 => bytes.len() == 64,
        _ => ecdsa(&bytes).is_some(),
    };
    good.then_some(bytes)
}

/// In DER, as SendGrid sends it, or the two numbers one after the other, as other libraries write it.
fn ecdsa(bytes: &[u8]) -> Option<p256::ecdsa::Signature> {
    let der = p256::ecdsa::Signature::from_der(bytes).ok();
    der.or_else(|| p256::ecdsa::Signature::from_slice(bytes).ok())
}
