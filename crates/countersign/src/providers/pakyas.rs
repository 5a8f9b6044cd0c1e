//! Pakyas. Source: Pakyas' documentation, page "Webhooks".
//!
//! ```text
//! X-Pakyas-Signature: sha256=<hex of HMAC-SHA256(secret, body)>
//!
//! {"event": "check.down", "check": {…}, "project": {…}, "organization": {…},
//!  "alert": {…, "triggered_at": "2025-01-02T10:00:00Z"}, "timestamp": "2025-01-02T10:00:00Z"}
//! ```
//!
//! - **Fresh** by the body's `timestamp`, or `alert.triggered_at` where that is missing. The last
//!   retry comes 21 min after the first delivery, so the window is 1 h 21 min.
//! - **Key**: events have no id, so an event is its signed content.
//! - **Retries** after 1 min, 5 min and 15 min if the answer is a 5xx or does not come within
//!   10 s. **A 4xx is final**: a handler that wants the event again must answer 5xx.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Extra, built_in, event_types, lenient, lenient_time, minutes, typed_event};
use crate::{Provider, Retries, Signature, Timestamp};

/// Pakyas as a provider.
#[must_use]
pub fn provider() -> Provider {
    built_in(
        Provider::builder("pakyas")
            .hmac_sha256(Signature::header("X-Pakyas-Signature").prefix("sha256="))
            .timestamp(Timestamp::body("timestamp").or_body("alert.triggered_at"))
            .event_type("event")
            .retries(Retries::after(minutes([1, 5, 15])))
            .answer_within(Duration::from_secs(10))
            .final_on_4xx(),
    )
}

/// An event from Pakyas.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    #[serde(rename = "event")]
    pub event_type: EventType,
    /// When it happened.
    #[serde(default, deserialize_with = "lenient_time")]
    pub timestamp: Option<OffsetDateTime>,
    /// The check.
    #[serde(default, deserialize_with = "lenient")]
    pub check: Option<Check>,
    /// The project.
    #[serde(default, deserialize_with = "lenient")]
    pub project: Option<Named>,
    /// The organization.
    #[serde(default, deserialize_with = "lenient")]
    pub organization: Option<Named>,
    /// The alert.
    #[serde(default, deserialize_with = "lenient")]
    pub alert: Option<Alert>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

event_types! {
    #[doc = "a check missed its schedule"]
    CheckDown = "check.down",
    #[doc = "a check recovered"]
    CheckUp = "check.up",
    #[doc = "a check received a fail ping"]
    CheckFailed = "check.failed",
    #[doc = "a check ran longer than it may"]
    CheckRunningLong = "check.running_long",
}

/// A check.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// Its id.
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// Its name in URLs.
    #[serde(default, deserialize_with = "lenient")]
    pub slug: Option<String>,
    /// Its status, such as `down`.
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<String>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A project or an organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Named {
    /// Its id.
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An alert.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// Its type, such as `down`.
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub kind: Option<String>,
    /// Its message.
    #[serde(default, deserialize_with = "lenient")]
    pub message: Option<String>,
    /// When it was triggered.
    #[serde(default, deserialize_with = "lenient_time")]
    pub triggered_at: Option<OffsetDateTime>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

typed_event!("pakyas");
