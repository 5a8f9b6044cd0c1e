//! What a delivery may look like, to the byte, and what its sender is answered if it does not.

use bytes::Bytes;
use countersign::RejectionKind::*;
use countersign::providers::{hostwares, piora};
use countersign::testing::Signer;
use countersign::{Part, Provider, Signature, TimeFormat, Timestamp, Token, catalogue};

use crate::support::{
    NOW, NOW_TEXT, Pairs, SECRET, assert_refused, build, deliver, deliver_signed, endpoint, moment,
    plain, refused, secret, sign, standard, value, with, without,
};

const SIGNATURE: &str = "X-Piora-Signature";

fn body() -> String {
    format!(r#"{{"event":"server.alert","timestamp":"{NOW_TEXT}"}}"#)
}

/// The signature of [`body`], without `sha256=`.
fn genuine() -> String {
    let headers = sign(&piora::provider(), body());
    value(&headers, SIGNATURE).strip_prefix("sha256=").unwrap().to_owned()
}

#[test]
fn a_signature_header_is_there_once() {
    let endpoint = endpoint(&piora::provider());
    let none: Pairs = Vec::new();
    assert_refused(endpoint.begin(&none), SignatureMissing, 401, "signature_missing");
    let good = format!("sha256={}", genuine());
    for second in [good.as_str(), "sha256=00", ""] {
        let headers = [(SIGNATURE, good.as_str()), ("x-piora-SIGNATURE", second)];
        assert_refused(endpoint.begin(&headers), SignatureRepeated, 401, "signature_repeated");
    }
    // Another header of nearly the name is another header.
    let headers = [(SIGNATURE, good.as_str()), ("X-Piora-Signature-2", "x")];
    assert!(deliver(&endpoint, &headers, body()).is_ok());
}

#[test]
fn a_signature_is_of_the_form_that_the_provider_writes() {
    let endpoint = endpoint(&piora::provider());
    let genuine = genuine();
    let bad = [
        String::new(),
        "sha256".to_owned(),
        "sha256=".to_owned(),
        genuine.clone(),
        format!("sha1={genuine}"),
        format!("SHA256={genuine}"),
        format!("sha256:{genuine}"),
        format!(" sha256={genuine}"),
        format!("sha256= {genuine}"),
        format!("sha256={genuine} "),
        format!("sha256={genuine}\n"),
        format!("sha256={genuine}0"),
        format!("sha256={genuine}00"),
        format!("sha256={}", &genuine[..63]),
        format!("sha256={}", &genuine[..62]),
        format!("sha256=0x{}", &genuine[..62]),
        format!("sha256=+f{}", &genuine[2..]),
        format!("sha256={}+f", &genuine[..62]),
        format!("sha256=-1{}", &genuine[2..]),
        format!("sha256=zz{}", &genuine[2..]),
        format!("sha256=é{}", &genuine[2..]),
        format!("sha256=sha256={genuine}"),
        format!("sha256={genuine},sha256={genuine}"),
        "é".to_owned(),
        "sha256é".to_owned(),
        "x".repeat(100_000),
    ];
    for bad in bad {
        let result = endpoint.begin(&[(SIGNATURE, &bad)]);
        assert_refused(result, SignatureMalformed, 401, "signature_malformed");
    }
    for bytes in [&b"\xff\xfe"[..], b"sha256=\xff", b"\0", &[0xff; 71]] {
        let result = endpoint.begin(&[(SIGNATURE, bytes)]);
        assert_refused(result, SignatureMalformed, 401, "signature_malformed");
    }
    // One byte that is not UTF-8 in place of a digit.
    let mut bytes = format!("sha256={genuine}").into_bytes();
    *bytes.last_mut().unwrap() = 0xe9;
    let result = endpoint.begin(&[(SIGNATURE, &bytes)]);
    assert_refused(result, SignatureMalformed, 401, "signature_malformed");
}

#[test]
fn hex_is_read_in_either_case() {
    let endpoint = endpoint(&piora::provider());
    let genuine = genuine();
    let mixed: String = genuine
        .char_indices()
        .map(|(at, digit)| if at % 2 == 0 { digit.to_ascii_uppercase() } else { digit })
        .collect();
    for hex in [genuine.to_uppercase(), mixed, genuine] {
        let headers = [(SIGNATURE, format!("sha256={hex}"))];
        assert!(deliver(&endpoint, &headers, body()).is_ok(), "{hex}");
    }
}

#[test]
fn a_wrong_signature_is_a_mismatch() {
    let endpoint = endpoint(&piora::provider());
    for wrong in ["00", "ff"] {
        let headers = [(SIGNATURE, format!("sha256={}", wrong.repeat(32)))];
        let result = deliver(&endpoint, &headers, body());
        assert!(!result.as_ref().unwrap_err().is_proven());
        assert_refused(result, SignatureMismatch, 401, "signature_mismatch");
    }
}

#[test]
fn an_id_under_the_mac_is_there_once_and_well_formed() {
    let provider = standard();
    let endpoint = endpoint(&provider);
    let headers = sign(&provider, "{}");
    let none = without(headers.clone(), "webhook-id");
    assert_refused(endpoint.begin(&none), IdInvalid, 401, "id_invalid");
    let mut twice = headers.clone();
    twice.push(("Webhook-Id".to_owned(), "evt_test".to_owned()));
    assert_refused(endpoint.begin(&twice), IdInvalid, 401, "id_invalid");
    let long = "x".repeat(129);
    for bad in ["", " ", "a b", "a.b", ".", "evt\u{e9}", "evt\t", "evt\u{7f}", &long] {
        let headers = with(headers.clone(), "webhook-id", bad);
        assert_refused(endpoint.begin(&headers), IdInvalid, 401, "id_invalid");
    }
    let key = secret(SECRET);
    for good in ["x", "evt-1_2:3/4", &long[..128]] {
        let signer = Signer::new(&provider, &key).at(moment(NOW)).id(good);
        let delivery = deliver(&endpoint, &signer.sign("{}"), "{}").unwrap();
        assert_eq!(delivery.id(), Some(good));
    }
}

#[test]
fn a_declared_length_over_the_limit_is_refused_before_the_body() {
    let endpoint = build(&plain(), |endpoint| endpoint.max_body(100));
    let headers = sign(&plain(), "{}");
    let declare = |length: &str| with(headers.clone(), "Content-Length", length);
    let over = ["101", "0000101", " 101 ", "18446744073709551615", "18446744073709551616"];
    for length in over.into_iter().map(str::to_owned).chain(["9".repeat(10_000)]) {
        assert_refused(endpoint.begin(&declare(&length)), BodyTooLarge, 413, "body_too_large");
    }
    // A length that is not a number is for the server to refuse, and a longer body is not an error here.
    for length in ["0", "2", "", "-1", "+101", "0x65", "1e9", "many", "\u{e9}", "101,101"] {
        assert!(deliver(&endpoint, &declare(length), "{}").is_ok(), "{length}");
    }
    assert_eq!(refused(deliver(&endpoint, &declare("100"), "{}")), BodyIncomplete);
    // A stranger learns nothing of the limit.
    let unsigned = [("Content-Length", "101")];
    assert_refused(endpoint.begin(&unsigned), SignatureMissing, 401, "signature_missing");
}

#[test]
fn a_body_is_as_long_as_the_limit_and_not_longer() {
    let endpoint = build(&plain(), |endpoint| endpoint.max_body(100));
    let exact = vec![b'x'; 100];
    assert_eq!(deliver_signed(&endpoint, &exact).unwrap().body(), &exact);
    let over = vec![b'x'; 101];
    let headers = sign(&plain(), &over);
    assert_refused(deliver(&endpoint, &headers, &over), BodyTooLarge, 413, "body_too_large");
    for cut in [0, 1, 50, 100] {
        let mut incoming = endpoint.begin(&headers).unwrap();
        incoming.push(Bytes::copy_from_slice(&over[..cut])).unwrap();
        let result = incoming.push(Bytes::copy_from_slice(&over[cut..]));
        assert_refused(result, BodyTooLarge, 413, "body_too_large");
        // Going on regardless does not help.
        assert_refused(incoming.push("y".into()), BodyTooLarge, 413, "body_too_large");
        assert!(incoming.push(Bytes::new()).is_ok());
        assert_refused(incoming.prove(), BodyTooLarge, 413, "body_too_large");
    }
}

#[test]
fn nothing_is_parsed_before_proof() {
    let endpoint = endpoint(&piora::provider());
    let headers = sign(&piora::provider(), body());
    for wrong in ["", "{", "not json", r#"{"event":1}"#, "\u{0}"] {
        let result = deliver(&endpoint, &headers, wrong);
        assert!(!result.as_ref().unwrap_err().is_proven());
        assert_refused(result, SignatureMismatch, 401, "signature_mismatch");
    }
}

#[test]
fn a_proven_body_is_one_json_object_whose_fields_are_there_once() {
    let endpoint = endpoint(&hostwares::provider());
    let good = format!(r#"{{"id":"e","event":"a","timestamp":"{NOW_TEXT}","n":1,"n":2}}"#);
    assert!(deliver_signed(&endpoint, &good).is_ok());
    assert!(deliver_signed(&endpoint, format!(" \r\n\t{good}\n ")).is_ok());
    let inner = &good[1..good.len() - 1];
    let bad = [
        String::new(),
        "null".to_owned(),
        format!("[{good}]"),
        format!("{good}{good}"),
        format!("{good}x"),
        format!("{good}\u{0}"),
        format!("\u{feff}{good}"),
        inner.to_owned(),
        format!("{{{inner}"),
        format!("{{{inner},}}"),
        format!("{{{inner},\"id\":\"e\"}}"),
        format!("{{{inner},\"id\":null}}"),
        format!("{{{inner},\"i\\u0064\":\"f\"}}"),
        format!("{{{inner},\"event\":\"b\"}}"),
        format!("{{{inner},\"timestamp\":\"{NOW_TEXT}\"}}"),
        format!("{{{inner},\"x\":{}}}", "[".repeat(100_000)),
    ];
    for bad in bad {
        let result = deliver_signed(&endpoint, &bad);
        assert!(result.as_ref().unwrap_err().is_proven());
        assert_refused(result, BodyMalformed, 400, "body_malformed");
    }
}

#[test]
fn a_provider_that_reads_nothing_of_the_body_takes_any() {
    for body in [&b""[..], b"\xff\xfe", b"{", b"token=x&text=y"] {
        assert_eq!(deliver_signed(&endpoint(&plain()), body).unwrap().body(), body);
    }
}

#[test]
fn an_endpoint_may_answer_otherwise() {
    let endpoint = build(&piora::provider(), |endpoint| {
        endpoint.answer(SignatureMismatch, 404).answer(BodyMalformed, 422).answer(Stale, 503)
    });
    let headers = sign(&piora::provider(), body());
    assert_refused(deliver(&endpoint, &headers, "x"), SignatureMismatch, 404, "signature_mismatch");
    assert_refused(deliver_signed(&endpoint, "x"), BodyMalformed, 422, "body_malformed");
    let old = body().replace("2026", "2024");
    assert_refused(deliver_signed(&endpoint, old), Stale, 503, "timestamp_stale");
    let ahead = body().replace("2026", "2027");
    assert_eq!(refused(deliver_signed(&endpoint, ahead)), InTheFuture);
}

#[test]
fn what_is_not_under_the_proof_is_not_given_to_handlers() {
    let time = || Timestamp::header("X-Time");
    let signed = Provider::builder("unsigned").hmac_sha256(Signature::header("X-Signature"));
    let token = Provider::builder("unsigned").shared_token(Token::bearer());
    for provider in [signed, token] {
        let provider = provider.unsigned_timestamp(time()).build().unwrap();
        let endpoint = endpoint(&provider);
        let headers = sign(&provider, "{}");
        let delivery = deliver(&endpoint, &headers, "{}").unwrap();
        assert_eq!((delivery.time(), delivery.age()), (None, None));
        // It keeps out accidents all the same.
        let old = with(headers.clone(), "X-Time", (NOW - 301).to_string());
        assert_refused(endpoint.begin(&old), Stale, 401, "timestamp_stale");
        let none = without(headers, "X-Time");
        assert_refused(endpoint.begin(&none), TimestampMissing, 400, "timestamp_missing");
    }
    // A body's time is vouched for by whatever proves the body.
    let provider = Provider::builder("body").shared_token(Token::bearer());
    let provider = provider.timestamp(Timestamp::body("timestamp")).build().unwrap();
    assert_eq!(deliver_signed(&endpoint(&provider), body()).unwrap().time().unwrap(), moment(NOW));
}

/// With nothing between them, a listener would call the body's first bytes a part of the id, and a number
/// further on the time: another event with each replay.
#[test]
fn an_id_takes_no_bytes_of_the_body() {
    let body = format!(r#"{{"at":{NOW}.5,"x":1}}"#);
    let (start, rest) = body.split_once(&NOW.to_string()).unwrap();
    let acme = |parts: Vec<Part>| {
        let acme = Provider::builder("acme").hmac_sha256(Signature::header("X-Signature"));
        let acme = acme.timestamp(Timestamp::header("X-Time").format(TimeFormat::UnixSeconds));
        acme.event_id_header("X-Id").signed_content(parts).build().unwrap()
    };
    let dot = || Part::literal(".");
    let configcat = catalogue::provider("configcat").unwrap();
    for (provider, name) in [
        (&configcat, "X-ConfigCat-Webhook-ID"),
        (&acme(vec![Part::Id, Part::Timestamp, dot(), Part::Body]), "X-Id"),
    ] {
        let endpoint = endpoint(provider);
        let signed = Signer::new(provider, &secret(SECRET)).at(moment(NOW)).id("id").sign(&body);
        assert!(deliver(&endpoint, &signed, &body).is_ok());
        let dot = if provider.name() == "acme" { "." } else { "" };
        let rest = rest.strip_prefix(dot).unwrap();
        let forged = with(signed, name, format!("id{NOW}{dot}{start}"));
        assert_eq!(refused(deliver(&endpoint, &forged, rest)), IdInvalid, "{name}");
        // Nor is there a body that could give some.
        let bare = Signer::new(provider, &secret(SECRET)).at(moment(NOW)).id("id").sign("1.2");
        assert_eq!(refused(deliver(&endpoint, &bare, "1.2")), SignatureMismatch);
    }
    // A literal sets an id apart, whatever is in it.
    let apart = acme(vec![Part::Id, dot(), Part::Timestamp, dot(), Part::Body]);
    let signed = Signer::new(&apart, &secret(SECRET)).at(moment(NOW)).id("{}").sign("1.2");
    assert!(deliver(&endpoint(&apart), &signed, "1.2").is_ok());
}

#[test]
fn two_literals_set_nothing_further_apart_than_one() {
    let dots = [Part::Body, Part::literal("."), Part::literal("."), Part::header("X-A")];
    let acme = Provider::builder("acme").hmac_sha256(Signature::header("X-Signature"));
    let acme = acme.signed_content(dots).build().unwrap();
    let deliver_signed = |body: &str| {
        let signed = Signer::new(&acme, &secret(SECRET)).header("X-A", "c").sign(body);
        deliver(&endpoint(&acme), &signed, body)
    };
    assert!(deliver_signed("{}").is_ok());
    // It would be `a` with the header `b..c` as well.
    assert_eq!(refused(deliver_signed("a..b")), SignatureMismatch);
}
