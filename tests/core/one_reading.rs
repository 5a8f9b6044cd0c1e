//! What the envelope accepts, the typed event does not lose, and both say the same of it, whatever
//! features of serde_json somebody in the tree has turned on: `tests/features` runs this file with
//! all of them.

use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::{Delivery, FromDelivery, Provider, RejectionKind};
use serde_json::Value;

use crate::support::{NOW, NOW_TEXT, deliver_signed, endpoint, moment, refused};

fn all() -> [Provider; 5] {
    [
        piora::provider(),
        hostwares::provider(),
        percher::provider(),
        pingara::provider(),
        pakyas::provider(),
    ]
}

/// A body that every provider here could send, with more in it.
fn body(more: &[u8]) -> Vec<u8> {
    let sent = format!(r#"{{"event":"some.event","timestamp":"{NOW_TEXT}","#);
    [sent.as_bytes(), more, b"}"].concat()
}

fn delivered(provider: &Provider, body: &[u8]) -> Delivery {
    deliver_signed(&endpoint(provider), body).unwrap()
}

fn hostwares(more: &str) -> (Delivery, hostwares::Event) {
    let delivery = delivered(&hostwares::provider(), &body(more.as_bytes()));
    let event = hostwares::Event::from_delivery(&delivery).unwrap();
    (delivery, event)
}

/// Reads the provider's own event; tells what is wrong.
fn read(delivery: &Delivery) -> Result<countersign::providers::Extra, String> {
    macro_rules! extra {
        ($($provider:ident)+) => {
            match delivery.provider() {
                $(stringify!($provider) => $provider::Event::from_delivery(delivery)
                    .map(|event| event.extra)
                    .map_err(|error| error.to_string()),)+
                other => panic!("{other}"),
            }
        };
    }
    extra!(piora hostwares percher pingara pakyas)
}

#[test]
fn documented_numbers_are_numbers() {
    let numbers = [
        "12.5",
        "12",
        "-3",
        "0",
        "-0",
        "1e3",
        "0.1",
        "1.7976931348623157e308",
        "1e-999",
        "2.5E+2",
        "18446744073709551616",
        "122.416294033786585",
        "5.0e-324",
        "9007199254740993",
    ];
    for number in numbers {
        let sent = format!(r#""id":"e","data":{{"duration_seconds":{number}}}"#);
        let (_, event) = hostwares(&sent);
        let read = event.data.unwrap().duration_seconds;
        assert_eq!(read, Some(number.parse().unwrap()), "{number}");
    }
    let sent = r#""monitor":{"id":"m"},"incident":{"metrics":{"statusCode":503,"ttfb":7.25,
        "responseSize":18446744073709551615,"totalDuration":1e999,"dnsLookupTime":"7"}}"#;
    let delivery = delivered(&pingara::provider(), &body(sent.as_bytes()));
    let event = pingara::Event::from_delivery(&delivery).unwrap();
    let metrics = event.incident.unwrap().metrics.unwrap();
    assert_eq!((metrics.status_code, metrics.ttfb), (Some(503), Some(7.25)));
    assert_eq!(metrics.response_size, Some(u64::MAX));
    assert_eq!((metrics.total_duration, metrics.dns_lookup_time), (None, None));
    // A part of an event is read from anywhere.
    let data = r#"{"duration_seconds":12.5,"more":7}"#;
    let parts = [
        serde_json::from_str(data),
        serde_json::from_str(data).and_then(serde_json::from_value::<hostwares::Data>),
    ];
    for part in parts {
        let data: hostwares::Data = part.unwrap();
        assert_eq!(data.duration_seconds, Some(12.5));
        assert_eq!(data.extra["more"].as_u64(), Some(7));
    }
}

#[test]
fn what_is_not_documented_is_kept_as_it_is() {
    let (_, event) = hostwares(r#""id":"e","n":1.5,"i":7,"o":{"l":[1,"2",null,true,-4]}"#);
    assert_eq!(event.extra["n"].as_f64(), Some(1.5));
    assert_eq!(event.extra["i"].as_u64(), Some(7));
    assert_eq!(event.extra["o"], serde_json::json!({ "l": [1, "2", null, true, -4] }));
    assert_eq!(event.extra.len(), 3);
}

#[test]
fn an_id_and_a_time_are_the_same_for_the_delivery_and_the_event() {
    for (id, read) in [
        (r#""evt_1""#, Some("evt_1")),
        ("7", Some("7")),
        ("-7", Some("-7")),
        ("18446744073709551615", Some("18446744073709551615")),
        // Beyond 64 bits two numbers would be one.
        ("18446744073709551616", None),
        ("7.5", None),
        ("-0", None),
        ("\"\"", None),
        ("null", None),
        ("[7]", None),
        ("{}", None),
        ("true", None),
    ] {
        let (delivery, event) = hostwares(&format!(r#""id":{id}"#));
        assert_eq!((delivery.id(), event.id.as_deref()), (read, read), "{id}");
    }
    for time in [NOW.to_string(), (NOW * 1000).to_string(), format!("{NOW_TEXT:?}")] {
        let sent = format!(r#"{{"event":"a","id":7,"timestamp":{time}}}"#);
        let delivery = delivered(&hostwares::provider(), sent.as_bytes());
        let event = hostwares::Event::from_delivery(&delivery).unwrap();
        assert_eq!(delivery.time().unwrap(), moment(NOW), "{time}");
        assert_eq!(event.timestamp, delivery.time(), "{time}");
    }
    // Ids that differ are different events.
    let key = |id: &str| hostwares(&format!(r#""id":{id}"#)).0.key();
    assert_ne!(key("7"), key("8"));
    assert_eq!(key("7"), hostwares(r#""id":7,"n":1"#).0.key());
}

/// Serde_json reads none of these, or not with every feature.
fn odd() -> Vec<Vec<u8>> {
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let nested = format!("{}1{}", r#"{"a":"#.repeat(300), "}".repeat(300));
    [
        b"1e999".to_vec(),
        b"-1e999".to_vec(),
        b"[{\"x\":1e400}]".to_vec(),
        b"\"\xff\xfe caf\xe9\"".to_vec(),
        br#""cut \ud83d""#.to_vec(),
        br#""\ude00\ud83d""#.to_vec(),
        br#"{"\ud83d":1}"#.to_vec(),
        b"{\"\xff\":1}".to_vec(),
        br#"{"$serde_json::private::Number":"seven"}"#.to_vec(),
        br#"{"$serde_json::private::RawValue":"{"}"#.to_vec(),
        deep(126).into(),
        deep(127).into(),
        deep(128).into(),
        deep(100_000).into(),
        nested.into(),
    ]
    .into()
}

#[test]
fn a_field_that_nobody_documented_loses_no_event() {
    for provider in all() {
        for odd in odd() {
            let shown = String::from_utf8_lossy(&odd[..odd.len().min(40)]).into_owned();
            let sent = body(&[b"\"id\":\"e\",\"note\":", &odd[..]].concat());
            let delivery = delivered(&provider, &sent);
            let extra = read(&delivery).unwrap_or_else(|error| panic!("{shown}: {error}"));
            assert!(extra.contains_key("note"), "{shown}");
            // Nor for a type of one's own that does not look at it, or that takes what comes.
            #[derive(serde::Deserialize)]
            struct Own {
                event: String,
            }
            assert_eq!(Own::from_delivery(&delivery).unwrap().event, "some.event");
            // What a name of its own means is serde_json's to say.
            if !shown.contains("$serde_json") {
                assert_eq!(Value::from_delivery(&delivery).unwrap()["event"], "some.event");
            }
        }
        // Nor as the name of a field.
        for name in [&b"\xff"[..], br"\ud83d", b"$serde_json::private::Number"] {
            let sent = body(&[b"\"id\":\"e\",\"", name, b"\":1"].concat());
            let extra = read(&delivered(&provider, &sent));
            assert!(extra.is_ok(), "{extra:?}");
        }
    }
}

#[test]
fn a_documented_field_that_cannot_be_read_is_none_or_mended() {
    for (value, read) in [
        (&b"\"cut \\ud83d\""[..], Some("cut \u{fffd}")),
        (b"\"caf\xe9\"", Some("caf\u{fffd}")),
        (b"1e999", None),
        (b"[\"\\ud83d\"]", None),
    ] {
        let sent = [b"\"id\":\"e\",\"data\":{\"commit_message\":", value, b"}"].concat();
        let delivery = delivered(&hostwares::provider(), &body(&sent));
        let event = hostwares::Event::from_delivery(&delivery).unwrap();
        assert_eq!(event.data.unwrap().commit_message.as_deref(), read);
    }
}

#[test]
fn what_tells_events_apart_is_not_mended() {
    // Mended, the ids would be equal, and two events would be one.
    for id in [&br#""\ud83d""#[..], br#""\ud83e""#, b"\"\xff\"", b"\"\xfe\"", b"1e999"] {
        let sent = body(&[b"\"id\":", id].concat());
        let result = deliver_signed(&endpoint(&hostwares::provider()), sent);
        assert_eq!(refused(result), RejectionKind::BodyMalformed);
    }
}

#[test]
fn what_is_no_json_is_refused_by_both() {
    let good = String::from_utf8(body(br#""id":"e","n":[1,{"a":"b"}]"#)).unwrap();
    let broken = |value: &str| good.replace("[1,", &format!("[{value},"));
    let mut bad: Vec<String> = [
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "--1",
        "0x1",
        "NaN",
        "Infinity",
        "nul",
        "True",
        "'a'",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"a\u{1f}\"",
        "",
        "1 2",
        "{1:2}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "]",
        "}",
        "{\"a\" 1}",
        "\u{a0}1",
        "/**/1",
    ]
    .map(broken)
    .into();
    for at in 0..good.len() {
        bad.push(good[..at].to_owned());
    }
    bad.extend([format!("{good}x"), format!("{good},"), format!("\u{feff}{good}")]);
    bad.push(good.replace("\"b\"}", "\"b\"]"));
    let endpoint = endpoint(&hostwares::provider());
    for bad in bad {
        assert!(serde_json::from_str::<Value>(&bad).is_err(), "{bad}");
        assert_eq!(refused(deliver_signed(&endpoint, &bad)), RejectionKind::BodyMalformed, "{bad}");
        assert!(hostwares::Event::from_slice(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(deliver_signed(&endpoint, &good).is_ok());
}

#[test]
fn strings_of_every_length_end_where_they_end() {
    // They are looked at eight bytes at a time.
    for length in 0..40 {
        for special in ["", "\\\"", "\\\\", "\\n", "\\u00e9", "é", "\u{7f}"] {
            for at in [0, length / 2, length] {
                let text = format!("{}{special}{}", "a".repeat(at), "a".repeat(length - at));
                let (delivery, event) = hostwares(&format!(r#""id":"{text}","x":"{text}""#));
                let read: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
                let id = Some(&*read).filter(|id| !id.is_empty());
                assert_eq!((delivery.id(), event.id.as_deref()), (id, id));
                assert_eq!(event.extra["x"], *read);
            }
        }
    }
}
