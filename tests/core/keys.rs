//! Event keys: different events have different keys, and one event has one key everywhere (P6).

use countersign::providers::percher;
use countersign::testing::Signer;
use countersign::{Endpoint, EventKey, Part, Provider, RejectionKind, Signature, Timestamp, Token};

use crate::support::{
    NOW, SECRET, clock_at, deliver, deliver_signed, endpoint, moment, plain, secret, sign,
    standard, with,
};

/// Keyed by the body's `id`.
fn by_id() -> Provider {
    let provider = Provider::builder("ids").hmac_sha256(Signature::header("X-Signature"));
    provider.event_id("id").build().unwrap()
}

/// Keyed by two fields and a third that may be missing.
fn by_fields() -> Provider {
    let provider = Provider::builder("fields").hmac_sha256(Signature::header("X-Signature"));
    provider.key_fields(["a", "b"]).optional_key_fields(["c.d"]).build().unwrap()
}

fn key(provider: &Provider, body: &str) -> EventKey {
    deliver_signed(&endpoint(provider), body).unwrap().key()
}

fn named(provider: &Provider, name: &str) -> Endpoint {
    let endpoint = Endpoint::builder(name, provider.clone());
    endpoint.secret(secret(SECRET)).clock(clock_at(NOW)).build().unwrap()
}

/// Computed by hand from the format: the first 16 bytes of SHA-256 over `countersign event key 1`,
/// the endpoint's name with its length before it, a tag, and what tells events apart. A change
/// of the format makes every handled event new again, so it must not go unnoticed.
#[test]
fn the_format_of_keys_is_fixed() {
    let token = Provider::builder("tokens").shared_token(Token::bearer()).build().unwrap();
    for (provider, body, expected) in [
        (by_id(), r#"{"id":"1001"}"#, "13b47c1d289ce844953d16ce7fa7cdc6"),
        (by_id(), r#"{"id":1001}"#, "1310bbbe65836b8ac0240613784659b1"),
        (by_id(), r#"{"id":-7}"#, "70f11f4768219e76d5b1efb38d20c2b3"),
        (by_id(), r#"{"id":true}"#, "5b0ccd705b1b16ae8e48ccd8f91c3d26"),
        (by_fields(), r#"{"a":"x","b":5}"#, "7599401604c9e3cbbc5f12a529b4d044"),
        (plain(), r#"{"a":1}"#, "9e27f159479a6ef71d9790b479b9b74b"),
        (percher::provider(), r#"{"a":1}"#, "cb3e6ace974ca7c773e4afb7352d8d5b"),
        (token, r#"{"a":1}"#, "ca631fa290ed339a56be30f67e4f18c6"),
    ] {
        let key = key(&provider, body);
        assert_eq!(key.to_string(), expected, "{} {body}", provider.name());
        assert_eq!(format!("{key:?}"), format!("EventKey({expected})"));
        assert_eq!(EventKey::from_bytes(*key.as_bytes()), key);
        // An endpoint built elsewhere makes the same key.
        assert_eq!(deliver_signed(&named(&provider, provider.name()), body).unwrap().key(), key);
    }
    let provider = standard();
    let headers = Signer::new(&provider, &secret(SECRET)).at(moment(NOW)).id("msg_1").sign("{}");
    let delivery = deliver(&endpoint(&provider), &headers, "{}").unwrap();
    assert_eq!(delivery.key().to_string(), "ea32a3aca2e971a42acffd1ce47eb740");
    assert_eq!(delivery.id(), Some("msg_1"));
}

#[test]
fn endpoints_of_different_names_have_different_keys() {
    for (provider, body) in [
        (by_id(), r#"{"id":"1001"}"#),
        (by_fields(), r#"{"a":"x","b":5}"#),
        (plain(), "{}"),
        (standard(), "{}"),
    ] {
        let keys = ["one", "two", "on", "onee", " one"].map(|name| {
            let headers = sign(&provider, body);
            deliver(&named(&provider, name), &headers, body).unwrap().key()
        });
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{}", provider.name());
        }
    }
}

#[test]
fn ids_of_different_kinds_are_different() {
    let bodies = [
        r#"{"id":1001}"#,
        r#"{"id":"1001"}"#,
        r#"{"id":"1001 "}"#,
        r#"{"id":-1001}"#,
        r#"{"id":1}"#,
        r#"{"id":"1"}"#,
        r#"{"id":true}"#,
        r#"{"id":"true"}"#,
        r#"{"id":false}"#,
        r#"{"id":0}"#,
    ];
    for (at, body) in bodies.iter().enumerate() {
        for other in &bodies[..at] {
            assert_ne!(key(&by_id(), body), key(&by_id(), other), "{body} {other}");
        }
    }
}

#[test]
fn one_id_is_one_event_however_the_body_is_written() {
    let first = key(&by_id(), r#"{"id":"a\u0062c","attempt":1}"#);
    assert_eq!(key(&by_id(), r#"{"attempt": 2, "id": "abc"}"#), first);
    assert_ne!(key(&by_id(), r#"{"id":"abd","attempt":1}"#), first);
    // An `id` further in is another field.
    assert_eq!(key(&by_id(), r#"{"data":{"id":"x"},"id":"abc"}"#), first);
}

#[test]
fn ids_beyond_64_bits_are_not_merged() {
    // As fractions these would be equal.
    let bodies = [
        r#"{"id":18446744073709551615}"#,
        r#"{"id":18446744073709551616}"#,
        r#"{"id":18446744073709551617}"#,
        r#"{"id":9223372036854775807}"#,
        r#"{"id":9223372036854775808}"#,
        r#"{"id":-9223372036854775808}"#,
        r#"{"id":-9223372036854775809}"#,
        r#"{"id":-9223372036854775810}"#,
        r#"{"id":1e3}"#,
        r#"{"id":1000}"#,
        r#"{"id":1000.5}"#,
    ];
    for (at, body) in bodies.iter().enumerate() {
        for other in &bodies[..at] {
            assert_ne!(key(&by_id(), body), key(&by_id(), other), "{body} {other}");
        }
    }
    let id = |body| deliver_signed(&endpoint(&by_id()), body).unwrap().id().map(str::to_owned);
    assert_eq!(id(bodies[0]).as_deref(), Some("18446744073709551615"));
    assert_eq!(id(bodies[1]), None);
}

#[test]
fn without_an_id_the_signed_content_is_the_key() {
    let missing = [
        r#"{"n":1}"#,
        r#"{"id":null,"n":1}"#,
        r#"{"id":"","n":1}"#,
        r#"{"id":[1],"n":1}"#,
        r#"{"id":{"id":1},"n":1}"#,
    ];
    for body in missing {
        let delivery = deliver_signed(&endpoint(&by_id()), body).unwrap();
        assert_eq!(delivery.id(), None, "{body}");
        assert_eq!(delivery.key(), key(&by_id(), body));
        let other = body.replace("\"n\":1", "\"n\":2");
        assert_ne!(delivery.key(), key(&by_id(), &other), "{body}");
    }
}

#[test]
fn fields_do_not_run_into_each_other() {
    let bodies = [
        r#"{"a":"ab","b":"c"}"#,
        r#"{"a":"a","b":"bc"}"#,
        r#"{"a":"b","b":"ac"}"#,
        r#"{"a":"c","b":"ab"}"#,
        r#"{"a":"ab","b":"c","c":{"d":""}}"#,
        r#"{"a":"ab","b":"c","c":{"d":"c"}}"#,
        r#"{"a":"a","b":"b","c":{"d":"c"}}"#,
        r#"{"a":"ab","b":"c","c":{"d":0}}"#,
        r#"{"a":"ab","b":"c","c":{"d":false}}"#,
    ];
    for (at, body) in bodies.iter().enumerate() {
        for other in &bodies[..at] {
            assert_ne!(key(&by_fields(), body), key(&by_fields(), other), "{body} {other}");
        }
    }
}

#[test]
fn an_optional_field_that_is_missing_is_as_one_that_is_null() {
    let first = key(&by_fields(), r#"{"a":"x","b":"y"}"#);
    for body in [
        r#"{"a":"x","b":"y","c":null}"#,
        r#"{"a":"x","b":"y","c":{"d":null}}"#,
        r#"{"z":0,"b":"y","a":"x"}"#,
    ] {
        assert_eq!(key(&by_fields(), body), first, "{body}");
    }
}

#[test]
fn with_a_key_field_missing_or_odd_the_signed_content_is_the_key() {
    for body in [
        r#"{"a":"x","n":1}"#,
        r#"{"a":"x","b":null,"n":1}"#,
        r#"{"a":"x","b":"","n":1}"#,
        r#"{"a":"x","b":1.5,"n":1}"#,
        r#"{"a":"x","b":["y"],"n":1}"#,
        r#"{"a":"x","b":"y","c":{"d":[1]},"n":1}"#,
        r#"{"a":"x","b":"y","c":"d","n":1}"#,
        r#"{"a":"x","b":"y","c":[{"d":1}],"n":1}"#,
    ] {
        let other = body.replace("\"n\":1", "\"n\":2");
        assert_ne!(key(&by_fields(), body), key(&by_fields(), &other), "{body}");
    }
}

#[test]
fn the_id_header_is_the_key_and_the_time_is_not() {
    let provider = standard();
    let endpoint = endpoint(&provider);
    let signed = |id: &str, time: u64| {
        Signer::new(&provider, &secret(SECRET)).at(moment(time)).id(id).sign("{}")
    };
    let key = |id: &str, time: u64| deliver(&endpoint, &signed(id, time), "{}").unwrap().key();
    assert_eq!(key("msg_1", NOW), key("msg_1", NOW + 60));
    assert_ne!(key("msg_1", NOW), key("msg_2", NOW));
    // A replayer's own id is not under the MAC.
    let minted = with(signed("msg_1", NOW), "webhook-id", "msg_2");
    assert!(deliver(&endpoint, &minted, "{}").is_err());
}

#[test]
fn which_secret_matched_is_not_in_the_key() {
    let provider = plain();
    let endpoint = Endpoint::builder("plain", provider.clone())
        .secrets([secret("new"), secret("old")])
        .build()
        .unwrap();
    let keys = ["new", "old"].map(|text| {
        let key = secret(text);
        let headers = Signer::new(&provider, &key).sign("{}");
        deliver(&endpoint, &headers, "{}").unwrap().key()
    });
    assert_eq!(keys[0], keys[1]);
}

/// Whoever replays a delivery cannot cut its signed content elsewhere: that would be another id,
/// and another body, under the same MAC.
#[test]
fn an_id_is_told_from_its_neighbours() {
    let provider = |parts: [Part; 3]| {
        let provider = Provider::builder("cut").hmac_sha256(Signature::header("X-Signature"));
        provider.signed_content(parts).event_id_header("X-Id").build().unwrap()
    };
    let two_dots = || Part::literal("..");
    let before = provider([Part::Id, two_dots(), Part::Body]);
    let after = provider([Part::Body, two_dots(), Part::Id]);
    for (provider, good, bad) in [
        (before, ["evt_1", "evt.1", ".evt"], ["evt..1", "evt_1.", "evt_1..", "."]),
        (after, ["evt_1", "evt.1", "evt."], ["evt..1", ".evt_1", "..evt_1", "."]),
    ] {
        let deliver_id = |id: &str| {
            let headers = Signer::new(&provider, &secret(SECRET)).id(id).sign("{}");
            deliver(&endpoint(&provider), &headers, "{}").map(|delivery| delivery.key())
        };
        for id in good {
            assert!(deliver_id(id).is_ok(), "{id}");
        }
        for id in bad {
            assert_eq!(deliver_id(id).unwrap_err().kind(), RejectionKind::IdInvalid, "{id}");
        }
    }
}

/// Slack signs every retry anew, and a body may have nothing to tell it by.
#[test]
fn keyed_by_body_a_retry_with_a_later_time_is_the_same_event() {
    let parts = [Part::Timestamp, Part::literal(":"), Part::Body];
    let provider = |by_body: bool| {
        let provider = Provider::builder("slack").hmac_sha256(Signature::header("X-Signature"));
        let provider =
            provider.timestamp(Timestamp::header("X-Time")).signed_content(parts.clone());
        if by_body { provider.key_by_body() } else { provider }.build().unwrap()
    };
    let key = |by_body: bool, time: u64, body: &str| {
        let provider = provider(by_body);
        let headers = Signer::new(&provider, &secret(SECRET)).at(moment(time)).sign(body);
        deliver(&endpoint(&provider), &headers, body).unwrap().key()
    };
    assert_eq!(key(true, NOW, "{}"), key(true, NOW + 60, "{}"));
    assert_ne!(key(true, NOW, "{}"), key(true, NOW, "{ }"));
    assert_ne!(key(false, NOW, "{}"), key(false, NOW + 60, "{}"));
}
