//! Deliveries as a provider would send them, and some that are odd but signed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use super::choice::Choice;
use super::content::content;
use super::facts::{Encoding, Facts, Place, Syntax};
use super::keys::{Identity, Signer, hex};
use super::time::civil;
use super::verify::{Request, mac};

/// The receiver's time, in milliseconds: 2026-11-24T12:00:00Z.
pub const NOW: i64 = 1_795_521_600_000;

/// The receiver's public address.
pub const ORIGIN: &str = "https://hooks.example.test";

const TARGETS: &[&str] = &[
    "/in/a1",
    "/",
    "/in/a1?account=1&x=%3A%2f%40",
    "/in/a1?",
    "/in/%C3%A9;v=1?q=it's,(a)!$*&e=",
    "/in/a1?q=a+b%20c#end",
    "/in/\"a1\"",
    "/in/é",
    "in/a1",
    "/in?a={1}",
];

const IDS: &[&str] = &["evt_1", "0", "a-b:c/d_e", "msg_a.b", "", "a b", "é", "{}"];

/// A delivery, signed by one of the identities.
pub fn make(facts: &Facts, identities: &[Identity], choice: &mut Choice<'_>) -> Request {
    let identity = &identities[choice.one_of(&[0, 0, 0, 0, 1, 1, 2])];
    let at = NOW + offset(facts, choice);
    let time = spelled(facts.unit(), at, choice);
    let mut request = Request {
        method: choice.one_of(&["POST", "POST", "PUT"]).to_owned(),
        origin: ORIGIN.to_owned(),
        target: usual(TARGETS, choice).to_owned(),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: body(facts, &time, choice),
    };
    if facts.signed.iter().any(|part| part.starts_with("check:query:")) {
        add_digest(&mut request, choice);
    }
    let mut set = |name: &str, value: &str| request.headers.push((name.into(), value.into()));
    let mut more_items = Vec::new();
    for part in &facts.signed {
        match part.split_once(':') {
            Some(("header", name)) => {
                set(name, choice.one_of(&["nonce-1", "nonce-1", "", "a b", "{1}"]));
            }
            Some(("named-headers", list)) => {
                let time = facts.time.as_ref().expect("a time").header.to_lowercase();
                let other = choice.one_of(&["", ",X-Other", ", x-other ,", ",x-other,X-Other"]);
                set("X-Other", " other  value ");
                let list_of = if choice.once_in(12) { String::new() } else { format!(",{time}") };
                set(list, &format!("{list}{list_of}{other}"));
            }
            Some(("named-header-names", prefix)) => {
                set("X-Other", choice.one_of(&["other value", "other", "[1]"]));
                let names = ["content-type x-other", "x-other", "x-other X-Other", "", "x-none"];
                more_items.push(format!("{prefix}{}", usual(&names, choice)));
            }
            _ => {}
        }
    }
    if let Some(name) = &facts.id_header {
        set(name, usual(IDS, choice));
    }
    match &facts.time {
        Some(place) if place.place == Place::Header => set(&place.header, &time),
        Some(place) if place.place == Place::ListItem => {
            more_items.insert(0, format!("{}{time}", place.name));
        }
        _ => {}
    }
    sign(facts, identity, &mut request, &time, &more_items, choice);
    request
}

/// Mostly the first ones, which are good.
fn usual<'t>(all: &[&'t str], choice: &mut Choice<'_>) -> &'t str {
    if choice.once_in(4) { choice.one_of(all) } else { choice.one_of(&all[..all.len().min(3)]) }
}

/// From now, with a liking for the borders of the window.
fn offset(facts: &Facts, choice: &mut Choice<'_>) -> i64 {
    let (past, future) = facts.window();
    let near = choice.one_of(&[0, 0, 1, -1, 1_000, -1_000, 999, 500]);
    match choice.below(8) {
        0..=2 => 0,
        3 | 4 => near - past,
        5 | 6 => future + near,
        _ => choice.one_of(&[-past / 2, future / 2, -86_400_000, 86_400_000, -NOW]),
    }
}

/// The time as this unit has it, and sometimes not quite.
fn spelled(unit: &str, at: i64, choice: &mut Choice<'_>) -> String {
    let seconds = at.div_euclid(1_000);
    let date = |choice: &mut Choice<'_>| {
        let millis = at.rem_euclid(1_000);
        match choice.below(8) {
            0 | 1 => format!("{}.{millis:03}Z", civil(seconds)),
            2 => format!("{}Z", civil(seconds)),
            3 => format!("{}.{millis:03}999999+02:00", civil(seconds + 7_200)),
            4 => format!("{}.{millis:03}-09:30", civil(seconds - 34_200)),
            5 => format!("{}z", civil(seconds).replace('T', "t")),
            6 => civil(seconds),
            _ => format!("{}.Z", civil(seconds)),
        }
    };
    let text = match unit {
        "s" => seconds.to_string(),
        "ms" => at.to_string(),
        "rfc3339" => date(choice),
        "rfc3339-utc-without-zone" => match choice.below(4) {
            0..=2 => civil(seconds),
            _ => date(choice),
        },
        _ => match choice.below(4) {
            0 | 1 => seconds.to_string(),
            2 => at.to_string(),
            _ => date(choice),
        },
    };
    if !choice.once_in(10) {
        return text;
    }
    match choice.below(10) {
        0 => format!("0{text}"),
        1 => format!("+{text}"),
        2 => format!(" {text} "),
        3 => format!("{text}.0"),
        4 => format!("{text}000"),
        5 => seconds.to_string(),
        6 => date(choice),
        7 => "9".repeat(choice.one_of(&[19, 18, 20, 41])),
        8 => String::new(),
        _ => format!("-{text}"),
    }
}

fn body(facts: &Facts, time: &str, choice: &mut Choice<'_>) -> Vec<u8> {
    const FORMS: &[&str] = &[
        "Sid=CA1&From=%2B1415&Digits=1234",
        "b=2&a=1&a=0&a=1&B=3",
        "a=x+y%20z&%C3%A9=%c3%a9&c&=d&&e=%zz%",
        "",
        "{\"a\":1}",
    ];
    const BODIES: &[&str] = &[
        "[{\"id\":\"evt_1\"},{\"id\":2}]",
        "{}",
        " {\"note\":\"Zürich – 東京\"}\r\n",
        "",
        "text",
        "1716477000{\"a\":1}",
        "{\"a\":1}1716477000",
        "payload=%7B%7D",
        "\u{0}\u{1}",
    ];
    if facts.time.as_ref().is_some_and(|time| time.place == Place::Body) {
        let name = &facts.time.as_ref().expect("a time").name;
        return match choice.below(8) {
            0..=5 => format!("{{\"type\":\"Issue\",\"{name}\":{time},\"action\":\"create\"}}"),
            6 => format!("{{\"type\":\"Issue\",\"{name}\":\"{time}\",\"action\":\"create\"}}"),
            _ => choice.one_of(BODIES).to_owned(),
        }
        .into();
    }
    if facts.signed.iter().any(|part| part == "sorted-form") && !choice.once_in(5) {
        return choice.one_of(FORMS).into();
    }
    match choice.below(5) {
        0..=2 => b"{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"data\":{\"n\":1}}".to_vec(),
        3 => choice.one_of(BODIES).into(),
        // Over the blocks of every hash.
        _ => format!("{{\"filler\":\"{}\"}}", "x".repeat(choice.below(256))).into(),
    }
}

/// Twilio's digest of the body in the query, and sometimes another or none.
fn add_digest(request: &mut Request, choice: &mut Choice<'_>) {
    let digest = hex(&Sha256::digest(&request.body));
    let separator = if request.target.contains('?') { '&' } else { '?' };
    let query = match choice.below(12) {
        0..=6 => format!("bodySHA256={digest}"),
        7 => format!("bodySHA256={}", digest.to_uppercase()),
        8 => format!("bodySHA256={digest}&bodySHA256={digest}"),
        9 => format!("bodySHA256={}", hex(&Sha256::digest(b"another body"))),
        10 => format!("body%53HA256={digest}&x=1"),
        _ => "bodysha256=".to_owned() + &digest,
    };
    request.target = format!("{}{separator}{query}", request.target);
}

/// Adds the signature to the head that is there, in an item beside the others where the header is a
/// list.
fn sign(
    facts: &Facts,
    identity: &Identity,
    request: &mut Request,
    time: &str,
    more_items: &[String],
    choice: &mut Choice<'_>,
) {
    let separator = facts.separator.map(String::from).unwrap_or_default();
    let mut items = more_items.to_vec();
    let header = match facts.syntax {
        Syntax::Multi if choice.once_in(3) => facts.also_headers[0].clone(),
        _ => facts.header.clone(),
    };
    // Some of the content is in the same header.
    request.headers.push((header, items.join(&separator)));
    items.push(signature(facts, identity, request, time, choice));
    if facts.syntax == Syntax::List && choice.once_in(6) {
        items.reverse();
    }
    request.headers.last_mut().expect("just added").1 = items.join(&separator);
}

/// The signature of the request as it is, with its prefix.
pub fn signature(
    facts: &Facts,
    identity: &Identity,
    request: &Request,
    time: &str,
    choice: &mut Choice<'_>,
) -> String {
    // What cannot be signed, such as a header that is missing, is signed as nothing.
    let content = content(facts, request, time, false).unwrap_or_default();
    let bytes = match &identity.signer {
        Signer::Token => {
            let token = match facts.key.as_str() {
                "basic" => STANDARD.encode(&identity.secret),
                _ => identity.secret.clone(),
            };
            return format!("{}{token}", facts.prefix);
        }
        Signer::Mac(key) => mac(facts, key, &content),
        Signer::Ed25519(key) => key.sign(&content).to_bytes().to_vec(),
        Signer::EcdsaP256(key) => {
            let signature: p256::ecdsa::Signature = key.sign(&content);
            let fixed = choice.once_in(8);
            if fixed {
                signature.to_bytes().to_vec()
            } else {
                signature.to_der().as_bytes().to_vec()
            }
        }
    };
    let text = match facts.encoding.expect("an encoding") {
        Encoding::Hex => hex(&bytes),
        Encoding::Base64 => STANDARD.encode(bytes),
        Encoding::Base64url if choice.once_in(2) => URL_SAFE_NO_PAD.encode(bytes),
        Encoding::Base64url => URL_SAFE.encode(bytes),
    };
    format!("{}{text}", facts.prefix)
}
