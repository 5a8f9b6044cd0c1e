//! Piora. Source: Piora's documentation, page "Webhooks".
//!
//! ```text
//! X-Piora-Signature: sha256=<hex of HMAC-SHA256(secret, body)>
//!
//! {"event": "deployment.succeeded", "timestamp": "2024-01-15T10:30:00Z", "data": {…}}
//! ```
//!
//! - **Fresh** by the body's `timestamp`, the event's own time. The last retry comes 14 h 36 min
//!   after the first delivery and is genuine, so the window is 15 h 36 min.
//! - **Key**: events have no id, so an event is its signed content.
//! - **Retries** after 1 min, 5 min, 30 min, 2 h and 12 h if the answer is not 2xx.
//!
//! The documentation shows the payload of `deployment.succeeded` only; other events' data is in
//! the same fields as far as it has them, and in `extra`.

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Extra, built_in, event_types, lenient, lenient_time, minutes, typed_event};
use crate::{Provider, Retries, Signature, Timestamp};

/// Piora as a provider.
#[must_use]
pub fn provider() -> Provider {
    built_in(
        Provider::builder("piora")
            .hmac_sha256(Signature::header("X-Piora-Signature").prefix("sha256="))
            .timestamp(Timestamp::body("timestamp"))
            .event_type("event")
            .retries(Retries::after(minutes([1, 5, 30, 2 * 60, 12 * 60]))),
    )
}

/// An event from Piora.
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
    /// What it is about.
    #[serde(default, deserialize_with = "lenient")]
    pub data: Option<Data>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

event_types! {
    #[doc = "a deployment started"]
    DeploymentStarted = "deployment.started",
    #[doc = "a deployment succeeded"]
    DeploymentSucceeded = "deployment.succeeded",
    #[doc = "a deployment failed"]
    DeploymentFailed = "deployment.failed",
    #[doc = "a deployment was rolled back"]
    DeploymentRolledBack = "deployment.rolled_back",
    #[doc = "an application was created"]
    ApplicationCreated = "application.created",
    #[doc = "an application was deleted"]
    ApplicationDeleted = "application.deleted",
    #[doc = "an application started"]
    ApplicationStarted = "application.started",
    #[doc = "an application stopped"]
    ApplicationStopped = "application.stopped",
    #[doc = "an application crashed unexpectedly"]
    ApplicationCrashed = "application.crashed",
    #[doc = "a server connected"]
    ServerConnected = "server.connected",
    #[doc = "a server's connection was lost"]
    ServerDisconnected = "server.disconnected",
    #[doc = "an alert of a server (CPU, memory …)"]
    ServerAlert = "server.alert",
    #[doc = "a database was created"]
    DatabaseCreated = "database.created",
    #[doc = "a database was deleted"]
    DatabaseDeleted = "database.deleted",
    #[doc = "a backup completed"]
    BackupCompleted = "backup.completed",
    #[doc = "a backup failed"]
    BackupFailed = "backup.failed",
}

/// What an event is about.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Data {
    /// The application.
    #[serde(default, deserialize_with = "lenient")]
    pub application: Option<Application>,
    /// The deployment.
    #[serde(default, deserialize_with = "lenient")]
    pub deployment: Option<Deployment>,
    /// The server.
    #[serde(default, deserialize_with = "lenient")]
    pub server: Option<Server>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An application.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Application {
    /// Its id (`app_…`).
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A deployment.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Deployment {
    /// Its id (`deploy_…`).
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Its status, such as `succeeded`.
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<String>,
    /// The commit.
    #[serde(default, deserialize_with = "lenient")]
    pub commit: Option<String>,
    /// The branch.
    #[serde(default, deserialize_with = "lenient")]
    pub branch: Option<String>,
    /// How long it took; the documentation shows no unit.
    #[serde(default, deserialize_with = "lenient")]
    pub duration: Option<f64>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Server {
    /// Its id (`srv_…`).
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// Fields that the documentation does not name.
    #[serde(flatten)]
    pub extra: Extra,
}

typed_event!("piora");
