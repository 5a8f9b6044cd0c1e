//! Hostwares.

use countersign::RejectionKind;
use countersign::providers::hostwares::{Event, EventType, provider};
use serde_json::{Value, json};

use super::{assert_event_types, assert_keeps_the_undocumented, assert_lenient, event};
use crate::support::{
    NOW, assert_refused, build, deliver, deliver_signed, endpoint_at, moment, refused, sign, value,
    with, without,
};

const TIME: &str = "X-Hostwares-Timestamp";

/// The payload in the documentation. It was sent at [`NOW`].
fn sample() -> Value {
    json!({
        "id": "evt_abc123def456",
        "event": "deployment.completed",
        "timestamp": "2026-05-23T14:30:00.000Z",
        "account_id": "user_xyz",
        "data": {
            "site_id": "cm1234abcd",
            "site_name": "my-nextjs-app",
            "status": "RUNNING",
            "deployment_id": "dep_789",
            "duration_seconds": 12.5,
            "commit_message": "feat: add user profiles",
            "commit_sha": "abc1234",
            "domain": "app.example.com"
        }
    })
}

#[test]
fn the_documented_payload_is_typed() {
    let delivery = deliver_signed(&endpoint_at(&provider(), NOW), sample().to_string()).unwrap();
    assert_eq!(delivery.event_type(), Some("deployment.completed"));
    assert_eq!(delivery.id(), Some("evt_abc123def456"));
    assert_eq!(delivery.time().unwrap(), moment(NOW));

    let event: Event = event(&provider(), NOW, &sample());
    assert_eq!(event.event_type, EventType::DeploymentCompleted);
    assert_eq!(event.id.unwrap(), "evt_abc123def456");
    assert_eq!(event.timestamp.unwrap(), moment(NOW));
    assert_eq!(event.account_id.unwrap(), "user_xyz");
    let data = event.data.unwrap();
    assert_eq!(data.site_id.unwrap(), "cm1234abcd");
    assert_eq!(data.site_name.unwrap(), "my-nextjs-app");
    assert_eq!(data.status.unwrap(), "RUNNING");
    assert_eq!(data.deployment_id.unwrap(), "dep_789");
    assert_eq!(data.duration_seconds, Some(12.5));
    assert_eq!(data.commit_message.unwrap(), "feat: add user profiles");
    assert_eq!(data.commit_sha.unwrap(), "abc1234");
    assert_eq!(data.domain.unwrap(), "app.example.com");
}

#[test]
fn no_field_can_lose_the_event() {
    assert_lenient(&sample(), Event::from_slice);
    assert_keeps_the_undocumented(&sample(), Event::from_slice);
}

#[test]
fn every_documented_type_is_a_variant() {
    assert_event_types!(
        hostwares,
        DeploymentStarted = "deployment.started",
        DeploymentCompleted = "deployment.completed",
        DeploymentFailed = "deployment.failed",
        SiteStatusChanged = "site.status_changed",
        SiteCreated = "site.created",
        SiteDeleted = "site.deleted",
        DomainConfigured = "domain.configured",
        SslIssued = "ssl.issued",
        DatabaseCreated = "database.created",
        ServiceDeployed = "service.deployed",
        CreditsLow = "credits.low",
        AlertTriggered = "alert.triggered",
    );
}

#[test]
fn a_moved_header_time_changes_nothing() {
    let endpoint = endpoint_at(&provider(), NOW);
    let body = sample().to_string();
    let headers = sign(&provider(), &body);
    assert_eq!(value(&headers, TIME), NOW.to_string());
    let genuine = deliver(&endpoint, &headers, &body).unwrap();
    for moved in ["1", "1716477000", "4102444800", "1779546600123", "2026-05-23T14:30:07+02:00"] {
        let delivery = deliver(&endpoint, &with(headers.clone(), TIME, moved), &body).unwrap();
        assert_eq!(delivery.key(), genuine.key(), "{moved}");
        // What is not under the MAC is not given to a handler.
        assert_eq!(delivery.time(), genuine.time(), "{moved}");
        assert_eq!(delivery.age(), genuine.age(), "{moved}");
    }
}

#[test]
fn a_header_time_must_be_well_formed() {
    let endpoint = endpoint_at(&provider(), NOW);
    let body = sample().to_string();
    let headers = sign(&provider(), &body);
    let refuse = |headers| {
        let result = deliver(&endpoint, &headers, &body);
        assert_refused(result, RejectionKind::TimestampMalformed, 400, "timestamp_malformed");
    };
    for bad in ["", "soon", "-1", "+1716477000", "1716477000.0", "0x6650", "９", "2026-05-23"] {
        refuse(with(headers.clone(), TIME, bad));
    }
    // It is not in the signed content, so a missing one is bad form and not a bad proof.
    let missing = deliver(&endpoint, &without(headers.clone(), TIME), &body);
    assert_refused(missing, RejectionKind::TimestampMissing, 400, "timestamp_missing");
    let answered =
        build(&provider(), |endpoint| endpoint.answer(RejectionKind::TimestampMissing, 404));
    let missing = deliver(&answered, &without(headers.clone(), TIME), &body);
    assert_refused(missing, RejectionKind::TimestampMissing, 404, "timestamp_missing");
    // The one in the body is.
    let sent = body.replace("timestamp", "tomestamp");
    let missing = deliver_signed(&endpoint, sent);
    assert_refused(missing, RejectionKind::TimestampMissing, 401, "timestamp_missing");
    let mut repeated = headers.clone();
    repeated.push((TIME.to_lowercase(), NOW.to_string()));
    refuse(repeated);
}

#[test]
fn freshness_is_judged_by_the_body() {
    let mut body = sample();
    body["timestamp"] = json!("2024-05-23T14:30:00.000Z");
    let body = body.to_string();
    // A fresh header does not help an old body.
    let headers = with(sign(&provider(), &body), TIME, NOW.to_string());
    let result = deliver(&endpoint_at(&provider(), NOW), &headers, &body);
    assert!(result.as_ref().unwrap_err().is_proven());
    assert_refused(result, RejectionKind::Stale, 401, "timestamp_stale");
    // An old header does not hurt a fresh body.
    let body = sample().to_string();
    let headers = with(sign(&provider(), &body), TIME, "1716477000");
    assert!(deliver(&endpoint_at(&provider(), NOW), &headers, &body).is_ok());
}

#[test]
fn the_body_time_may_be_written_in_seconds_or_millis() {
    for time in [json!(NOW), json!(NOW * 1000), json!(NOW.to_string())] {
        let mut body = sample();
        body["timestamp"] = time.clone();
        let endpoint = endpoint_at(&provider(), NOW);
        let delivery = deliver_signed(&endpoint, body.to_string()).unwrap();
        assert_eq!(delivery.time().unwrap(), moment(NOW));
        // The event says the same.
        let event: Event = event(&provider(), NOW, &body);
        assert_eq!(event.timestamp, delivery.time(), "{time}");
    }
    for time in [json!(1.5), json!(true), json!({}), json!([NOW]), json!("x"), json!(u64::MAX)] {
        let mut body = sample();
        body["timestamp"] = time;
        let result = deliver_signed(&endpoint_at(&provider(), NOW), body.to_string());
        assert_eq!(refused(result), RejectionKind::TimestampMalformed);
    }
}
