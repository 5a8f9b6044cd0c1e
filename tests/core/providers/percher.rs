//! Percher.

use countersign::RejectionKind;
use countersign::providers::percher::{Event, EventType, provider};
use countersign::testing::Signer;
use serde_json::json;

use super::{assert_event_types, assert_keeps_the_undocumented, event};
use crate::support::{
    NOW, SECRET, assert_refused, deliver, endpoint_at, moment, refused, secret, sign, with, without,
};

const TIME: &str = "X-Percher-Timestamp";
const BODY: &str = r#"{"event":"app.crashed","app":"web","exit_code":137}"#;

#[test]
fn a_payload_that_nobody_documented_is_kept() {
    let event: Event = event(&provider(), NOW, &serde_json::from_str(BODY).unwrap());
    assert_eq!(event.event_type, Some(EventType::AppCrashed));
    assert_eq!(serde_json::Value::from(event.extra), json!({ "app": "web", "exit_code": 137 }));
    assert_keeps_the_undocumented(&json!({ "event": "app.crashed" }), Event::from_slice);
}

#[test]
fn an_event_without_a_type_is_delivered() {
    for body in ["{}", r#"{"event":null}"#, r#"{"event":7}"#, r#"{"event":{"a":[]}}"#] {
        let endpoint = endpoint_at(&provider(), NOW);
        let delivery = deliver(&endpoint, &sign(&provider(), body), body).unwrap();
        assert_eq!(delivery.event_type(), None, "{body}");
        let event: Event = event(&provider(), NOW, &serde_json::from_str(body).unwrap());
        assert_eq!(event.event_type, None, "{body}");
    }
}

#[test]
fn every_documented_type_is_a_variant() {
    assert_event_types!(
        percher,
        DeployFailed = "deploy.failed",
        AppCrashed = "app.crashed",
        AppUnhealthy = "app.unhealthy",
        AppRecovered = "app.recovered",
        DomainExpiring = "domain.expiring",
    );
}

#[test]
fn the_time_is_read_in_three_formats_and_signed_as_sent() {
    let endpoint = endpoint_at(&provider(), NOW);
    let millis = (NOW * 1000).to_string();
    let texts = [
        NOW.to_string(),
        millis,
        "2026-05-23T14:30:00Z".to_owned(),
        "2026-05-23T14:30:00.000Z".to_owned(),
        "2026-05-23T16:30:00.0+02:00".to_owned(),
    ];
    for text in &texts {
        let key = secret(SECRET);
        let headers = Signer::new(&provider(), &key).at_text(text).sign(BODY);
        let delivery = deliver(&endpoint, &headers, BODY).unwrap();
        assert_eq!(delivery.time().unwrap(), moment(NOW), "{text}");
        // The same moment in another spelling is not what was signed.
        for other in texts.iter().filter(|other| *other != text) {
            let result = deliver(&endpoint, &with(headers.clone(), TIME, other), BODY);
            assert_eq!(refused(result), RejectionKind::SignatureMismatch, "{text} {other}");
        }
    }
}

#[test]
fn the_mac_is_over_time_dot_body() {
    // Computed with `printf '1779546600.{"a":1}' | openssl dgst -sha256 -hmac <SECRET>`.
    let headers = [
        (TIME, "1779546600"),
        (
            "X-Percher-Signature",
            "sha256=d817bc5bb885119c652e04b22efc7412e3ae7cbe0257c9321628daed928cc633",
        ),
    ];
    let endpoint = endpoint_at(&provider(), NOW);
    assert!(deliver(&endpoint, &headers, r#"{"a":1}"#).is_ok());
    // The dot stands between time and body, so that no digit can go over from one to the other.
    let headers = Signer::new(&provider(), &secret(SECRET))
        .at_text(&(NOW * 1000).to_string())
        .sign(r#"{"a":1}"#);
    assert!(deliver(&endpoint, &headers, r#"{"a":1}"#).is_ok());
    let moved = with(headers, TIME, NOW.to_string());
    for body in [r#"000{"a":1}"#, r#"000.{"a":1}"#] {
        let result = deliver(&endpoint, &moved, body);
        assert_eq!(refused(result), RejectionKind::SignatureMismatch);
    }
}

#[test]
fn a_delivery_is_fresh_for_five_minutes() {
    let headers = sign(&provider(), BODY);
    let at = |unix| deliver(&endpoint_at(&provider(), unix), &headers, BODY);
    assert_eq!(at(NOW).unwrap().retries_left(), Some(0));
    assert!(at(NOW + 300).is_ok() && at(NOW - 300).is_ok());
    assert_refused(at(NOW + 301), RejectionKind::Stale, 401, "timestamp_stale");
    assert_refused(at(NOW - 301), RejectionKind::InTheFuture, 401, "timestamp_in_the_future");

    // A capture of 2024, as sent and with its time moved up.
    let key = secret(SECRET);
    let capture = Signer::new(&provider(), &key).at_text("1716477000").sign(BODY);
    let endpoint = endpoint_at(&provider(), NOW);
    assert_eq!(refused(deliver(&endpoint, &capture, BODY)), RejectionKind::Stale);
    let moved = with(capture, TIME, NOW.to_string());
    assert_eq!(refused(deliver(&endpoint, &moved, BODY)), RejectionKind::SignatureMismatch);
}

#[test]
fn a_time_that_is_none_is_refused_before_the_body() {
    let endpoint = endpoint_at(&provider(), NOW);
    let headers = sign(&provider(), BODY);
    for bad in ["", " ", "soon", "-1", "+1779546600", "01779546600", "1779546600 ", "1e9"] {
        let result = endpoint.begin(&with(headers.clone(), TIME, bad));
        assert_refused(result, RejectionKind::TimestampMalformed, 400, "timestamp_malformed");
    }
    let result = endpoint.begin(&without(headers.clone(), TIME));
    assert_refused(result, RejectionKind::TimestampMissing, 401, "timestamp_missing");
    let mut repeated = headers;
    repeated.push((TIME.to_owned(), NOW.to_string()));
    let result = endpoint.begin(&repeated);
    assert_refused(result, RejectionKind::TimestampMalformed, 400, "timestamp_malformed");
}
