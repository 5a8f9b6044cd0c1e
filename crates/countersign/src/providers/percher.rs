//! Percher. Source: Percher's documentation, page "Event webhooks".
//!
//! ```text
//! X-Percher-Timestamp: <time of the delivery>
//! X-Percher-Signature: sha256=<hex of HMAC-SHA256(secret, timestamp "." body)>
//! ```
//!
//! - **Fresh** by the header's time, which is under the MAC: five minutes. The documentation does
//!   not say how the time is written; unix seconds, unix milliseconds and RFC 3339 are read, and
//!   the MAC is taken over the header's bytes as sent.
//! - **Key**: no id is documented, so an event is its signed content.
//! - **No retries**, and five seconds to answer: what a handler fails is lost. Store the event
//!   and work on it later.
//! - A new secret is made whenever the URL changes.
//!
//! The documentation names the events and shows no payload. The type is read from `event` where
//! the body has it; everything else is in `extra`.

use std::time::Duration;

use serde::Deserialize;

use super::{Extra, built_in, event_types, lenient, typed_event};
use crate::{Part, Provider, Retries, Signature, Timestamp};

/// Percher as a provider.
#[must_use]
pub fn provider() -> Provider {
    built_in(
        Provider::builder("percher")
            .hmac_sha256(Signature::header("X-Percher-Signature").prefix("sha256="))
            .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
            .timestamp(Timestamp::header("X-Percher-Timestamp"))
            .optional_event_type("event")
            .retries(Retries::never())
            .answer_within(Duration::from_secs(5)),
    )
}

/// An event from Percher.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Event {
    /// What happened, if the body says so.
    #[serde(rename = "event", default, deserialize_with = "lenient")]
    pub event_type: Option<EventType>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

event_types! {
    #[doc = "a deploy failed (build, health, canary)"]
    DeployFailed = "deploy.failed",
    #[doc = "the app's process exited"]
    AppCrashed = "app.crashed",
    #[doc = "an external probe failed three times in a row"]
    AppUnhealthy = "app.unhealthy",
    #[doc = "the app answers again after an unhealthy window"]
    AppRecovered = "app.recovered",
    #[doc = "a custom domain's certificate expires within seven days"]
    DomainExpiring = "domain.expiring",
}

typed_event!("percher");
