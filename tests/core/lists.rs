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

/// Signatures beside two others are compared as text: they count where and only where they would if
/// they were alone.
#[test]
fn a_signature_after_others_counts_as_it_does_alone() {
    type Write = fn(Signature) -> Signature;
    let encodings: [(Write, &str); 4] = [
        (Signature::hex, "0"),
        (Signature::lower_hex, "0"),
        (Signature::base64, "A"),
        (Signature::base64url, "A"),
    ];
    for (encoding, filler) in encodings {
        let signature = encoding(Signature::header("X-Signature").prefix("v1="));
        let alone = Provider::builder("alone").hmac_sha256(signature.clone()).build().unwrap();
        let list = signature.separator(',').group_separator(';');
        let listed = Provider::builder("alone").hmac_sha256(list).build().unwrap();
        let sent = sign(&alone, "{}");
        let genuine = value(&sent, "X-Signature");
        let end = if genuine.ends_with('=') { "=" } else { "" };
        let forged = format!("v1={}{end}", filler.repeat(genuine.len() - 3 - end.len()));
        let (alone, listed) = (endpoint(&alone), endpoint(&listed));
        let upper = format!("v1={}", genuine[3..].to_ascii_uppercase());
        let bare = genuine.trim_end_matches('=').to_owned();
        let unpadded = [format!("{bare}="), format!("{bare}=="), format!("{bare}a"), bare];
        let others = [
            genuine.to_owned(),
            upper,
            genuine[3..].to_owned(),
            format!("v2={}", &genuine[3..]),
            format!("V1={}", &genuine[3..]),
            format!("v1= {}", &genuine[3..]),
            genuine[..genuine.len() - 1].to_owned(),
            String::new(),
        ];
        for item in others.into_iter().chain(unpadded) {
            let headers = vec![("x-signature".to_owned(), item.clone())];
            let counts = deliver(&alone, &headers, "{}").is_ok();
            for (before, after) in [
                (String::new(), String::new()),
                (format!("{forged},{forged},"), format!(",{forged}")),
                (format!("{forged},{forged},{forged};"), String::new()),
                (format!("{forged}, {forged},;v1=0, ,,\t"), format!(" ,{forged};")),
                (format!("{forged},{forged},{},", "x".repeat(63)), format!(" ;{}", &forged[1..])),
            ] {
                let headers = vec![("x-signature".to_owned(), format!("{before}{item}{after}"))];
                let accepted = deliver(&listed, &headers, "{}").is_ok();
                assert_eq!(accepted, counts, "{before}|{item}|{after}");
            }
        }
    }
}

/// A separator that is a hex digit, or stands in the prefix, cuts a signature: none is found.
#[test]
fn a_separator_within_a_signature_cuts_it() {
    for (prefix, separator) in [("v1,", ','), ("v1=", 'a'), ("", '0')] {
        let signature = Signature::header("X-Signature").prefix(prefix);
        let plain = Provider::builder("cut").hmac_sha256(signature.clone()).build().unwrap();
        let list = Provider::builder("cut").hmac_sha256(signature.separator(separator));
        let genuine = value(&sign(&plain, "{}"), "X-Signature").to_owned();
        assert!(genuine.contains(separator));
        let text = format!("{genuine}{separator}{genuine}{separator}{genuine}{separator}");
        let headers = vec![("x-signature".to_owned(), text)];
        let result = deliver(&endpoint(&list.build().unwrap()), &headers, "{}");
        assert_refused(result, SignatureMalformed, 401, "signature_malformed");
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
