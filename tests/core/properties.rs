//! What holds for any delivery.

use bytes::Bytes;
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::testing::Signer;
use countersign::{Delivery, Endpoint, FromDelivery, Provider, Rejection, RejectionKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support::{
    NOW, NOW_TEXT, Pairs, SECRET, deliver, endpoint, moment, plain, secret, sign, standard,
};

fn config() -> ProptestConfig {
    ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() }
}

/// The providers whose deliveries carry a MAC.
fn signing() -> Vec<Provider> {
    let built_in =
        [piora::provider(), hostwares::provider(), percher::provider(), pakyas::provider()];
    built_in.into_iter().chain([plain(), standard()]).collect()
}

/// All, with every way to show a token.
fn all() -> Vec<Provider> {
    let tokens = [pingara::provider(), pingara::bearer(), pingara::basic()];
    signing().into_iter().chain(tokens).collect()
}

fn body(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!(r#"{{"id":"e","event":"a","timestamp":"{NOW_TEXT}","text":{text}}}"#)
}

/// Headers as bytes, so that they can be anything.
fn as_bytes(headers: Pairs) -> Vec<(String, Vec<u8>)> {
    headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect()
}

fn deliver_in_chunks(
    endpoint: &Endpoint,
    headers: &Pairs,
    chunks: impl IntoIterator<Item = Bytes>,
) -> Result<Delivery, Rejection> {
    let mut incoming = endpoint.begin(headers)?;
    for chunk in chunks {
        incoming.push(chunk)?;
    }
    incoming.finish()
}

/// Bytes that headers are made of more often than others: digits, prefixes, separators.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..20),
        "[0-9a-fA-F]{0,70}".prop_map(String::into_bytes),
        "[A-Za-z0-9+/]{0,43}={0,2}".prop_map(String::into_bytes),
        "[0-9]{1,20}".prop_map(String::into_bytes),
        select(vec![
            "sha256=",
            "v1,",
            "v1=",
            "t=",
            "Bearer ",
            "Basic ",
            " ",
            ",",
            ".",
            "+",
            "-",
            "é",
            "1779546600",
            "2026-05-23T14:30:00Z",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551616",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// JSON-like text, mostly broken, around the fields that matter.
fn odd_body() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just(format!("\"{NOW_TEXT}\"")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        select(vec!["null", "true", "[]", "{}", "[[{}]]", "\"\\ud800\"", "1e999", "-0", "\"\""])
            .prop_map(str::to_owned),
        select(vec![r#"{"id":"m"}"#, r#"{"id":7,"status":null}"#, r#"{"triggered_at":0}"#])
            .prop_map(str::to_owned),
    ];
    let name = select(vec![
        "event",
        "timestamp",
        "id",
        "monitor",
        "incident",
        "alert",
        "data",
        "ssl",
        "check",
        "x",
    ]);
    let object = vec((name, value), 0..8).prop_map(|fields| {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    });
    let cut = (object.clone(), any::<Index>()).prop_map(|(mut body, cut)| {
        body.truncate(cut.index(body.len() + 1));
        body
    });
    prop_oneof![4 => object, 1 => cut, 1 => vec(any::<u8>(), 0..200)]
}

/// Reads the delivery as every event there is; what matters is that it comes back.
fn read_all(delivery: &Delivery) -> usize {
    usize::from(piora::Event::from_delivery(delivery).is_ok())
        + usize::from(hostwares::Event::from_delivery(delivery).is_ok())
        + usize::from(percher::Event::from_delivery(delivery).is_ok())
        + usize::from(pingara::Event::from_delivery(delivery).is_ok())
        + usize::from(pakyas::Event::from_delivery(delivery).is_ok())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_flipped_bit_in_the_body_is_refused(text in ".{0,40}", at: Index, bit in 0..8_u32) {
        for provider in signing() {
            let mut body = body(&text).into_bytes();
            let headers = sign(&provider, &body);
            prop_assert!(deliver(&endpoint(&provider), &headers, &body).is_ok());
            *at.get_mut(&mut body[..]) ^= 1 << bit;
            let rejection = deliver(&endpoint(&provider), &headers, &body).unwrap_err();
            prop_assert_eq!(rejection.kind(), RejectionKind::SignatureMismatch);
        }
    }

    #[test]
    fn a_byte_more_or_less_is_refused(text in ".{0,40}", at: Index, byte: u8, more: bool) {
        for provider in signing() {
            let body = body(&text).into_bytes();
            let headers = sign(&provider, &body);
            let mut other = body.clone();
            if more {
                other.insert(at.index(body.len() + 1), byte);
            } else {
                other.remove(at.index(body.len()));
            }
            let rejection = deliver(&endpoint(&provider), &headers, &other).unwrap_err();
            prop_assert_eq!(rejection.kind(), RejectionKind::SignatureMismatch);
        }
    }

    #[test]
    fn a_flipped_bit_in_a_header_that_counts_is_refused(at: Index, bit in 0..8_u32) {
        let body = body("");
        for provider in all() {
            let headers = as_bytes(sign(&provider, &body));
            for place in 0..headers.len() {
                let mut headers = headers.clone();
                let (name, value) = &mut headers[place];
                let at = at.index(value.len());
                let before = value[at];
                value[at] ^= 1 << bit;
                // Hex, and the name of an authentication scheme, are read in either case.
                let same_letter = before.eq_ignore_ascii_case(&value[at])
                    && (name.ends_with("signature") && !name.starts_with("webhook") && at >= 7
                        || provider.name() == "plain"
                        || name == "authorization" && at < 6);
                let moved = name == "x-hostwares-timestamp";
                let result = deliver(&endpoint(&provider), &headers, &body);
                if same_letter {
                    prop_assert!(result.is_ok());
                } else if moved {
                    // Outside the MAC: malformed, or without effect.
                    if let Err(rejection) = result {
                        prop_assert_eq!(rejection.kind(), RejectionKind::TimestampMalformed);
                    }
                } else {
                    prop_assert!(result.is_err(), "{headers:?}");
                }
            }
        }
    }

    #[test]
    fn chunks_make_no_difference(text in ".{0,60}", cuts in vec(any::<Index>(), 0..6)) {
        for provider in all() {
            let body = body(&text);
            let headers = sign(&provider, &body);
            let endpoint = endpoint(&provider);
            let whole = deliver(&endpoint, &headers, &body).unwrap();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            // Cuts at one place make empty chunks.
            let chunks = cuts.windows(2).map(|pair| {
                Bytes::copy_from_slice(&body.as_bytes()[pair[0]..pair[1]])
            });
            let chunks = chunks.chain([Bytes::new()]);
            let parts = deliver_in_chunks(&endpoint, &headers, chunks).unwrap();
            prop_assert_eq!(parts.body(), whole.body());
            prop_assert_eq!(parts.key(), whole.key());
            prop_assert_eq!((parts.event_type(), parts.id()), (whole.event_type(), whole.id()));
            prop_assert_eq!((parts.time(), parts.age()), (whole.time(), whole.age()));
        }
    }

    #[test]
    fn any_headers_have_an_answer(
        values in vec((any::<Index>(), header_value()), 0..5),
        length in header_value(),
    ) {
        let body = body("");
        for provider in all() {
            let endpoint = endpoint(&provider);
            let mut headers = as_bytes(sign(&provider, &body));
            for (place, value) in &values {
                let place = place.index(headers.len() + 1);
                match headers.get_mut(place) {
                    Some((_, old)) => old.clone_from(value),
                    None => headers.push(("Content-Length".to_owned(), length.clone())),
                }
            }
            if let Err(rejection) = deliver(&endpoint, &headers, &body) {
                // A body that is shorter than its length says is not the fault of a sender that would
                // take a 4xx as final.
                let is_short = rejection.kind() == RejectionKind::BodyIncomplete;
                let status = rejection.status();
                prop_assert!((400..500).contains(&status) || is_short && status == 503, "{rejection}");
                prop_assert!(!rejection.is_proven(), "{rejection}");
            }
        }
    }

    #[test]
    fn any_body_that_is_signed_has_an_answer(body in odd_body(), time in 0..u64::from(u32::MAX)) {
        for provider in all() {
            let headers = sign(&provider, &body);
            let endpoint = endpoint(&provider);
            match deliver(&endpoint, &headers, &body) {
                Ok(delivery) => {
                    let events = read_all(&delivery);
                    prop_assert!(events <= 1);
                    let again = deliver(&endpoint, &headers, &body).unwrap();
                    prop_assert_eq!(delivery.key(), again.key());
                    let _ = (delivery.retries_left(), delivery.age(), format!("{delivery:?}"));
                }
                Err(rejection) => {
                    prop_assert!(rejection.is_proven(), "{rejection}");
                    prop_assert!((400..500).contains(&rejection.status()), "{rejection}");
                }
            }
            let key = secret(SECRET);
            let headers = Signer::new(&provider, &key).at(moment(time)).sign(&body);
            let _ = deliver(&endpoint, &headers, &body);
        }
    }

    #[test]
    fn another_secret_is_refused(one in ".{1,80}", other in ".{1,80}") {
        // A key that is longer than the hash's block, or has zeroes at its end, is another key to
        // everybody but HMAC itself.
        let pad = |text: &str| text.trim_end_matches('\0').to_owned();
        prop_assume!(pad(&one) != pad(&other));
        let blank = |text: &str| countersign::Secret::new(text).is_err();
        prop_assume!(!blank(&one) && !blank(&other));
        let provider = plain();
        let (one, other) = (secret(&one), secret(&other));
        let headers = Signer::new(&provider, &one).sign("");
        let build = |secrets: Vec<countersign::Secret>| {
            Endpoint::builder("plain", provider.clone()).secrets(secrets).build().unwrap()
        };
        prop_assert!(deliver(&build(vec![one.clone()]), &headers, "").is_ok());
        prop_assert!(deliver(&build(vec![other.clone()]), &headers, "").is_err());
        let both = deliver(&build(vec![other, one]), &headers, "").unwrap();
        prop_assert_eq!(both.secret_index(), 1);
    }

    #[test]
    fn a_delivery_is_fresh_exactly_within_its_window(offset in -400_i64..400) {
        let provider = percher::provider();
        let sent = NOW.checked_add_signed(offset).unwrap();
        let key = secret(SECRET);
        let headers = Signer::new(&provider, &key).at(moment(sent)).sign("{}");
        let result = deliver(&endpoint(&provider), &headers, "{}").map_err(|error| error.kind());
        match offset {
            ..-300 => prop_assert_eq!(result.unwrap_err(), RejectionKind::Stale),
            301.. => prop_assert_eq!(result.unwrap_err(), RejectionKind::InTheFuture),
            _ => prop_assert_eq!(result.unwrap().age().unwrap().as_secs(), offset.min(0).unsigned_abs()),
        }
    }
}
