//! Pingara.

use countersign::EventKey;
use countersign::providers::pingara::{Event, EventType, provider};
use serde_json::{Value, json};

use super::{assert_event_types, assert_keeps_the_undocumented, assert_lenient, event};
use crate::support::{deliver_signed, endpoint_at, moment};

/// 2024-01-15T14:32:05Z.
const SENT: u64 = 1_705_329_125;

/// The standard payload in the documentation.
fn sample() -> Value {
    json!({
        "event": "incident.created",
        "timestamp": "2024-01-15T14:32:05.000Z",
        "monitor": {
            "id": "m_abc123def456",
            "name": "API Production",
            "url": "https://api.example.com/health",
            "status": "down",
            "region": "us-east-1"
        },
        "incident": {
            "id": "inc_789ghi012",
            "status": "investigating",
            "startedAt": "2024-01-15T14:32:00.000Z",
            "resolvedAt": null,
            "errorType": "timeout",
            "errorMessage": "Connection timeout after 30000ms",
            "affectedRegions": ["us-east-1", "eu-west-1"],
            "metrics": {
                "dnsLookupTime": 45,
                "tcpConnectTime": 30120,
                "tlsHandshakeTime": 0,
                "ttfb": 0,
                "totalDuration": 30165,
                "statusCode": null,
                "responseSize": 0
            }
        },
        "organization": { "id": "org_xyz789", "name": "Acme Corp" }
    })
}

/// That of `incident.resolved`.
fn resolved() -> Value {
    json!({
        "event": "incident.resolved",
        "timestamp": "2024-01-15T14:44:00.000Z",
        "monitor": {
            "id": "m_abc123def456",
            "name": "API Production",
            "url": "https://api.example.com/health",
            "status": "up"
        },
        "incident": {
            "id": "inc_789ghi012",
            "status": "resolved",
            "startedAt": "2024-01-15T14:32:00.000Z",
            "resolvedAt": "2024-01-15T14:44:00.000Z",
            "duration": 720
        }
    })
}

/// That of `ssl.expiring`.
fn expiring() -> Value {
    json!({
        "event": "ssl.expiring",
        "timestamp": "2024-01-15T00:00:00.000Z",
        "monitor": {
            "id": "m_abc123def456",
            "name": "API Production",
            "url": "https://api.example.com"
        },
        "ssl": {
            "daysUntilExpiry": 14,
            "expiresAt": "2024-01-29T23:59:59.000Z",
            "issuer": "Let's Encrypt Authority X3"
        }
    })
}

#[test]
fn the_documented_payloads_are_typed() {
    let created: Event = event(&provider(), SENT, &sample());
    assert_eq!(created.event_type, EventType::IncidentCreated);
    assert_eq!(created.timestamp.unwrap(), moment(SENT));
    let monitor = created.monitor.unwrap();
    assert_eq!(monitor.id.unwrap(), "m_abc123def456");
    assert_eq!(monitor.name.unwrap(), "API Production");
    assert_eq!(monitor.url.unwrap(), "https://api.example.com/health");
    assert_eq!(monitor.status.unwrap(), "down");
    assert_eq!(monitor.region.unwrap(), "us-east-1");
    let incident = created.incident.unwrap();
    assert_eq!(incident.id.unwrap(), "inc_789ghi012");
    assert_eq!(incident.status.unwrap(), "investigating");
    assert_eq!(incident.started_at.unwrap(), moment(SENT - 5));
    assert_eq!(incident.resolved_at, None);
    assert_eq!(incident.duration, None);
    assert_eq!(incident.error_type.unwrap(), "timeout");
    assert_eq!(incident.error_message.unwrap(), "Connection timeout after 30000ms");
    assert_eq!(incident.affected_regions.unwrap(), ["us-east-1", "eu-west-1"]);
    let metrics = incident.metrics.unwrap();
    assert_eq!(metrics.dns_lookup_time, Some(45.0));
    assert_eq!(metrics.tcp_connect_time, Some(30_120.0));
    assert_eq!(metrics.tls_handshake_time, Some(0.0));
    assert_eq!(metrics.ttfb, Some(0.0));
    assert_eq!(metrics.total_duration, Some(30_165.0));
    assert_eq!(metrics.status_code, None);
    assert_eq!(metrics.response_size, Some(0));
    let organization = created.organization.unwrap();
    assert_eq!(organization.id.unwrap(), "org_xyz789");
    assert_eq!(organization.name.unwrap(), "Acme Corp");

    let resolved: Event = event(&provider(), 1_705_329_840, &resolved());
    assert_eq!(resolved.event_type, EventType::IncidentResolved);
    let incident = resolved.incident.unwrap();
    assert_eq!(incident.resolved_at.unwrap(), moment(1_705_329_840));
    assert_eq!(incident.duration, Some(720.0));

    let expiring: Event = event(&provider(), 1_705_276_800, &expiring());
    assert_eq!(expiring.event_type, EventType::SslExpiring);
    let ssl = expiring.ssl.unwrap();
    assert_eq!(ssl.days_until_expiry, Some(14.0));
    assert_eq!(ssl.expires_at.unwrap(), moment(1_706_572_799));
    assert_eq!(ssl.issuer.unwrap(), "Let's Encrypt Authority X3");
    assert_eq!(expiring.incident, None);
}

#[test]
fn no_field_can_lose_the_event() {
    for sample in [sample(), resolved(), expiring()] {
        assert_lenient(&sample, Event::from_slice);
        assert_keeps_the_undocumented(&sample, Event::from_slice);
    }
    for status in [json!(503), json!(-1), json!(70_000), json!(1.5), json!("503")] {
        let mut body = sample();
        body["incident"]["metrics"]["statusCode"] = status.clone();
        let event: Event = event(&provider(), SENT, &body);
        let metrics = event.incident.unwrap().metrics.unwrap();
        assert_eq!(metrics.status_code, (status == 503).then_some(503), "{status}");
        assert_eq!(metrics.dns_lookup_time, Some(45.0));
    }
}

#[test]
fn every_documented_type_is_a_variant() {
    assert_event_types!(
        pingara,
        IncidentCreated = "incident.created",
        IncidentResolved = "incident.resolved",
        IncidentUpdated = "incident.updated",
        MonitorDegraded = "monitor.degraded",
        MonitorRecovered = "monitor.recovered",
        SslExpiring = "ssl.expiring",
        MonitorPaused = "monitor.paused",
        MonitorResumed = "monitor.resumed",
    );
}

fn key(body: &Value) -> EventKey {
    deliver_signed(&endpoint_at(&provider(), SENT), body.to_string()).unwrap().key()
}

#[test]
fn events_that_the_documented_key_would_merge_stay_distinct() {
    let mut updated = sample();
    updated["event"] = json!("incident.updated");
    let mut later = updated.clone();
    later["timestamp"] = json!("2024-01-15T14:33:05.000Z");
    assert_ne!(key(&updated), key(&later));
    assert_ne!(key(&updated), key(&sample()));
    // At one moment, and told apart by the status or the incident alone.
    let mut closed = updated.clone();
    closed["incident"]["status"] = json!("monitoring");
    assert_ne!(key(&updated), key(&closed));
    let mut other = updated.clone();
    other["incident"]["id"] = json!("inc_2");
    assert_ne!(key(&updated), key(&other));

    let mut ssl = expiring();
    ssl["timestamp"] = sample()["timestamp"].clone();
    let mut other = ssl.clone();
    other["monitor"]["id"] = json!("m_2");
    assert_ne!(key(&ssl), key(&other));
}

#[test]
fn a_retry_is_the_same_event() {
    assert_eq!(key(&sample()), key(&sample()));
    // A retry may be written anew; what is not in the key may differ.
    let mut retry = sample();
    retry["attempt"] = json!(2);
    assert_eq!(key(&sample()), key(&retry));
    // Without a monitor there is too little to go by, and the body decides.
    let mut bare = sample();
    bare["monitor"] = json!(null);
    let mut other = bare.clone();
    other["attempt"] = json!(2);
    assert_ne!(key(&bare), key(&other));
}
