//! Signed bodies, forms and almost forms, against a model over form_urlencoded: what is refused,
//! which type and id are found, what a handler gets, and that the `Content-Type` decides nothing.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use bytes::Bytes;
use countersign::{
    Delivery, Endpoint, EventKey, FromDelivery, Payload, Provider, ProviderBuilder, RejectionKind,
    Secret, Signature,
};
use countersign_fuzz::{mac, receive};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const KEY: &str = "secret";

/// The form is the event, or has it in a field.
static FORMS: LazyLock<Endpoint> =
    LazyLock::new(|| endpoint(|acme| acme.form().form_field("payload").json_array()));

/// Nothing but the field.
static FIELD: LazyLock<Endpoint> = LazyLock::new(|| endpoint(|acme| acme.form_field("payload")));

fn endpoint(bodies: fn(ProviderBuilder) -> ProviderBuilder) -> Endpoint {
    let acme = Provider::builder("fuzzed").hmac_sha256(Signature::header("x-signature"));
    let acme = bodies(acme).optional_event_type("type").event_id("id").build();
    Endpoint::builder("fuzzed", acme.expect("a sound provider"))
        .secret(Secret::new(KEY).expect("not empty"))
        .build()
        .expect("a sound endpoint")
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Fixed(u8),
    Raw(&'a [u8]),
}

const FIXED: [&str; 24] = [
    "payload=",
    "type=",
    "id=",
    "t%79pe=",
    "p%61yload=",
    "&",
    "=",
    "+",
    "%",
    "%4",
    "%41",
    "%ff",
    "é",
    "%7B",
    "%5B",
    "{",
    "[",
    "}",
    "%7D",
    "%22id%22:",
    "\"id\":1",
    ",",
    "%00",
    " ",
];

fuzz_target!(|pieces: Vec<Piece<'_>>| {
    let mut body = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Fixed(which) => body.extend(FIXED[usize::from(which) % FIXED.len()].bytes()),
            Piece::Raw(bytes) => body.extend_from_slice(bytes),
        }
    }
    check(&FORMS, true, &body);
    check(&FIELD, false, &body);
});

/// All that a handler can be told.
type Told = (EventKey, Option<String>, Option<String>, Bytes, Option<Value>);

fn told(endpoint: &Endpoint, content_type: &str, body: &[u8]) -> Option<(Delivery, Told)> {
    let signature = hex::encode(mac(KEY.as_bytes(), &[body]));
    let headers = [("x-signature", signature), ("content-type", content_type.to_owned())];
    let delivery = match receive(endpoint, &headers, vec![Bytes::copy_from_slice(body)]) {
        Ok(delivery) => delivery,
        Err(rejection) => {
            assert_eq!(rejection.kind(), RejectionKind::BodyMalformed);
            assert!(rejection.is_proven());
            return None;
        }
    };
    let (Payload::Json(payload) | Payload::Form(payload)) = delivery.payload() else {
        panic!("nothing else is sent")
    };
    let text = |text: Option<&str>| text.map(str::to_owned);
    let event = Value::from_delivery(&delivery).ok();
    let told =
        (delivery.key(), text(delivery.event_type()), text(delivery.id()), payload.clone(), event);
    Some((delivery, told))
}

fn check(endpoint: &Endpoint, may_be_form: bool, body: &[u8]) {
    let as_json = told(endpoint, "application/json", body);
    let as_form = told(endpoint, "application/x-www-form-urlencoded", body);
    assert_eq!(as_json.as_ref().map(|told| &told.1), as_form.as_ref().map(|told| &told.1));
    if matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        let is_json =
            |delivery: &Delivery| matches!(delivery.payload(), Payload::Json(json) if json == body);
        assert!(as_json.is_none_or(|(delivery, _)| is_json(&delivery)));
        return;
    }
    let fields: Vec<_> = form_urlencoded::parse(body).collect();
    let named = |wanted: &str| -> Vec<_> {
        let named = fields.iter().filter(|(name, _)| name == wanted);
        named.map(|(_, value)| value.as_ref()).collect()
    };
    let Some((delivery, _)) = as_json else {
        // Without a reason it is not refused.
        let odd = |name| match named(name)[..] {
            [] => false,
            [value] => value.contains(char::REPLACEMENT_CHARACTER),
            _ => true,
        };
        let odd = odd("type") || odd("id") || !named("payload").is_empty() || !may_be_form;
        assert!(odd, "{}", String::from_utf8_lossy(body));
        return;
    };
    match named("payload")[..] {
        [] => {
            assert!(may_be_form && matches!(delivery.payload(), Payload::Form(_)));
            let only = |name| match named(name)[..] {
                [] | [""] => None,
                [value] => Some(value),
                _ => panic!("{name} is there twice"),
            };
            assert_eq!((delivery.event_type(), delivery.id()), (only("type"), only("id")));
            let pairs = Vec::<(String, String)>::from_delivery(&delivery).expect("pairs of texts");
            let fields = fields.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
            assert!(pairs.iter().map(|(name, value)| (&**name, &**value)).eq(fields));
        }
        [json] => {
            let Payload::Json(payload) = delivery.payload() else { panic!("the field holds it") };
            assert_eq!(String::from_utf8_lossy(payload), json);
        }
        _ => panic!("the field is there twice"),
    }
}
