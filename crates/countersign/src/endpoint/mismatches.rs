//! Deliveries that match no secret: how many, and what is likely to be the cause. A wrong secret would
//! otherwise be silent, because what a stranger can cause is said at `debug`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::millis;
use crate::encoding::decode_base64;
use crate::scheme::content::Part;
use crate::scheme::{Scheme, SecretReading};
use crate::secret::Secret;

/// Between two warnings of an endpoint, so that nobody can fill its log.
const PAUSE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Mismatches {
    /// Since the last warning.
    count: AtomicU64,
    /// When the next warning may be given, in milliseconds of the clock.
    next: AtomicU64,
}

impl Mismatches {
    /// Counts one more; tells how many there were since the last warning if it is time for another.
    pub(crate) fn note(&self, now: Duration) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let next = self.next.load(Ordering::Relaxed);
        if millis(now) < next {
            return None;
        }
        let after = millis(now.saturating_add(PAUSE));
        let is_mine = self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed);
        is_mine.is_ok().then(|| self.count.swap(0, Ordering::Relaxed))
    }
}

/// The likely cause, sought in the secrets while they are there.
pub(super) fn likely(scheme: &Scheme, secrets: &[Secret]) -> Arc<str> {
    let causes: Vec<String> = secrets
        .iter()
        .zip(1..)
        .filter_map(|(secret, position)| {
            Some(format!("secret {position} {}", flaw(scheme, secret.expose())?))
        })
        .collect();
    match causes.as_slice() {
        [] => "the provider signs with another secret, the body was changed on its way, or a \
               stranger is guessing"
            .into(),
        causes => causes.join("; ").into(),
    }
}

/// What is odd about a secret, in the order in which to look. It says nothing of what is in it that
/// would help to guess it.
fn flaw(scheme: &Scheme, secret: &[u8]) -> Option<&'static str> {
    let reading = scheme.signature().map(|signature| &signature.secret);
    let takes_base64 = reading.is_some_and(SecretReading::takes_base64);
    let takes_text = reading.is_none_or(SecretReading::takes_text);
    let signs_id = scheme.content.contains(&Part::Id);
    let is_around =
        |quote: &[u8]| secret.len() > 1 && secret.starts_with(quote) && secret.ends_with(quote);
    if secret.trim_ascii_end() != secret {
        Some("ends in white space: was it made with `echo`, or copied with a space?")
    } else if secret.trim_ascii_start() != secret {
        Some("begins with white space: was it copied with a space?")
    } else if is_around(b"\"") || is_around(b"'") {
        Some("is in quotes: does something that reads an .env file leave them on?")
    } else if secret.starts_with(b"$") {
        Some("begins with `$`: was a variable not expanded?")
    } else if takes_text && signs_id && secret.starts_with(b"whsec_") {
        Some("begins with `whsec_`: is the key what its base64 stands for (`base64_secret`)?")
    } else if takes_base64 && is_hex(secret) {
        Some("is in hex, and this provider's secrets are in base64")
    } else if takes_text && is_text_in_base64(secret) {
        Some("looks like a text in base64: was it copied from a Kubernetes manifest as it stands?")
    } else {
        None
    }
}

fn is_hex(secret: &[u8]) -> bool {
    secret.len() >= 32 && secret.len().is_multiple_of(2) && secret.iter().all(u8::is_ascii_hexdigit)
}

/// Random bytes in base64 are a secret that many use as it stands, so only text is odd.
fn is_text_in_base64(secret: &[u8]) -> bool {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    secret.len() >= 12
        && secret.len().is_multiple_of(4)
        && decode_base64(secret).is_some_and(|decoded| decoded.iter().all(is_text))
}
