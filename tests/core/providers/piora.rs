//! Piora.

use countersign::providers::piora::{Event, EventType, provider};
use serde_json::{Value, json};

use super::{assert_event_types, assert_keeps_the_undocumented, assert_lenient, event};
use crate::support::{deliver_signed, endpoint_at, moment};

/// 2024-01-15T10:30:00Z.
const SENT: u64 = 1_705_314_600;

/// The payload in the documentation.
fn sample() -> Value {
    json!({
        "event": "deployment.succeeded",
        "timestamp": "2024-01-15T10:30:00Z",
        "data": {
            "application": { "id": "app_xxxxxxxxxxxx", "name": "my-web-app" },
            "deployment": {
                "id": "deploy_xxxxxxxxxxxx",
                "status": "succeeded",
                "commit": "abc1234",
                "branch": "main",
                "duration": 45
            },
            "server": { "id": "srv_xxxxxxxxxxxx", "name": "production" }
        }
    })
}

#[test]
fn the_documented_payload_is_typed() {
    let delivery = deliver_signed(&endpoint_at(&provider(), SENT), sample().to_string()).unwrap();
    assert_eq!(delivery.event_type(), Some("deployment.succeeded"));
    assert_eq!(delivery.id(), None);
    assert_eq!(delivery.time().unwrap(), moment(SENT));

    let event: Event = event(&provider(), SENT, &sample());
    assert_eq!(event.event_type, EventType::DeploymentSucceeded);
    assert_eq!(event.timestamp.unwrap(), moment(SENT));
    let data = event.data.unwrap();
    let application = data.application.unwrap();
    assert_eq!(application.id.unwrap(), "app_xxxxxxxxxxxx");
    assert_eq!(application.name.unwrap(), "my-web-app");
    let deployment = data.deployment.unwrap();
    assert_eq!(deployment.id.unwrap(), "deploy_xxxxxxxxxxxx");
    assert_eq!(deployment.status.unwrap(), "succeeded");
    assert_eq!(deployment.commit.unwrap(), "abc1234");
    assert_eq!(deployment.branch.unwrap(), "main");
    assert_eq!(deployment.duration, Some(45.0));
    let server = data.server.unwrap();
    assert_eq!(server.id.unwrap(), "srv_xxxxxxxxxxxx");
    assert_eq!(server.name.unwrap(), "production");
}

#[test]
fn no_field_can_lose_the_event() {
    assert_lenient(&sample(), Event::from_slice);
    assert_keeps_the_undocumented(&sample(), Event::from_slice);
}

#[test]
fn every_documented_type_is_a_variant() {
    assert_event_types!(
        piora,
        DeploymentStarted = "deployment.started",
        DeploymentSucceeded = "deployment.succeeded",
        DeploymentFailed = "deployment.failed",
        DeploymentRolledBack = "deployment.rolled_back",
        ApplicationCreated = "application.created",
        ApplicationDeleted = "application.deleted",
        ApplicationStarted = "application.started",
        ApplicationStopped = "application.stopped",
        ApplicationCrashed = "application.crashed",
        ServerConnected = "server.connected",
        ServerDisconnected = "server.disconnected",
        ServerAlert = "server.alert",
        DatabaseCreated = "database.created",
        DatabaseDeleted = "database.deleted",
        BackupCompleted = "backup.completed",
        BackupFailed = "backup.failed",
    );
}

#[test]
fn an_event_of_an_unknown_type_is_delivered() {
    let mut body = sample();
    body["event"] = json!("server.levitated");
    let event: Event = event(&provider(), SENT, &body);
    assert_eq!(event.event_type, EventType::Unknown("server.levitated".into()));
    assert!(event.data.is_some());
}

#[test]
fn an_event_is_its_signed_content() {
    let endpoint = endpoint_at(&provider(), SENT);
    let key = |body: &str| deliver_signed(&endpoint, body).unwrap().key();
    let sent = sample().to_string();
    assert_eq!(key(&sent), key(&sent));
    // Two events of one second, told apart by anything at all.
    assert_ne!(key(&sent), key(&sent.replace("app_xxxxxxxxxxxx", "app_yyyyyyyyyyyy")));
    assert_ne!(key(&sent), key(&format!("{sent} ")));
}
