//! Bodies that a provider does not send, and providers that cannot be.

use countersign::{
    ConfigError, Part, Provider, ProviderBuilder, RejectionKind, TimeFormat, Timestamp,
};

use super::{encoded, hmac, preset, send, sorted};
use crate::support::refused;

#[test]
fn a_form_without_its_field_is_refused() {
    for body in ["", "a=1", "Hello, World!", "Payload=%7B%7D", "payload%00=%7B%7D", "<xml/>"] {
        assert_eq!(refused(send(&preset("github"), body)), RejectionKind::BodyMalformed, "{body}");
    }
    for value in ["", "null", "1", "\"{}\"", "opened", "%FF", "payload={}"] {
        for id in ["github", "slack"] {
            let body = format!("payload={}", encoded(value));
            assert_eq!(refused(send(&preset(id), &body)), RejectionKind::BodyMalformed, "{body}");
        }
    }
    // Slack's type and id are looked for, so its JSON is checked here.
    for value in ["{", "{}x", "[]", "{\"type\":}"] {
        let body = format!("payload={}", encoded(value));
        assert_eq!(refused(send(&preset("slack"), &body)), RejectionKind::BodyMalformed, "{body}");
    }
}

#[test]
fn a_form_that_nobody_announced_is_refused() {
    let acme = hmac().optional_event_type("type").build().unwrap();
    assert_eq!(refused(send(&acme, "type=a")), RejectionKind::BodyMalformed);
    let required = hmac().form().event_type("type").build().unwrap();
    for body in ["", "a=1", "type=", "type"] {
        assert_eq!(refused(send(&required, body)), RejectionKind::BodyMalformed, "{body}");
    }
}

#[track_caller]
fn error(builder: ProviderBuilder, expected: &ConfigError, said: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error, *expected);
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn what_every_delivery_must_have_is_in_no_array() {
    let item = |field, path: &str| ConfigError::ItemOfArray { field, path: path.to_owned() };
    let batches = || hmac().json_array();
    error(batches().event_type("0.type"), &item("event_type", "0.type"), "optional_event_type");
    error(hmac().event_type("l.0.type"), &item("event_type", "l.0.type"), "optional_event_type");
    let time = Timestamp::body("l.0.at").format(TimeFormat::UnixSeconds);
    error(hmac().timestamp(time), &item("timestamp", "l.0.at"), "outside of arrays");
    assert!(hmac().optional_event_type("l.0.type").key_fields(["l.0.id"]).build().is_ok());
}

#[test]
fn a_path_into_an_array_at_the_top_needs_such_arrays() {
    let expected = |field| ConfigError::ArrayNotSent { field, path: "0.id".to_owned() };
    error(hmac().event_id("0.id"), &expected("event_id"), "json_array");
    error(hmac().key_fields(["0.id"]), &expected("key_fields"), "json_array");
    assert!(hmac().event_id("00.id").build().is_ok());
}

/// Whoever replays `id=1&x=2` as `id=1x2` would make another event of it.
#[test]
fn nothing_is_read_from_fields_without_boundaries() {
    let field = |field, path: &str| ConfigError::FieldOfSortedForm { field, path: path.to_owned() };
    error(sorted().event_id("id"), &field("event_id", "id"), "`Part::SortedForm`");
    error(
        sorted().form().key_fields(["id"]),
        &field("key_fields", "id"),
        "keyed by the whole form",
    );
    error(sorted().optional_event_type("t"), &field("event_type", "t"), "not under the MAC");
    error(sorted().timestamp(Timestamp::body("t")), &field("timestamp", "t"), "not under the MAC");
    assert!(sorted().form_field("events").event_id("id").build().is_ok());
}

#[test]
fn forms_beside_the_url_would_have_no_end() {
    let signed = |builder: ProviderBuilder| builder.signed_content([Part::Url, Part::Body]);
    for builder in [hmac().form(), hmac().form_field("payload"), hmac().not_only_json()] {
        error(signed(builder), &ConfigError::BodyBesideHead, "must be JSON");
    }
    assert!(signed(hmac().json_array()).build().is_ok());
    let apart = [Part::Url, Part::literal("\n"), Part::Body];
    assert!(hmac().form().signed_content(apart).build().is_ok());
}

#[test]
fn the_field_is_named_once() {
    let twice = ConfigError::SetTwice { first: "form_field", second: "form_field" };
    error(hmac().form_field("a").form_field("b"), &twice, "called twice");
    let empty = ConfigError::InvalidPath { field: "form_field", path: String::new() };
    error(hmac().form_field(""), &empty, "form_field");
}

#[test]
fn bodies_are_described() {
    let described = |builder: ProviderBuilder| builder.build().unwrap().describe_body();
    assert_eq!(described(hmac()), "JSON");
    assert_eq!(described(hmac().json_array()), "JSON or a JSON array");
    assert_eq!(described(hmac().not_only_json()), "JSON, or anything else");
    assert_eq!(described(sorted()), "a form");
    assert_eq!(described(sorted().form_field("e")), "JSON in the form field e");
    let described = |id| -> String { Provider::describe_body(&preset(id)) };
    assert_eq!(described("github"), "JSON, or JSON in the form field payload");
    assert_eq!(described("slack"), "JSON, or JSON in the form field payload, or a form");
}
