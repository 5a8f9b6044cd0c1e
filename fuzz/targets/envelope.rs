//! Signed bodies, JSON and almost JSON, against a model over serde_json: what is refused, which
//! type and id are found, and which two bodies are the same event. The one difference: a body with
//! a field twice that matters is refused.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use bytes::Bytes;
use countersign::{
    Delivery, Endpoint, Provider, ProviderBuilder, RejectionKind, Secret, Signature,
};
use countersign_fuzz::json::{Found, Json};
use countersign_fuzz::{mac, receive};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

const KEY: &str = "secret";

const BY_ID: &[&str] = &["type", "data.id"];
const BY_FIELDS: &[&str] = &["type", "data.id", "id", "data.at", "x"];
const REQUIRED: [&str; 3] = ["type", "id", "data.id"];
const OPTIONAL: [&str; 2] = ["data.at", "x"];

/// Keyed by its id; an event type is required.
static ID: LazyLock<Endpoint> =
    LazyLock::new(|| endpoint(provider().event_type("type").event_id("data.id")));

/// Keyed by fields; an event type is optional.
static FIELDS: LazyLock<Endpoint> = LazyLock::new(|| {
    let provider = provider().optional_event_type("type").event_id("data.id");
    endpoint(provider.key_fields(REQUIRED).optional_key_fields(OPTIONAL))
});

fn provider() -> ProviderBuilder {
    Provider::builder("fuzzed").hmac_sha256(Signature::header("x-signature"))
}

fn endpoint(provider: ProviderBuilder) -> Endpoint {
    Endpoint::builder("fuzzed", provider.build().expect("a sound provider"))
        .secret(Secret::new(KEY).expect("not empty"))
        .build()
        .expect("a sound endpoint")
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    by_fields: bool,
    bodies: Bodies<'a>,
}

/// Two bodies.
#[derive(Arbitrary, Debug)]
enum Bodies<'a> {
    /// That differ in a few places.
    Pieces { pieces: Vec<Piece<'a>>, changes: Vec<(u8, Piece<'a>)> },
    /// That have the fields that matter, with values of few kinds.
    Fields([Fields; 2]),
}

#[derive(Arbitrary, Debug)]
struct Fields {
    kind: u8,
    id: u8,
    x: u8,
    data_id: u8,
    data_at: u8,
}

const VALUES: [Option<&str>; 12] = [
    None,
    Some("null"),
    Some("\"\""),
    Some("\"a\""),
    Some("\"b\""),
    Some("\"\\u0061\""),
    Some("0"),
    Some("1"),
    Some("\"1\""),
    Some("true"),
    Some("1.5"),
    Some("[1]"),
];

impl Fields {
    fn body(&self) -> Vec<u8> {
        let object = |fields: &[(&str, Option<&str>)]| {
            let there = fields.iter().filter_map(|(name, value)| Some((name, (*value)?)));
            let written: Vec<_> =
                there.map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", written.join(","))
        };
        let value = |which: u8| VALUES[usize::from(which) % VALUES.len()];
        let data = object(&[("id", value(self.data_id)), ("at", value(self.data_at))]);
        let (kind, id, x) = (value(self.kind), value(self.id), value(self.x));
        object(&[("type", kind), ("id", id), ("x", x), ("data", Some(&data))]).into_bytes()
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Piece<'a> {
    Fixed(u8),
    Raw(&'a [u8]),
    Text(&'a str),
    Integer(i64),
}

const FIXED: [&str; 28] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"type\":",
    "\"data\":",
    "\"id\":",
    "\"at\":",
    "\"x\":",
    "\"i\\u0064\":",
    "null",
    "true",
    "false",
    "\"\"",
    "0",
    "-0",
    "1.0",
    "1e999",
    "18446744073709551616",
    "\"a\"",
    "\"\\ud800\"",
    " ",
    "\\",
    "\"",
    "{\"type\":\"t\",\"id\":1,\"data\":{\"id\":\"a\"",
    "}}",
];

impl Piece<'_> {
    fn write(&self, body: &mut Vec<u8>) {
        match self {
            Self::Fixed(which) => body.extend(FIXED[usize::from(*which) % FIXED.len()].bytes()),
            Self::Raw(bytes) => body.extend_from_slice(bytes),
            Self::Text(text) => {
                body.extend(serde_json::to_string(text).unwrap_or_default().bytes())
            }
            Self::Integer(number) => body.extend(number.to_string().bytes()),
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let Input { by_fields, bodies } = input;
    let [first, second] = match bodies {
        Bodies::Fields(both) => both.map(|fields| fields.body()),
        Bodies::Pieces { pieces, changes } => both(pieces, &changes),
    };
    let (Some((first_key, first_model)), Some((second_key, second_model))) =
        (check(by_fields, &first), check(by_fields, &second))
    else {
        return;
    };
    assert_eq!(first_key == second_key, first_model == second_model);
});

fn both<'a>(mut pieces: Vec<Piece<'a>>, changes: &[(u8, Piece<'a>)]) -> [Vec<u8>; 2] {
    let write = |pieces: &[Piece<'_>]| {
        let mut body = Vec::new();
        pieces.iter().for_each(|piece| piece.write(&mut body));
        body
    };
    let first = write(&pieces);
    for (at, piece) in changes {
        let count = pieces.len().max(1);
        if let Some(place) = pieces.get_mut(usize::from(*at) % count) {
            *place = *piece;
        }
    }
    [first, write(&pieces)]
}

/// What makes a body's event, in the model.
#[derive(Debug, PartialEq)]
enum Key {
    Fields(Vec<Option<Found>>),
    Content(Vec<u8>),
}

/// Checks one body; tells its key and the model's if it is accepted.
fn check(by_fields: bool, body: &[u8]) -> Option<(countersign::EventKey, Key)> {
    let (endpoint, paths) = if by_fields { (&*FIELDS, BY_FIELDS) } else { (&*ID, BY_ID) };
    let headers = [("x-signature", hex::encode(mac(KEY.as_bytes(), &[body])))];
    let accepted = receive(endpoint, &headers, vec![Bytes::copy_from_slice(body)]);
    if let Err(rejection) = &accepted {
        assert_eq!(rejection.kind(), RejectionKind::BodyMalformed);
        assert!(rejection.is_proven());
    }
    let Ok(model) = serde_json::from_slice::<Json>(body) else {
        // Of what is skipped, the envelope reads the form alone: not whether a text is Unicode,
        // a number fits or objects are too deep.
        assert!(accepted.is_err() || serde_json::from_slice::<IgnoredAny>(body).is_ok());
        return None;
    };
    let event_type = match model.at("type") {
        Some(Found::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let is_good = matches!(model, Json::Object(_))
        && !model.is_ambiguous(paths)
        && (by_fields || event_type.is_some());
    assert_eq!(accepted.is_ok(), is_good, "{}", String::from_utf8_lossy(body));
    let delivery = accepted.ok()?;

    assert_eq!(delivery.event_type(), event_type.as_deref());
    assert_eq!(delivery.id(), id(&model).as_deref());
    Some((delivery.key(), key(by_fields, &model, &delivery)))
}

fn id(model: &Json) -> Option<String> {
    match model.at("data.id")? {
        Found::Text(text) if !text.is_empty() => Some(text),
        Found::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn key(by_fields: bool, model: &Json, delivery: &Delivery) -> Key {
    let names = |path: &str| match model.at(path) {
        None | Some(Found::Other) => false,
        Some(Found::Text(text)) => !text.is_empty(),
        Some(_) => true,
    };
    let (required, optional) =
        if by_fields { (&REQUIRED[..], &OPTIONAL[..]) } else { (&["data.id"][..], &[][..]) };
    let odd = |path: &&str| model.at(path) == Some(Found::Other);
    if required.iter().all(|path| names(path)) && !optional.iter().any(odd) {
        Key::Fields(required.iter().chain(optional).map(|path| model.at(path)).collect())
    } else {
        Key::Content(delivery.body().to_vec())
    }
}
