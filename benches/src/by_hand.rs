//! What people write without a crate for it: find the signature, read the body, compute the MAC, compare,
//! parse the same event. No deduplication, no task of its own, no report. It is what the layer is measured
//! beside.

use countersign::providers::{hostwares, piora};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::BareMac;
use crate::sent::Scheme;

/// What the headers show: the MAC so far, and the signature.
pub struct Shown {
    mac: Hmac<Sha256>,
    signature: [u8; 32],
}

/// Reads the headers. `get` finds one by its name.
pub fn head<'a>(
    scheme: Scheme,
    mac: &BareMac,
    get: impl Fn(&'static str) -> Option<&'a [u8]>,
) -> Option<Shown> {
    let hub = |name| {
        let mut signature = [0; 32];
        let text = get(name)?.strip_prefix(b"sha256=")?;
        hex::decode_to_slice(text, &mut signature).ok()?;
        Some(Shown { mac: mac.0.clone(), signature })
    };
    match scheme {
        Scheme::Piora => hub("x-piora-signature"),
        Scheme::Hostwares => hub("x-hostwares-signature"),
        Scheme::GitHub => hub("x-hub-signature-256"),
        Scheme::StandardWebhooks => {
            let (id, time) = (get("webhook-id")?, get("webhook-timestamp")?);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
            if now.abs_diff(std::str::from_utf8(time).ok()?.parse().ok()?) > 300 {
                return None;
            }
            // It looks at the first signature only.
            let list = get("webhook-signature")?.strip_prefix(b"v1,")?;
            let first = list.split(|byte| *byte == b' ').next()?;
            let mut signature = [0; 32];
            STANDARD.decode_slice(first, &mut signature).ok()?;
            let mut mac = mac.0.clone();
            for part in [id, b".", time, b"."] {
                mac.update(part);
            }
            Some(Shown { mac, signature })
        }
        Scheme::Stripe => None,
    }
}

impl Shown {
    /// Whether the signature is this body's, in constant time.
    pub fn is_of(self, body: &[u8]) -> bool {
        let Self { mut mac, signature } = self;
        mac.update(body);
        mac.verify_slice(&signature).is_ok()
    }
}

/// Parses the typed event, where there is one; the others are for bytes.
pub fn parse(scheme: Scheme, body: &[u8]) -> bool {
    match scheme {
        Scheme::Piora => piora::Event::from_slice(body).map(black_box).is_ok(),
        Scheme::Hostwares => hostwares::Event::from_slice(body).map(black_box).is_ok(),
        _ => true,
    }
}
