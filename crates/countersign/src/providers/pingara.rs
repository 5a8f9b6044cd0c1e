//! Pingara. Source: Pingara's documentation, page "Webhook Integration".
//!
//! ```text
//! X-Pingara-Secret: <token>          or
//! Authorization: Bearer <token>      or
//! Authorization: Basic <base64 of user:password>
//!
//! {"event": "incident.created", "timestamp": "2024-01-15T14:32:05.000Z", "monitor": {…},
//!  "incident": {…}, "organization": {…}}
//! ```
//!
//! - **Proof** is a shared token, which you choose. It proves who sends and not what: one
//!   captured request is enough to send others. Use TLS.
//! - **Fresh** by the body's `timestamp`. The last retry comes 42 min 30 s after the first
//!   delivery, so the window is 1 h 42 min 30 s.
//! - **Key**: there is no event id. The documentation advises `incident.id` and `event`, which
//!   would lose events: two `incident.updated` of one incident look the same, and so do all
//!   monitors' `ssl.expiring`. The key here is the event, its time and its monitor, with the
//!   incident's id and status where there are any.
//! - **Retries** after 30 s, 2 min, 10 min and 30 min if the answer is not 2xx within 10 s.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Extra, built_in, event_types, lenient, lenient_time, typed_event};
use crate::{Provider, Retries, Timestamp, Token};

/// Pingara with its token in `X-Pingara-Secret`.
#[must_use]
pub fn provider() -> Provider {
    with_token(Token::header("X-Pingara-Secret"))
}

/// Pingara with `Authorization: Bearer <token>`.
#[must_use]
pub fn bearer() -> Provider {
    with_token(Token::bearer())
}

/// Pingara with credentials in its URL, which arrive as `Authorization: Basic`. The secret is
/// `user:password`.
#[must_use]
pub fn basic() -> Provider {
    with_token(Token::basic())
}

fn with_token(token: Token) -> Provider {
    built_in(
        Provider::builder("pingara")
            .shared_token(token)
            .timestamp(Timestamp::body("timestamp"))
            .event_type("event")
            .key_fields(["event", "timestamp", "monitor.id"])
            .optional_key_fields(["incident.id", "incident.status"])
            .retries(Retries::after([30, 2 * 60, 10 * 60, 30 * 60].map(Duration::from_secs)))
            .answer_within(Duration::from_secs(10)),
    )
}

/// An event from Pingara.
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
    /// The monitor.
    #[serde(default, deserialize_with = "lenient")]
    pub monitor: Option<Monitor>,
    /// The incident, for `incident.*`.
    #[serde(default, deserialize_with = "lenient")]
    pub incident: Option<Incident>,
    /// The certificate, for `ssl.expiring`.
    #[serde(default, deserialize_with = "lenient")]
    pub ssl: Option<Ssl>,
    /// The organization.
    #[serde(default, deserialize_with = "lenient")]
    pub organization: Option<Organization>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

event_types! {
    #[doc = "two checks in a row failed"]
    IncidentCreated = "incident.created",
    #[doc = "two checks in a row succeeded"]
    IncidentResolved = "incident.resolved",
    #[doc = "somebody changed the incident's status"]
    IncidentUpdated = "incident.updated",
    #[doc = "performance fell below the Apdex threshold"]
    MonitorDegraded = "monitor.degraded",
    #[doc = "performance returned to normal"]
    MonitorRecovered = "monitor.recovered",
    #[doc = "a certificate is about to expire"]
    SslExpiring = "ssl.expiring",
    #[doc = "a monitor was paused"]
    MonitorPaused = "monitor.paused",
    #[doc = "a monitor was resumed"]
    MonitorResumed = "monitor.resumed",
}

/// A monitor.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Monitor {
    /// Its id (`m_…`).
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// What it watches.
    #[serde(default, deserialize_with = "lenient")]
    pub url: Option<String>,
    /// Its status, such as `down`.
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<String>,
    /// The region that saw it.
    #[serde(default, deserialize_with = "lenient")]
    pub region: Option<String>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An incident.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Incident {
    /// Its id (`inc_…`).
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Its status, such as `investigating`.
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<String>,
    /// When it began.
    #[serde(rename = "startedAt", default, deserialize_with = "lenient_time")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(rename = "resolvedAt", default, deserialize_with = "lenient_time")]
    pub resolved_at: Option<OffsetDateTime>,
    /// How long it lasted; the documentation's example is in seconds.
    #[serde(default, deserialize_with = "lenient")]
    pub duration: Option<f64>,
    /// What kind of error, such as `timeout`.
    #[serde(rename = "errorType", default, deserialize_with = "lenient")]
    pub error_type: Option<String>,
    /// The error's message.
    #[serde(rename = "errorMessage", default, deserialize_with = "lenient")]
    pub error_message: Option<String>,
    /// The regions that see it.
    #[serde(rename = "affectedRegions", default, deserialize_with = "lenient")]
    pub affected_regions: Option<Vec<String>>,
    /// The failing check's measurements.
    #[serde(default, deserialize_with = "lenient")]
    pub metrics: Option<Metrics>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Measurements of a check. Times are in milliseconds by the documentation's example.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Looking up the name.
    #[serde(rename = "dnsLookupTime", default, deserialize_with = "lenient")]
    pub dns_lookup_time: Option<f64>,
    /// Connecting.
    #[serde(rename = "tcpConnectTime", default, deserialize_with = "lenient")]
    pub tcp_connect_time: Option<f64>,
    /// The TLS handshake.
    #[serde(rename = "tlsHandshakeTime", default, deserialize_with = "lenient")]
    pub tls_handshake_time: Option<f64>,
    /// Waiting for the first byte.
    #[serde(default, deserialize_with = "lenient")]
    pub ttfb: Option<f64>,
    /// All of it.
    #[serde(rename = "totalDuration", default, deserialize_with = "lenient")]
    pub total_duration: Option<f64>,
    /// The HTTP status.
    #[serde(rename = "statusCode", default, deserialize_with = "lenient")]
    pub status_code: Option<u16>,
    /// The response's size.
    #[serde(rename = "responseSize", default, deserialize_with = "lenient")]
    pub response_size: Option<u64>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A certificate.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Ssl {
    /// Days until it expires.
    #[serde(rename = "daysUntilExpiry", default, deserialize_with = "lenient")]
    pub days_until_expiry: Option<f64>,
    /// When it expires.
    #[serde(rename = "expiresAt", default, deserialize_with = "lenient_time")]
    pub expires_at: Option<OffsetDateTime>,
    /// Who issued it.
    #[serde(default, deserialize_with = "lenient")]
    pub issuer: Option<String>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Organization {
    /// Its id (`org_…`).
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

typed_event!("pingara");
