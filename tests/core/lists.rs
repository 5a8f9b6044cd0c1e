//! Headers that hold lists: several signatures, or a time beside them.

use countersign::RejectionKind::*;
use countersign::{Part, Provider, Signature, Timestamp};

use crate::support::{assert_refused, deliver, endpoint, sign, standard, value, with};

/// Stripe's way: time and signatures in one list header.
fn stripe() -> Provider {
    Provider::builder("stripe")
        .hmac_sha256(Signature::header("Stripe-Signature").prefix("v1=").separator(','))
        .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
        .timestamp(Timestamp::header_item("Stripe-Signature", ',', "t="))
        .build()
        .unwrap()
}

#[test]
fn one_genuine_signature_among_a_hundred_is_enough() {
    for (provider, header, separator, forged) in [
        (standard(), "webhook-signature", " ", format!("v1,{}A=", "A".repeat(42))),
        (stripe(), "Stripe-Signature", ",", format!("v1={}", "0".repeat(64))),
    ] {
        let endpoint = endpoint(&provider);
        let headers = sign(&provider, "{}");
        let sent = value(&headers, header).to_owned();
        for place in [0, 50, 99] {
            let mut list = vec![forged.as_str(); 99];
            list.insert(place, &sent);
            let headers = with(headers.clone(), header, list.join(separator));
            assert!(deliver(&endpoint, &headers, "{}").is_ok(), "{header} {place}");
            let result = deliver(&endpoint, &headers, "{ }");
            assert_refused(result, SignatureMismatch, 401, "signature_mismatch");
        }
        let time = sent.split(',').next().filter(|item| item.starts_with("t="));
        let list: Vec<&str> = time.into_iter().chain([forged.as_str(); 100]).collect();
        let headers = with(headers, header, list.join(separator));
        let result = deliver(&endpoint, &headers, "{}");
        assert_refused(result, SignatureMismatch, 401, "signature_mismatch");
    }
}

#[test]
fn what_does_not_decode_in_a_list_is_passed_over() {
    let provider = standard();
    let endpoint = endpoint(&provider);
    let headers = sign(&provider, "{}");
    let sent = value(&headers, "webhook-signature").to_owned();
    for other in ["v1,", "v1,not-base64", "v2,AAAA", "v1a,AAAA", "", "  ", "v1", "\u{e9}", ","] {
        for list in [format!("{other} {sent}"), format!("{sent} {other}")] {
            let headers = with(headers.clone(), "webhook-signature", list);
            assert!(deliver(&endpoint, &headers, "{}").is_ok(), "{other:?}");
        }
        let headers = with(headers.clone(), "webhook-signature", format!("{other} {other}"));
        assert_refused(endpoint.begin(&headers), SignatureMalformed, 401, "signature_malformed");
    }
    let mut bytes: Vec<(&str, Vec<u8>)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.clone().into_bytes())).collect();
    let list = bytes.iter_mut().find(|(name, _)| *name == "webhook-signature").unwrap();
    list.1.splice(..0, *b"\xff\xff v1,\xff ");
    assert!(deliver(&endpoint, &bytes, "{}").is_ok());
}

#[test]
fn a_time_in_a_list_is_there_once() {
    let provider = stripe();
    let endpoint = endpoint(&provider);
    let sent = value(&sign(&provider, "{}"), "Stripe-Signature").to_owned();
    let (time, signature) = sent.split_once(',').unwrap();
    let begin = |list: String| endpoint.begin(&[("Stripe-Signature", list)]);
    assert!(begin(format!("{signature},{time}")).is_ok());
    let result = begin(signature.to_owned());
    assert_refused(result, TimestampMissing, 401, "timestamp_missing");
    for list in [format!("{time},{sent}"), format!("{sent},t=1"), format!("t=,{signature}")] {
        assert_refused(begin(list), TimestampMalformed, 400, "timestamp_malformed");
    }
}
