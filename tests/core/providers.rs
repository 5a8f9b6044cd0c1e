//! The five providers, by what their documentation says.

mod hostwares;
mod pakyas;
mod percher;
mod pingara;
mod piora;
mod tokens;

use std::fmt::Debug;
use std::time::Duration;

use countersign::providers as built_in;
use countersign::{Delivery, EventError, FromDelivery, Provider, RejectionKind};
use serde_json::{Value, json};

use crate::support::{NOW, NOW_TEXT, deliver_signed, endpoint_at, refused, seconds};

/// The names table is the documentation's; each must be one variant and the other way round.
macro_rules! assert_event_types {
    ($provider:ident, $($variant:ident = $name:literal,)+) => {{
        use countersign::providers::$provider::EventType;
        let documented = [$((EventType::$variant, $name)),+];
        assert_eq!(EventType::DOCUMENTED.len(), documented.len());
        for (variant, name) in documented {
            assert!(EventType::DOCUMENTED.contains(&variant));
            assert_eq!(EventType::from(name), variant);
            assert_eq!((variant.as_str(), variant.to_string()), (name, name.to_owned()));
            let quoted = format!("{name:?}");
            assert_eq!(serde_json::from_str::<EventType>(&quoted).unwrap(), variant);
        }
        for name in ["deployment.exploded", "Deployment.Started", " ", "événement"] {
            let unknown = EventType::from(name);
            assert_eq!(unknown, EventType::Unknown(name.into()));
            assert_eq!(unknown.as_str(), name);
            assert!(!EventType::DOCUMENTED.contains(&unknown));
        }
    }};
}
use assert_event_types;

type Parse<E> = fn(&[u8]) -> serde_json::Result<E>;

/// Signs, delivers at that time, and reads the event.
fn event<E: FromDelivery>(provider: &Provider, unix: u64, body: &Value) -> E {
    let delivery = deliver_signed(&endpoint_at(provider, unix), body.to_string()).unwrap();
    E::from_delivery(&delivery).unwrap()
}

/// Every field but the event's type may be missing, null or of another kind: it reads as none,
/// and the event is not lost.
fn assert_lenient<E: PartialEq + Debug>(sample: &Value, parse: Parse<E>) {
    let read = |body: &Value| parse(body.to_string().as_bytes()).unwrap();
    let full = read(sample);
    let mut paths = Vec::new();
    field_paths(sample, "", &mut paths);
    assert!(!paths.is_empty());
    for path in paths {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut without = sample.clone();
        let object = without.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        let value = object.remove(name).unwrap();
        let missing = read(&without);
        assert_eq!(missing == full, value.is_null(), "{path} is not typed");
        for wrong in [json!(null), json!(true), json!([]), json!({}), json!("x"), json!(1.5)] {
            let kind = |value: &Value| std::mem::discriminant(value);
            if kind(&wrong) == kind(&value) && !is_time(&value) || value.is_null() && wrong != *"x"
            {
                continue;
            }
            let mut changed = sample.clone();
            *changed.pointer_mut(&path).unwrap() = wrong.clone();
            if value.is_null() {
                // The documentation does not show of which kind it would be.
                drop(read(&changed));
            } else {
                assert_eq!(read(&changed), missing, "{path}: {wrong}");
            }
        }
    }
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() >= 20 && text.ends_with('Z'))
}

/// Pointers to all fields but `event`.
fn field_paths(value: &Value, at: &str, paths: &mut Vec<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let path = format!("{at}/{name}");
        if path != "/event" {
            field_paths(inner, &path, paths);
            paths.push(path);
        }
    }
}

/// A field that no documentation names, in every object, is kept.
fn assert_keeps_the_undocumented<E: Debug>(sample: &Value, parse: Parse<E>) {
    fn add(value: &mut Value) -> usize {
        let Some(object) = value.as_object_mut() else { return 0 };
        let inside: usize = object.values_mut().map(add).sum();
        object.insert("undocumented".to_owned(), json!({ "list": [1, "2", null] }));
        inside + 1
    }
    let mut changed = sample.clone();
    let objects = add(&mut changed);
    let event = format!("{:?}", parse(changed.to_string().as_bytes()).unwrap());
    assert_eq!(event.matches("undocumented").count(), objects, "{event}");
    let event = format!("{:?}", parse(sample.to_string().as_bytes()).unwrap());
    let empty = event.matches("extra: {}").count();
    assert_eq!(empty, event.matches("extra: ").count(), "documented, but not typed: {event}");
}

/// A body of the event at [`NOW`].
fn body(event: &str) -> Value {
    json!({ "event": event, "timestamp": NOW_TEXT, "id": "evt_1", "monitor": { "id": "m_1" } })
}

#[test]
fn the_last_retry_is_accepted_and_an_old_capture_is_not() {
    let (minute, margin) = (60, 60 * 60);
    let schedules = [
        (built_in::piora::provider(), 14 * 3600 + 36 * 60),
        (built_in::hostwares::provider(), 2 * 3600 + 36 * 60 + 10),
        (built_in::pingara::provider(), 42 * 60 + 30),
        (built_in::pakyas::provider(), 21 * 60),
    ];
    for (provider, horizon) in schedules {
        let name = provider.name().to_owned();
        assert_eq!(provider.retries().horizon(), Some(seconds(horizon)), "{name}");
        let at = |unix, body: &Value| {
            let result = deliver_signed(&endpoint_at(&provider, unix), body.to_string());
            result.map_err(|rejection| (rejection.kind(), rejection.status()))
        };
        let sent = body("some.event");
        let last = at(NOW + horizon + minute, &sent).unwrap();
        assert_eq!(last.age(), Some(seconds(horizon + minute)));
        assert_eq!(last.retries_left(), Some(0), "{name}");
        let first = at(NOW, &sent).unwrap();
        assert_eq!(first.retries_left(), Some(provider.retries().waits().unwrap().len()));
        assert_eq!(first.key(), last.key(), "{name}");
        assert!(at(NOW + horizon + margin, &sent).is_ok(), "{name}");
        let stale = at(NOW + horizon + margin + 1, &sent).unwrap_err();
        assert_eq!(stale, (RejectionKind::Stale, 401), "{name}");
        let ahead = at(NOW - 301, &sent).unwrap_err();
        assert_eq!(ahead, (RejectionKind::InTheFuture, 401), "{name}");
        assert!(at(NOW - 300, &sent).is_ok(), "{name}");

        let mut capture = sent;
        capture["timestamp"] = json!("2024-05-23T14:30:00Z");
        assert_eq!(at(NOW, &capture).unwrap_err(), (RejectionKind::Stale, 401), "{name}");
    }
}

#[test]
fn the_providers_say_what_their_documentation_says() {
    let within = |provider: &Provider| provider.answer_within().map(|within| within.as_secs());
    let [piora, hostwares, percher, pingara, pakyas] = all();
    assert_eq!([&piora, &hostwares].map(within), [None, None]);
    assert_eq!([&percher, &pingara, &pakyas].map(within), [Some(5), Some(10), Some(10)]);
    assert!(pakyas.is_final_on_4xx());
    assert!([&piora, &hostwares, &percher, &pingara].iter().all(|other| !other.is_final_on_4xx()));
    let waits = |provider: &Provider| -> Vec<u64> {
        provider.retries().waits().unwrap().iter().map(Duration::as_secs).collect()
    };
    assert_eq!(waits(&piora), [60, 300, 1800, 7200, 43_200]);
    assert_eq!(waits(&hostwares), [10, 60, 300, 1800, 7200]);
    assert_eq!(waits(&percher), [0; 0]);
    assert_eq!(waits(&pingara), [30, 120, 600, 1800]);
    assert_eq!(waits(&pakyas), [60, 300, 900]);
}

fn all() -> [Provider; 5] {
    [
        built_in::piora::provider(),
        built_in::hostwares::provider(),
        built_in::percher::provider(),
        built_in::pingara::provider(),
        built_in::pakyas::provider(),
    ]
}

#[test]
fn an_event_of_another_provider_is_a_mistake_of_the_operator() {
    type Read = fn(&Delivery) -> Option<EventError>;
    fn read<E: FromDelivery>(delivery: &Delivery) -> Option<EventError> {
        E::from_delivery(delivery).err()
    }
    let readers: [(&str, Read); 5] = [
        ("piora", read::<built_in::piora::Event>),
        ("hostwares", read::<built_in::hostwares::Event>),
        ("percher", read::<built_in::percher::Event>),
        ("pingara", read::<built_in::pingara::Event>),
        ("pakyas", read::<built_in::pakyas::Event>),
    ];
    for provider in all() {
        let sent = body("some.event").to_string();
        let delivery = deliver_signed(&endpoint_at(&provider, NOW), sent).unwrap();
        for (name, read) in &readers {
            let error = read(&delivery);
            if *name == provider.name() {
                assert!(error.is_none(), "{error:?}");
                continue;
            }
            let error = error.expect("another provider's event");
            assert_eq!((error.status(), error.body()), (500, r#"{"error":"misconfigured"}"#));
            let message = error.to_string();
            assert!(message.contains(name) && message.contains(provider.name()), "{message}");
            let EventError::WrongProvider { endpoint, event } = error else { panic!("{error}") };
            assert_eq!((endpoint.as_str(), event), (provider.name(), *name));
        }
    }
}

#[test]
fn a_type_of_ones_own_is_read_from_any_provider() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Own {
        event: String,
    }
    #[derive(Debug, serde::Deserialize)]
    struct Other {
        _amount: u64,
    }
    for provider in all() {
        let sent = body("some.event").to_string();
        let delivery = deliver_signed(&endpoint_at(&provider, NOW), sent).unwrap();
        assert_eq!(Own::from_delivery(&delivery).unwrap(), Own { event: "some.event".to_owned() });
        assert_eq!(Delivery::from_delivery(&delivery).unwrap().key(), delivery.key());
        let error = Other::from_delivery(&delivery).unwrap_err();
        // Where a 4xx is final, a mistake in the handler's type must not cost the event.
        let status = if provider.is_final_on_4xx() { 500 } else { 400 };
        assert_eq!((error.status(), error.body()), (status, r#"{"error":"event_mismatch"}"#));
    }
}

#[test]
fn a_body_without_what_the_provider_promises_is_refused_after_proof() {
    let [piora, hostwares, _, pingara, pakyas] = all();
    for provider in [piora, hostwares, pingara, pakyas] {
        for event in [json!(null), json!(""), json!(7), json!(["a"]), json!({ "a": 1 })] {
            let mut body = body("");
            body["event"] = event;
            let result = deliver_signed(&endpoint_at(&provider, NOW), body.to_string());
            let rejection = result.unwrap_err();
            assert_eq!(rejection.kind(), RejectionKind::BodyMalformed);
            assert!(rejection.is_proven());
        }
        let mut body = body("some.event");
        body["timestamp"] = json!(null);
        let result = deliver_signed(&endpoint_at(&provider, NOW), body.to_string());
        assert_eq!(refused(result), RejectionKind::TimestampMissing);
    }
}

#[test]
fn a_string_cut_inside_a_character_does_not_lose_the_event() {
    // What `JSON.stringify` writes for the first half of an emoji.
    for provider in all() {
        let sent = body("some.event").to_string();
        let sent = sent.replace("\"id\":\"evt_1\"", r#""id":"evt_1","note":"cut \ud83d""#);
        assert!(sent.contains("ud83d"));
        let delivery = deliver_signed(&endpoint_at(&provider, NOW), sent).unwrap();
        let lost = match provider.name() {
            "piora" => built_in::piora::Event::from_delivery(&delivery).err(),
            "hostwares" => built_in::hostwares::Event::from_delivery(&delivery).err(),
            "percher" => built_in::percher::Event::from_delivery(&delivery).err(),
            "pingara" => built_in::pingara::Event::from_delivery(&delivery).err(),
            _ => built_in::pakyas::Event::from_delivery(&delivery).err(),
        };
        assert!(lost.is_none(), "{}: {lost:?}", provider.name());
        let own = serde_json::Value::from_delivery(&delivery).unwrap();
        assert_eq!(own["note"], "cut \u{fffd}");
    }
}

#[test]
fn what_a_handlers_type_does_not_fit_is_said_on_one_short_line() {
    let sent = body("some.event\n2026-11-22 ERROR forged").to_string();
    let delivery = deliver_signed(&endpoint_at(&all()[0], NOW), sent).unwrap();
    #[derive(Debug, serde::Deserialize)]
    enum Never {}
    #[derive(Debug, serde::Deserialize)]
    struct Other {
        #[serde(rename = "event")]
        _event: Never,
    }
    let said = Other::from_delivery(&delivery).unwrap_err().to_string();
    assert!(!said.contains('\n') && said.len() < 300, "{said}");
}
