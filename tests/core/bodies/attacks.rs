//! What a listener can do with a captured delivery: send the same signed bytes with other headers, and
//! other bytes under the same signature.

use countersign::{Delivery, FromDelivery, Payload, Provider, RejectionKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::{delivered, encoded, event, hmac, preset, send, send_as, sorted};
use crate::support::{endpoint, refused, sign, with};

const TYPES: [&str; 7] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16",
    "multipart/form-data; boundary=x",
    "text/xml",
    "",
    "application/json, application/x-www-form-urlencoded",
];

/// All that a handler can be told.
fn told(delivery: &Delivery) -> impl PartialEq + std::fmt::Debug {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let (kind, bytes) = match delivery.payload() {
        Payload::Json(bytes) => ("json", bytes.clone()),
        Payload::Form(bytes) => ("form", bytes.clone()),
        _ => ("other", delivery.body().clone()),
    };
    let typed = Value::from_delivery(delivery).map_err(|error| error.to_string());
    (delivery.key(), text(delivery.event_type()), text(delivery.id()), kind, bytes, typed)
}

fn slack_like() -> Provider {
    let acme = hmac().form_field("payload").form().json_array();
    acme.optional_event_type("type").event_id("event_id").build().unwrap()
}

fn sorted_json() -> Provider {
    let acme = sorted().form_field("events").json_array();
    acme.optional_event_type("0.event").event_id("0.id").build().unwrap()
}

fn all() -> [Provider; 7] {
    [
        slack_like(),
        preset("github"),
        preset("slack"),
        preset("line"),
        hmac().json_array().optional_event_type("0.a").not_only_json().build().unwrap(),
        sorted().build().unwrap(),
        sorted_json(),
    ]
}

/// JSON that has a form in it, and forms that have JSON in them.
#[test]
fn the_content_type_decides_nothing() {
    let hidden = encoded(r#"{"type":"forged","event_id":"Ev2"}"#);
    let json =
        format!(r#"{{"type":"real","event_id":"Ev1","text":"&payload={hidden}&type=forged&"}}"#);
    let form = format!("text={}&type=real&event_id=Ev1", encoded(&json));
    let field = format!("type=forged&payload={}&event_id=Ev2", encoded(&json));
    for body in [&json, &format!("\r\n \t{json}"), &form, &field] {
        let first = delivered(&slack_like(), body);
        assert_eq!((first.event_type(), first.id()), (Some("real"), Some("Ev1")), "{body}");
        assert_eq!(event::<Value>(&first)["type"], "real");
        for content_type in TYPES {
            let again = send_as(&slack_like(), content_type, body).unwrap();
            assert_eq!(told(&again), told(&first), "{content_type} {body}");
        }
    }
}

#[test]
fn a_field_that_matters_is_there_once() {
    let json = encoded("{}");
    for body in [
        format!("payload={json}&payload={json}"),
        format!("payload={json}&p%61yload={json}"),
        format!("payload={json}&payload"),
        "type=a&type=a".to_owned(),
        "event_id=1&%65vent_id=2".to_owned(),
        format!("payload={}", encoded(r#"{"type":"a","type":"b"}"#)),
    ] {
        assert_eq!(refused(send(&slack_like(), &body)), RejectionKind::BodyMalformed, "{body}");
    }
    // Once in the form and once in its field are not the same field: the field is the event.
    let both = format!("type=a&payload={}", encoded(r#"{"type":"b"}"#));
    assert_eq!(delivered(&slack_like(), both).event_type(), Some("b"));
    for body in [format!("payload={json}&payload={json}"), "payload&payload".to_owned()] {
        assert_eq!(refused(send(&preset("github"), &body)), RejectionKind::BodyMalformed);
    }
}

/// With U+FFFD in their place, these ids would be one.
#[test]
fn an_id_in_a_form_is_not_mended() {
    for id in ["%ff", "%fe", "a%c3", "%ed%a0%80"] {
        let body = format!("event_id={id}");
        assert_eq!(refused(send(&slack_like(), &body)), RejectionKind::BodyMalformed, "{body}");
    }
    // JSON in a field is read as JSON is: no more is mended, and no less.
    let odd = |name: &str| format!("payload=%7B%22{name}%22:%22%ff%22%7D");
    assert_eq!(refused(send(&slack_like(), odd("event_id"))), RejectionKind::BodyMalformed);
    assert_eq!(event::<Value>(&delivered(&slack_like(), odd("n")))["n"], "\u{fffd}");
}

/// Delivers other bytes under the signature of these.
fn swapped(provider: &Provider, signed: &str, sent: &str) -> Result<Delivery, RejectionKind> {
    let headers = with(sign(provider, signed), "Content-Type", "application/json");
    crate::support::deliver(&endpoint(provider), &headers, sent).map_err(|error| error.kind())
}

/// Where the fields are signed and not the bytes, the order of the bytes is a sender's to choose.
#[test]
fn sorted_fields_are_never_json() {
    let provider = sorted().build().unwrap();
    let form = r#"A=1&{"b"=2&}=3"#;
    let reordered = r#"{"b"=2&A=1&}=3"#;
    let first = delivered(&provider, form);
    let again = swapped(&provider, form, reordered).unwrap();
    for delivery in [&first, &again] {
        assert!(matches!(delivery.payload(), Payload::Form(_)));
        assert_eq!(
            event::<Value>(delivery),
            serde_json::json!({ "A": "1", "{\"b\"": "2", "}": "3" })
        );
    }
    assert_eq!(first.key(), again.key());
    // This is a form with one field, whose name is the text.
    assert_eq!(event::<Value>(&delivered(&provider, "{}")), serde_json::json!({ "{}": "" }));
}

/// Who can write a subject, and knows the delivery about it, can move the boundaries of its fields.
#[test]
fn events_cannot_be_moved_into_a_sorted_form() {
    let provider = sorted_json();
    let json = r#"[{"event":"open","id":"1","subject":"events[{}]zzz"}]"#;
    let signed = format!("events={}", encoded(json));
    let genuine = delivered(&provider, &signed);
    assert_eq!((genuine.event_type(), genuine.id()), (Some("open"), Some("1")));
    let (before, after) = json.split_once("events[{}]").unwrap();
    let inner = encoded("[{}]");
    let (before, after) = (encoded(before), encoded(after));
    for moved in [
        format!("e=vents{before}&events={inner}&{after}"),
        format!("events={before}&events={inner}{after}"),
        format!("events{before}events{inner}{after}"),
        format!("event=s{before}events{inner}{after}"),
        format!("events={before}events{inner}&{after}"),
    ] {
        let result = swapped(&provider, &signed, &moved).map(|delivery| delivery.key());
        let fine = [RejectionKind::SignatureMismatch, RejectionKind::BodyMalformed];
        assert!(result.is_err_and(|kind| fine.contains(&kind)), "{moved}");
    }
    // The first of them has the genuine signature.
    let moved = format!("e=vents{before}&events={inner}&{after}");
    assert_eq!(swapped(&provider, &signed, &moved).unwrap_err(), RejectionKind::BodyMalformed);
}

/// The same where a form may be the event, too: the field could be hidden.
#[test]
fn the_field_of_a_sorted_form_cannot_be_hidden() {
    let provider = sorted().form_field("events").form().not_only_json().build().unwrap();
    assert!(swapped(&provider, "events=%5B%5D", "events=%5B%5D").is_ok());
    let moved = swapped(&provider, "events=%5B%5D", "event=s%5B%5D");
    assert_eq!(moved.unwrap_err(), RejectionKind::BodyMalformed);
}

fn odd_body() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(vec![
        "payload",
        "events",
        "type",
        "event_id",
        "a",
        "=",
        "&",
        "+",
        "%",
        "%7B",
        "%5B",
        "%22",
        "%ff",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "\"type\":\"x\"",
        "\"id\":1",
        "0",
        "null",
        " ",
        "\n",
        "é",
        "\\u00e9",
        "\\ud83d",
        "1e999",
    ]);
    prop_oneof![
        vec(any::<u8>(), 0..60),
        vec(piece.clone(), 0..25).prop_map(|pieces| pieces.concat().into_bytes()),
        vec(piece, 0..25).prop_map(|pieces| format!("payload={}", pieces.concat()).into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_body_is_the_same_event_whatever_its_content_type(body in odd_body(), at in 0..TYPES.len()) {
        for provider in all() {
            match (send(&provider, &body), send_as(&provider, TYPES[at], &body)) {
                (Ok(one), Ok(other)) => {
                    prop_assert_eq!(told(&one), told(&other));
                    let _ = Vec::<Value>::from_delivery(&one);
                    let _ = Vec::<(String, u8)>::from_delivery(&one);
                    let _ = one.json::<Value>();
                }
                (Err(one), Err(other)) => {
                    prop_assert!(one.is_proven());
                    prop_assert_eq!((one.kind(), one.status()), (other.kind(), 400));
                }
                (one, other) => prop_assert!(false, "{one:?} {other:?}"),
            }
        }
    }
}
