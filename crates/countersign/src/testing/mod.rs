//! For tests (feature `testing`): signing as a provider would, and the acceptance suite for stores.
//!
//! ```
//! use countersign::testing::Signer;
//! use countersign::{Endpoint, Secret, providers::percher};
//! use std::time::SystemTime;
//!
//! let secret = Secret::new("percher's secret")?;
//! let endpoint =
//!     Endpoint::builder("percher", percher::provider()).secret(secret.clone()).build()?;
//! let body = r#"{"event":"deploy.failed"}"#;
//!
//! let headers = Signer::new(&percher::provider(), &secret).at(SystemTime::now()).sign(body);
//! let mut incoming = endpoint.begin(&headers)?;
//! incoming.push(body.into())?;
//! assert_eq!(incoming.finish()?.event_type(), Some("deploy.failed"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod store_suite;

use std::time::SystemTime;

use hmac::Mac as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::provider::{HeaderTime, Provider, TimeSource};
use crate::scheme::Scheme;
use crate::scheme::content::{SignedContent, Text, Texts};
use crate::scheme::hmac::finish;
use crate::secret::Secret;
use crate::window::{TimeFormat, UnixMillis};

pub use store_suite::StoreSuite;

/// Makes the headers that a provider would send. Where a provider has no header for something
/// that was set, that has no effect; a time in the body is the body's to hold.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    provider: &'a Provider,
    secret: &'a Secret,
    time: String,
    id: String,
}

impl<'a> Signer<'a> {
    /// A signer with this secret, at the present time.
    #[must_use]
    pub fn new(provider: &'a Provider, secret: &'a Secret) -> Self {
        let signer = Self { provider, secret, time: String::new(), id: "evt_test".to_owned() };
        signer.at(SystemTime::now())
    }

    /// The time for the provider's time header, in the format that the provider has there; in
    /// unix seconds where it may be any.
    #[must_use]
    pub fn at(self, time: SystemTime) -> Self {
        let millis = UnixMillis::from(time);
        let text = match self.time_header().map(|header| header.format) {
            Some(TimeFormat::UnixMillis) => millis.0.to_string(),
            Some(TimeFormat::Rfc3339) => {
                OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
            }
            _ => millis.0.div_euclid(1000).to_string(),
        };
        self.at_text(&text)
    }

    /// The time header's text as it is, well formed or not.
    #[must_use]
    pub fn at_text(mut self, time: &str) -> Self {
        time.clone_into(&mut self.time);
        self
    }

    /// The id for the provider's id header. Defaults to `evt_test`.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// The headers for this body.
    #[must_use]
    pub fn sign(&self, body: impl AsRef<[u8]>) -> Vec<(String, String)> {
        let spec = self.provider.spec();
        let mut headers = Vec::new();
        let mut time_item = None;
        if let Some(time) = self.time_header() {
            match &time.item {
                None => headers.push((time.name.to_string(), self.time.clone())),
                Some((separator, prefix)) => {
                    time_item =
                        Some((time.name.clone(), *separator, format!("{prefix}{}", self.time)));
                }
            }
        }
        if let Some(name) = &spec.id_header {
            headers.push((name.to_string(), self.id.clone()));
        }
        let (name, mut proof) = match &spec.scheme {
            Scheme::Token(token) => (token.header.to_string(), token.write(self.secret)),
            Scheme::Hmac { signature, content } => {
                let mac = self.mac(signature, content, body.as_ref());
                (signature.header.to_string(), signature.write(&mac))
            }
        };
        match time_item {
            Some((header, separator, item)) if *header == *name => {
                proof = format!("{item}{separator}{proof}");
            }
            Some((header, _, item)) => headers.push((header.to_string(), item)),
            None => {}
        }
        headers.push((name, proof));
        headers
    }

    fn mac(&self, signature: &crate::Signature, content: &SignedContent, body: &[u8]) -> [u8; 32] {
        let texts = Texts {
            time: Text::new(self.time.as_bytes()).unwrap_or_default(),
            id: Text::new(self.id.as_bytes()).unwrap_or_default(),
        };
        let Some(key) = signature.key(self.secret) else { return [0; 32] };
        let mut mac = key.start(content, &texts);
        mac.update(body);
        let mut bytes = [0; 32];
        for (place, word) in
            bytes.as_chunks_mut::<8>().0.iter_mut().zip(*finish(mac, content, &texts))
        {
            *place = word.to_ne_bytes();
        }
        bytes
    }

    fn time_header(&self) -> Option<&'a HeaderTime> {
        let spec = self.provider.spec();
        match &spec.time {
            Some(TimeSource::Header { time, .. }) => Some(time),
            _ => spec.required_time.as_ref(),
        }
    }
}
