//! Older signatures that some providers still send, or sent.

use sha2::{Digest as _, Sha256};

use super::request::Head;
use super::urls::Url;
use crate::encoding::hex;
use crate::provider::Provider;
#[cfg(feature = "sha1")]
use crate::scheme::content::Part;
#[cfg(feature = "sha1")]
use crate::scheme::signature::Signature;
use crate::secret::Secret;

/// An older way to sign.
pub(super) struct Legacy {
    /// What it is, for people.
    pub(super) says: String,
    pub(super) way: Way,
}

pub(super) enum Way {
    /// As a provider of its own.
    Provider(Provider),
    /// As a hash that is no MAC.
    Plain(Plain),
}

/// A hash over the secret and the content.
#[derive(Clone, Copy)]
pub(super) enum Plain {
    /// HubSpot's `X-HubSpot-Signature`, version 1: the secret and the body. Version 2: the secret, the
    /// method, the URL and the body. (HubSpot's documentation, "Validating requests".)
    HubSpot,
}

impl Plain {
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::HubSpot => "x-hubspot-signature",
        }
    }

    pub(super) fn holds(
        self,
        head: &Head,
        url: Option<&Url>,
        secret: &Secret,
        body: &[u8],
    ) -> bool {
        let values = head.values(self.header());
        let [shown] = &*values else { return false };
        let url = url.map(|url| url.origin() + &head.target).unwrap_or_default();
        let contents: [&[&[u8]]; 2] = [&[], &[head.method.as_bytes(), url.as_bytes()]];
        contents.into_iter().any(|before| {
            let mut hash = Sha256::new_with_prefix(secret.expose());
            before.iter().for_each(|part| hash.update(part));
            hash.update(body);
            hex(&hash.finalize()).as_bytes() == *shown
        })
    }
}

/// The older ways of a provider.
pub(super) fn of(provider: &Provider) -> Vec<Legacy> {
    let mut all = Vec::new();
    let now = super::headers::proof_headers(provider);
    let says = |older: &str| {
        let now = now.first().map_or("", |name| &**name);
        format!(
            "Only the older {older} is there, and it is right; this provider is checked by {now}."
        )
    };
    let mut add = |header: &str, provider: Option<Provider>| {
        let way = provider.map(Way::Provider);
        all.extend(way.map(|way| Legacy { says: says(header), way }));
    };
    // GitHub's documentation, "Validating webhook deliveries"; Meta and others follow it.
    #[cfg(feature = "sha1")]
    if now.iter().any(|name| name == "x-hub-signature-256") {
        let sha1 = Signature::header("X-Hub-Signature").prefix("sha1=");
        add("X-Hub-Signature (SHA-1)", Provider::builder("legacy").hmac_sha1(sha1).build().ok());
    }
    // Square's documentation, "Validate webhooks": replaced by x-square-hmacsha256-signature.
    #[cfg(feature = "sha1")]
    if provider.name() == "square" {
        let sha1 = Signature::header("x-square-signature").base64();
        let square = Provider::builder("legacy").hmac_sha1(sha1);
        let square = square.signed_content([Part::Url, Part::Body]).build();
        add("x-square-signature (SHA-1)", square.ok());
    }
    if provider.name() == "creem" {
        add("creem-signature", crate::catalogue::provider("creem-legacy").ok());
    }
    if provider.name() == "hubspot" {
        let way = Way::Plain(Plain::HubSpot);
        all.push(Legacy { says: says("X-HubSpot-Signature (version 1 or 2)"), way });
    }
    all
}
