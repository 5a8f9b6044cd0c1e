//! What stands for the body in the signed content of providers that do not sign its bytes as sent.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

/// Nobody sends a form with more fields than this, and sorting them costs.
const MOST_FIELDS: usize = 2_000;

/// Whether a form has no more fields than anybody sends. One that has more is refused, and not cut:
/// what is cut off would not be under the signature.
pub(super) fn form_is_small(body: &[u8]) -> bool {
    body.iter().filter(|byte| **byte == b'&').count() < MOST_FIELDS
}

/// The SHA-256 of the body, as 64 lower-case hex digits.
pub(super) fn sha256_hex(body: &[u8]) -> [u8; 64] {
    let mut digits = [[0; 2]; 32];
    let digit = |number: u8| b"0123456789abcdef".get(usize::from(number)).copied().unwrap_or(b'0');
    for (pair, byte) in digits.iter_mut().zip(Sha256::digest(body)) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    let mut text = [0; 64];
    text.copy_from_slice(digits.as_flattened());
    text
}

/// Feeds the fields of a form (`application/x-www-form-urlencoded`), sorted by name, each as its
/// name and its value without anything between. A name that occurs several times has each of its
/// values once, sorted. Twilio's documentation, "Webhooks Security".
pub(super) fn feed_sorted_form(body: &[u8], mut sink: impl FnMut(&[u8])) {
    let mut fields: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        fields.entry(name).or_default().insert(value);
    }
    for (name, values) in &fields {
        for value in values {
            sink(name.as_bytes());
            sink(value.as_bytes());
        }
    }
}
