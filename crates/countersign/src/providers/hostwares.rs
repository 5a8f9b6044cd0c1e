//! Hostwares. Source: Hostwares' documentation, page "Webhooks".
//!
//! ```text
//! X-Hostwares-Signature: sha256=<hex of HMAC-SHA256(secret, body)>
//! X-Hostwares-Timestamp: 1716477000
//!
//! {"id": "evt_abc123def456", "event": "deployment.completed",
//!  "timestamp": "2026-05-23T14:30:00.000Z", "account_id": "user_xyz", "data": {…}}
//! ```
//!
//! - **Fresh** by the body's `timestamp`. The time in the header is **not** under the MAC: anyone
//!   can move it, so it must be well formed and is used for nothing. The last retry comes
//!   2 h 36 min 10 s after the first delivery, so the window is 3 h 36 min 10 s.
//! - **Key**: `id`, in every delivery. A retry with a later header time is the same event.
//! - **Retries** after 10 s, 60 s, 5 min, 30 min and 2 h if the answer is not 2xx; after five
//!   failures the endpoint is **disabled**.
//! - Hostwares sends a test ping when an endpoint is set up.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Extra, built_in, event_types, lenient, lenient_id, lenient_time, typed_event};
use crate::{Provider, Retries, Signature, Timestamp};

/// Hostwares as a provider.
#[must_use]
pub fn provider() -> Provider {
    built_in(
        Provider::builder("hostwares")
            .hmac_sha256(Signature::header("X-Hostwares-Signature").prefix("sha256="))
            .require_unsigned_timestamp_header("X-Hostwares-Timestamp")
            .timestamp(Timestamp::body("timestamp"))
            .event_type("event")
            .event_id("id")
            .retries(Retries::after([10, 60, 5 * 60, 30 * 60, 2 * 3600].map(Duration::from_secs))),
    )
}

/// An event from Hostwares.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    #[serde(rename = "event")]
    pub event_type: EventType,
    /// Its id (`evt_…`), the same in every retry.
    #[serde(default, deserialize_with = "lenient_id")]
    pub id: Option<String>,
    /// When it happened.
    #[serde(default, deserialize_with = "lenient_time")]
    pub timestamp: Option<OffsetDateTime>,
    /// The account.
    #[serde(default, deserialize_with = "lenient")]
    pub account_id: Option<String>,
    /// What it is about.
    #[serde(default, deserialize_with = "lenient")]
    pub data: Option<Data>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

event_types! {
    #[doc = "a build begins"]
    DeploymentStarted = "deployment.started",
    #[doc = "a container is running"]
    DeploymentCompleted = "deployment.completed",
    #[doc = "a build or start failed"]
    DeploymentFailed = "deployment.failed",
    #[doc = "a site started, stopped or crashed"]
    SiteStatusChanged = "site.status_changed",
    #[doc = "a site was created"]
    SiteCreated = "site.created",
    #[doc = "a site was deleted"]
    SiteDeleted = "site.deleted",
    #[doc = "a domain's DNS was verified"]
    DomainConfigured = "domain.configured",
    #[doc = "a certificate was issued"]
    SslIssued = "ssl.issued",
    #[doc = "a database was provisioned"]
    DatabaseCreated = "database.created",
    #[doc = "a one-click service was deployed"]
    ServiceDeployed = "service.deployed",
    #[doc = "less than 10 % of the AI credits remain"]
    CreditsLow = "credits.low",
    #[doc = "a monitoring threshold was exceeded"]
    AlertTriggered = "alert.triggered",
}

/// What an event is about. The documentation shows that of `deployment.completed`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Data {
    /// The site.
    #[serde(default, deserialize_with = "lenient")]
    pub site_id: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient")]
    pub site_name: Option<String>,
    /// Its status, such as `RUNNING`.
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<String>,
    /// The deployment.
    #[serde(default, deserialize_with = "lenient")]
    pub deployment_id: Option<String>,
    /// How long the deployment took, in seconds.
    #[serde(default, deserialize_with = "lenient")]
    pub duration_seconds: Option<f64>,
    /// The commit's message.
    #[serde(default, deserialize_with = "lenient")]
    pub commit_message: Option<String>,
    /// The commit.
    #[serde(default, deserialize_with = "lenient")]
    pub commit_sha: Option<String>,
    /// The site's domain.
    #[serde(default, deserialize_with = "lenient")]
    pub domain: Option<String>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

typed_event!("hostwares");
