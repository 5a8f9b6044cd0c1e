//! The providers that come with the crate, as rows of data.
//!
//! A row is made with the [builder](crate::ProviderBuilder) that is open to you too. Whatever is not
//! known of a provider is left at the safe default: an unknown retry schedule, a window of five
//! minutes over a time that every delivery has of its own, and the signed content as the event's key.
//!
//! ```
//! use countersign::{Endpoint, Secret, catalogue};
//!
//! let endpoint = Endpoint::builder("github", catalogue::provider("github")?)
//!     .secret(Secret::new("a secret of your choice")?)
//!     .build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who is not here, and why
//!
//! - The signature stands in the body, or covers some of its fields and not its bytes: Adyen, Braintree,
//!   Dropbox Sign, Hygraph, Mailgun, Mailomat, Mercado Pago. The rest of such a body proves nothing.
//! - A JWT, or an HTTP signature that lists what it covers: FusionAuth, Jira Connect, Keygen, Kinde,
//!   LiveKit, MessageBird, monday.com, Netlify, QStash, Vonage.
//! - A key that has to be fetched, or RSA: AWS SNS, Constant Contact, eBay, fal, PayPal, Plaid, Wise.
//! - A text with rules of its own: Plivo.
//! - The token stands in each item of the body: Microsoft Graph.
//! - The user chooses the header or its token: AssemblyAI, BigCommerce, Brevo, Datadog, Okta, Supabase
//!   Database Webhooks. These are made in two lines with
//!   [`shared_token`](crate::ProviderBuilder::shared_token), and Okta's
//!   [`handshake`](crate::Handshake::echo_header_as_json) in a third.
//!
//! Some rows leave something out, with the reason at the row: the handshakes of X and Notion, and headers
//! that name the key (Pusher, Twilio's shared keys), which nobody signs.

mod body_base64;
mod body_hex;
mod public_keys;
mod standard_webhooks;
mod timed;
mod tokens;
mod typed;
mod urls;

use std::fmt;

use crate::error::ConfigError;
use crate::provider::Provider;

/// A provider of the catalogue. It is [confirmed](Self::confidence) to some degree.
#[derive(Clone, Copy)]
pub struct Preset {
    id: &'static str,
    name: &'static str,
    confidence: Confidence,
    source: &'static str,
    make: fn() -> Provider,
}

/// How well a row's facts are confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Confidence {
    /// Only other catalogues say so. Nobody has compared it with the provider's documentation.
    Weak,
    /// The provider's documentation says so.
    Documented,
    /// The source code of the provider's own library or of the specification says so.
    Read,
    /// The provider's own library, or the best of other parties, was run and agrees.
    Ran,
}

impl Confidence {
    /// A word for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Documented => "docs",
            Self::Read => "read",
            Self::Ran => "ran",
        }
    }
}

impl Preset {
    /// The id, such as `github`. It does not change.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// The name, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How well the row's facts are confirmed.
    #[must_use]
    pub const fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// Where the facts are from: the provider's pages or packages, or other catalogues.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// The provider, for an [`Endpoint`](crate::Endpoint).
    #[must_use]
    pub fn provider(&self) -> Provider {
        (self.make)()
    }
}

impl fmt::Debug for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preset")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

/// Every provider of the catalogue, by families. Those that sign with SHA-1, ed25519 or ECDSA are
/// there with the features `sha1`, `ed25519` and `p256`.
pub fn all() -> impl Iterator<Item = &'static Preset> {
    [
        typed::ROWS,
        standard_webhooks::ROWS,
        timed::ROWS,
        body_hex::ROWS,
        body_base64::ROWS,
        urls::ROWS,
        public_keys::ROWS,
        tokens::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The ids of those that are not there, each with the feature that it needs.
fn left_out() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        typed::LEFT_OUT,
        standard_webhooks::LEFT_OUT,
        timed::LEFT_OUT,
        body_hex::LEFT_OUT,
        body_base64::LEFT_OUT,
        urls::LEFT_OUT,
        public_keys::LEFT_OUT,
        tokens::LEFT_OUT,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The provider with this id, for an [`Endpoint`](crate::Endpoint).
///
/// # Errors
///
/// [`ConfigError::UnknownProvider`], or [`ConfigError::FeatureMissing`] with the feature to add.
pub fn provider(id: &str) -> Result<Provider, ConfigError> {
    match by_id(id) {
        Some(preset) => Ok(preset.provider()),
        None => Err(match left_out().find(|(left_out, _)| *left_out == id) {
            Some((id, feature)) => ConfigError::FeatureMissing { provider: id, feature },
            None => ConfigError::UnknownProvider { id: id.to_owned() },
        }),
    }
}

/// The row with this id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Preset> {
    all().find(|preset| preset.id == id)
}

/// Rows: id, name, confidence, source, and the calls of the builder.
macro_rules! rows {
    ($($(#[cfg(feature = $feature:literal)])? $id:literal, $name:literal, $confidence:ident, $source:literal =>
        $(.$method:ident($($argument:tt)*))+;)+) => {
        pub(super) const ROWS: &[crate::catalogue::Preset] = &[$(
            $(#[cfg(feature = $feature)])?
            crate::catalogue::Preset {
                id: $id,
                name: $name,
                confidence: crate::catalogue::Confidence::$confidence,
                source: $source,
                make: || {
                    crate::providers::built_in(
                        crate::provider::Provider::builder($id)$(.$method($($argument)*))+,
                    )
                },
            },
        )+];

        /// The rows whose feature is off, with the feature.
        pub(super) const LEFT_OUT: &[(&str, &str)] =
            &[$($(#[cfg(not(feature = $feature))] ($id, $feature),)?)+];
    };
}
use rows;

/// What rows are written with.
mod prelude {
    pub(super) use std::time::Duration;

    pub(super) use super::rows;
    pub(super) use crate::handshake::Handshake;
    pub(super) use crate::provider::{Retries, Timestamp};
    pub(super) use crate::scheme::content::Part;
    pub(super) use crate::scheme::content::Part::{
        Body, Id, Method, SortedForm, TargetEncoded, Timestamp as Time, Url, UrlDecoded,
    };
    pub(super) use crate::scheme::signature::Signature;
    pub(super) use crate::scheme::token::Token;
    pub(super) use crate::window::{TimeFormat, Window};
}
