//! What the benches share: signed events, the bare MAC they are measured against, a server with a
//! client, ways to measure things in turns; and the sections that make the page of benchmarks.

#![deny(unsafe_code)]

pub mod actix;
pub mod by_hand;
pub mod client;
pub mod counting;
pub mod draw;
pub mod event;
mod format;
pub mod headers;
pub mod keys;
pub mod machine;
pub mod page;
pub mod paired;
#[cfg(feature = "peers")]
pub mod peers;
pub mod plan;
pub mod results;
pub mod sections;
pub mod sender;
pub mod sent;
pub mod server;
pub mod service;
pub mod turns;
pub mod verifiers;
pub mod verify;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret in every bench.
pub const SECRET: &str = "a secret of thirty-two characters";

/// The MAC that countersign uses, with the key prepared.
#[derive(Clone)]
pub struct BareMac(Hmac<Sha256>);

impl BareMac {
    pub fn new() -> Self {
        Self(Hmac::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length"))
    }

    /// The floor under every verification: clone the state, feed the body, finish.
    pub fn of(&self, body: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(body);
        mac.finalize().into_bytes().into()
    }

    /// Whether this is the body's MAC, in constant time.
    pub fn is(&self, body: &[u8], signature: &[u8; 32]) -> bool {
        let mut mac = self.0.clone();
        mac.update(body);
        mac.verify_slice(signature).is_ok()
    }
}

impl Default for BareMac {
    fn default() -> Self {
        Self::new()
    }
}
