//! The smallest change that a proof must notice.

use bytes::Bytes;

use super::SignError;
use crate::secret::Secret;

/// The body with one letter or digit changed: the last one of a JSON text, so that it stays JSON.
pub(super) fn other_body(body: &Bytes) -> Vec<u8> {
    let mut bytes = body.to_vec();
    let ends_text = |at: &usize| bytes.get(at + 1) == Some(&b'"');
    let letters = || {
        (0..bytes.len()).rev().filter(|at| bytes.get(*at).is_some_and(u8::is_ascii_alphanumeric))
    };
    match letters().find(ends_text).or_else(|| letters().next()) {
        Some(at) => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = other(*byte)),
        None => bytes.push(b' '),
    }
    bytes
}

/// The secret with its last letter or digit changed.
pub(super) fn other_secret(secret: &Secret) -> Result<Secret, SignError> {
    let mut bytes = secret.expose().to_vec();
    match bytes.iter_mut().rev().find(|byte| byte.is_ascii_alphanumeric()) {
        Some(byte) => *byte = other(*byte),
        None => bytes.push(b'x'),
    }
    Secret::new(bytes).map_err(|error| SignError::new(error.to_string()))
}

/// Another letter or digit of the same kind.
fn other(byte: u8) -> u8 {
    match byte {
        b'9' => b'8',
        b'z' => b'y',
        b'Z' => b'Y',
        byte => byte.saturating_add(1),
    }
}
