//! JSON arrays at the top, and events in arrays.

use countersign::{Handshake, Opened, Provider, RejectionKind};
use serde::Deserialize;

use super::{delivered, event, hmac, preset, send};
use crate::support::{endpoint, refused, sign};

fn batches() -> Provider {
    hmac().json_array().optional_event_type("0.event").event_id("0.id").build().unwrap()
}

#[derive(Debug, Deserialize, PartialEq)]
struct Sent {
    event: String,
    id: u64,
}

#[test]
fn an_array_is_read_as_a_list_of_events() {
    let body = r#"[{"event":"delivered","id":1},{"event":"opened","id":2}]"#;
    let events = event::<Vec<Sent>>(&delivered(&batches(), body));
    assert_eq!(events.iter().map(|sent| sent.id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(event::<Vec<Sent>>(&delivered(&batches(), " []\n")), []);
}

#[test]
fn a_delivery_of_one_event_is_known_by_that_event() {
    let one = delivered(&batches(), r#"[{"event":"delivered","id":1,"attempt":0}]"#);
    assert_eq!((one.event_type(), one.id()), (Some("delivered"), Some("1")));
    let again = delivered(&batches(), r#"[ {"event":"delivered","id":1,"attempt":1} ]"#);
    assert_eq!(again.key(), one.key());
    assert_ne!(delivered(&batches(), r#"[{"event":"delivered","id":2}]"#).key(), one.key());
}

/// Two batches that begin with the same event are two deliveries: were they one, the events after it
/// would be lost.
#[test]
fn batches_that_begin_alike_are_not_merged() {
    let bodies = [
        r#"[{"event":"delivered","id":1}]"#,
        r#"[{"event":"delivered","id":1},{"event":"opened","id":2}]"#,
        r#"[{"event":"delivered","id":1},{"event":"opened","id":3}]"#,
        r#"[{"event":"delivered","id":1},null]"#,
        r#"[{"event":"delivered","id":1},{}]"#,
        "[]",
        "[ ]",
    ];
    for (at, body) in bodies.iter().enumerate() {
        let delivery = delivered(&batches(), body);
        if at > 0 {
            assert_eq!((delivery.event_type(), delivery.id()), (None, None), "{body}");
        }
        for other in &bodies[..at] {
            assert_ne!(delivery.key(), delivered(&batches(), other).key(), "{body} {other}");
        }
        assert_eq!(delivery.key(), delivered(&batches(), body).key());
    }
    // Nor by fields of items.
    let by_fields = hmac().json_array().key_fields(["0.id"]).optional_key_fields(["0.n"]);
    let by_fields = by_fields.build().unwrap();
    assert_ne!(delivered(&by_fields, bodies[1]).key(), delivered(&by_fields, bodies[2]).key());
    let optional = hmac().key_fields(["id"]).optional_key_fields(["l.0.n"]).build().unwrap();
    let key = |list: &str| delivered(&optional, format!(r#"{{"id":1,"l":{list}}}"#)).key();
    assert_ne!(key(r#"[{"n":1},{"n":2}]"#), key(r#"[{"n":1},{"n":3}]"#));
    assert_eq!(key(r#"[{"n":1,"m":1}]"#), key(r#"[{"n":1,"m":2}]"#));
}

/// LINE's second attempt says that it is one.
#[test]
fn a_retry_from_line_is_known_again() {
    let line = preset("line");
    let body = |again: bool, ids: &[&str]| {
        let event = |id: &&str| {
            format!(
                r#"{{"type":"message","webhookEventId":"{id}","deliveryContext":{{"isRedelivery":{again}}}}}"#
            )
        };
        let events: Vec<_> = ids.iter().map(event).collect();
        format!(r#"{{"destination":"U1","events":[{}]}}"#, events.join(","))
    };
    let first = delivered(&line, body(false, &["A"]));
    assert_eq!((first.event_type(), first.id()), (Some("message"), Some("A")));
    assert_eq!(delivered(&line, body(true, &["A"])).key(), first.key());
    assert_ne!(delivered(&line, body(false, &["A", "B"])).key(), first.key());
    // What LINE sends to try the URL.
    assert_eq!(delivered(&line, body(false, &[])).event_type(), None);
}

#[test]
fn the_first_item_of_hubspots_array_has_the_type() {
    let hubspot = preset("hubspot");
    let item = |attempt: u8| {
        format!(
            r#"{{"eventId":1,"subscriptionType":"contact.creation","attemptNumber":{attempt}}}"#
        )
    };
    let one = delivered(&hubspot, format!("[{}]", item(0)));
    assert_eq!((one.event_type(), one.id()), (Some("contact.creation"), None));
    let two = delivered(&hubspot, format!("[{},{}]", item(0), item(1)));
    assert_eq!(two.event_type(), None);
}

/// Azure's Event Grid tries a URL with an array of one event.
#[test]
fn a_handshake_may_be_in_an_array() {
    let handshake = Handshake::when_field("0.type", "validate").echo_field("0.data.code");
    let acme = hmac().json_array().handshake(handshake).build().unwrap();
    let opened = |body: &str| {
        let endpoint = endpoint(&acme);
        let mut incoming = endpoint.begin(&sign(&acme, body)).unwrap();
        incoming.push(body.to_owned().into()).unwrap();
        incoming.prove().unwrap().open_or_answer().unwrap()
    };
    let one = r#"{"type":"validate","data":{"code":"c1"}}"#;
    let Opened::Handshake(reply) = opened(&format!("[{one}]")) else { panic!("a delivery") };
    assert_eq!(&reply.body()[..], b"c1");
    assert!(matches!(opened(&format!("[{one},{one}]")), Opened::Delivery(_)));
}

#[test]
fn an_array_that_nobody_announced_is_refused() {
    let acme = hmac().optional_event_type("type").build().unwrap();
    for body in ["[]", r#"[{"type":"a"}]"#] {
        assert_eq!(refused(send(&acme, body)), RejectionKind::BodyMalformed);
    }
    // An array where an object would do has none of its fields.
    let either = hmac().json_array().optional_event_type("type").build().unwrap();
    assert_eq!(delivered(&either, r#"[{"type":"a"}]"#).event_type(), None);
    assert_eq!(delivered(&either, r#"{"type":"a"}"#).event_type(), Some("a"));
}

#[test]
fn what_is_no_array_is_refused() {
    for body in
        ["[", "[1", "[1,", "[1,]", "[,1]", "[1]]", "[1}", "[1] x", "[01]", "\u{feff}[]", "1"]
    {
        assert_eq!(refused(send(&batches(), body)), RejectionKind::BodyMalformed, "{body}");
    }
    let twice = r#"[{"id":1,"id":2}]"#;
    assert_eq!(refused(send(&batches(), twice)), RejectionKind::BodyMalformed);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(send(&batches(), &deep).is_ok());
    let deep = format!(r#"[{{"id":1,"x":{deep}}}]"#);
    assert_eq!(delivered(&batches(), deep).id(), Some("1"));
}
