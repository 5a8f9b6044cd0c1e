//! Pakyas.

use countersign::RejectionKind;
use countersign::providers::pakyas::{Event, EventType, provider};
use serde_json::{Value, json};

use super::{assert_event_types, assert_keeps_the_undocumented, assert_lenient, event};
use crate::support::{assert_refused, deliver_signed, endpoint_at, moment};

/// 2025-01-02T10:00:00Z.
const SENT: u64 = 1_735_812_000;

/// The payload in the documentation.
fn sample() -> Value {
    json!({
        "event": "check.down",
        "check": {
            "id": "uuid",
            "name": "Nightly Backup",
            "slug": "backup-nightly",
            "status": "down"
        },
        "project": { "id": "uuid", "name": "Production" },
        "organization": { "id": "uuid", "name": "My Company" },
        "alert": {
            "type": "down",
            "message": "Check 'Nightly Backup' is down",
            "triggered_at": "2025-01-02T10:00:00Z"
        },
        "timestamp": "2025-01-02T10:00:00Z"
    })
}

#[test]
fn the_documented_payload_is_typed() {
    let event: Event = event(&provider(), SENT, &sample());
    assert_eq!(event.event_type, EventType::CheckDown);
    assert_eq!(event.timestamp.unwrap(), moment(SENT));
    let check = event.check.unwrap();
    assert_eq!(check.id.unwrap(), "uuid");
    assert_eq!(check.name.unwrap(), "Nightly Backup");
    assert_eq!(check.slug.unwrap(), "backup-nightly");
    assert_eq!(check.status.unwrap(), "down");
    let project = event.project.unwrap();
    assert_eq!((project.id.unwrap(), project.name.unwrap()), ("uuid".into(), "Production".into()));
    let organization = event.organization.unwrap();
    assert_eq!(organization.id.unwrap(), "uuid");
    assert_eq!(organization.name.unwrap(), "My Company");
    let alert = event.alert.unwrap();
    assert_eq!(alert.kind.unwrap(), "down");
    assert_eq!(alert.message.unwrap(), "Check 'Nightly Backup' is down");
    assert_eq!(alert.triggered_at.unwrap(), moment(SENT));
}

#[test]
fn no_field_can_lose_the_event() {
    assert_lenient(&sample(), Event::from_slice);
    assert_keeps_the_undocumented(&sample(), Event::from_slice);
}

#[test]
fn every_documented_type_is_a_variant() {
    assert_event_types!(
        pakyas,
        CheckDown = "check.down",
        CheckUp = "check.up",
        CheckFailed = "check.failed",
        CheckRunningLong = "check.running_long",
    );
}

/// A 4xx is final here, so a body that the network lost asks for a retry.
#[test]
fn a_body_that_did_not_come_may_come_again() {
    let endpoint = endpoint_at(&provider(), SENT);
    for kind in [RejectionKind::BodyIncomplete, RejectionKind::BodyTimeout] {
        assert_eq!(endpoint.reject(kind).status(), 503);
    }
    assert_eq!(endpoint.reject(RejectionKind::BodyMalformed).status(), 400);
}

#[test]
fn without_a_timestamp_the_alert_tells_the_time() {
    let deliver = |body: &Value| {
        let endpoint = endpoint_at(&provider(), SENT + 21 * 60);
        deliver_signed(&endpoint, body.to_string())
    };
    let mut body = sample();
    body["timestamp"] = json!("2025-01-02T10:01:00Z");
    assert_eq!(deliver(&body).unwrap().time().unwrap(), moment(SENT + 60));
    body["timestamp"] = json!(null);
    assert_eq!(deliver(&body).unwrap().time().unwrap(), moment(SENT));
    body.as_object_mut().unwrap().remove("timestamp");
    assert_eq!(deliver(&body).unwrap().time().unwrap(), moment(SENT));
    body["alert"]["triggered_at"] = json!("2024-01-02T10:00:00Z");
    assert_refused(deliver(&body), RejectionKind::Stale, 401, "timestamp_stale");
    body["alert"] = json!("none");
    assert_refused(deliver(&body), RejectionKind::TimestampMalformed, 400, "timestamp_malformed");
    body["alert"] = json!(null);
    assert_refused(deliver(&body), RejectionKind::TimestampMissing, 401, "timestamp_missing");
    // A timestamp that is none is not made good by another.
    let mut body = sample();
    body["timestamp"] = json!("soon");
    assert_refused(deliver(&body), RejectionKind::TimestampMalformed, 400, "timestamp_malformed");
}

#[test]
fn two_alerts_of_one_check_are_two_events() {
    let endpoint = endpoint_at(&provider(), SENT);
    let key = |body: &Value| deliver_signed(&endpoint, body.to_string()).unwrap().key();
    let mut other = sample();
    other["alert"]["triggered_at"] = json!("2025-01-02T10:00:01Z");
    assert_ne!(key(&sample()), key(&other));
    assert_eq!(key(&sample()), key(&sample()));
}
