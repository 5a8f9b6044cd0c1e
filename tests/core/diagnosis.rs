//! Why a delivery is not genuine: each cause alone, several together, and nothing accused wrongly.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::diagnosis::{Cause, Diagnosis, Request, diagnose};
use countersign::signing::Signer;
use countersign::{Provider, Secret, catalogue};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::{NOW, moment};

#[derive(Deserialize)]
struct Case {
    id: String,
    provider: String,
    causes: Vec<String>,
    now: String,
    method: String,
    url: Option<String>,
    secrets: Vec<String>,
    headers: Vec<(String, String)>,
    body_base64: String,
}

/// See `tests/vectors/README.md`.
#[test]
fn real_failures_have_their_true_causes() {
    let cases = include_str!("../vectors/failures/cases.json");
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    assert_eq!(cases.len(), 61);
    for cause in Cause::ALL {
        let is_shown = cases.iter().any(|case| case.causes.iter().any(|code| code == cause.code()));
        assert!(is_shown, "{cause}");
    }
    for case in cases {
        let provider = catalogue::provider(&case.provider).unwrap();
        let secrets = case.secrets.iter().map(|secret| Secret::new(secret.as_str()).unwrap());
        let secrets: Vec<_> = secrets.collect();
        let mut request = Request::new(case.headers, STANDARD.decode(case.body_base64).unwrap())
            .method(&case.method);
        if let Some(url) = &case.url {
            request = request.url(url);
        }
        let at = OffsetDateTime::parse(&case.now, &Rfc3339).unwrap();
        let diagnosis = diagnose(&provider, &secrets, &request, at.into());
        let mut expected = case.causes;
        expected.retain(|cause| cause != "genuine");
        expected.sort_unstable();
        assert_eq!(codes(&diagnosis), expected, "{}", case.id);
        assert_eq!(diagnosis.is_genuine(), expected.is_empty());
        let shown = format!("{diagnosis:?}");
        let is_public = ["discord", "sendgrid"].contains(&&*case.provider);
        for secret in case.secrets.iter().filter(|_| !is_public) {
            assert!(!shown.contains(secret.trim()), "{}: {shown}", case.id);
        }
    }
}

fn codes(diagnosis: &Diagnosis) -> Vec<&str> {
    let mut codes: Vec<_> =
        diagnosis.findings().iter().map(|finding| finding.cause().code()).collect();
    codes.sort_unstable();
    codes
}

const SECRET: &str = "rye-and-barley-9931";

const BODY: &str = r#"{"id":"evt_88a","type":"paid","amount":1506,"rate":2.5,"of":{"name":"Jürgen Groß & Söhne","url":"https://bakery.test/a"},"note":"<b>"}"#;

fn now() -> SystemTime {
    moment(NOW)
}

/// What the provider signs, and what arrives of it.
fn of_github(signed: &str, received: &str) -> Vec<Cause> {
    diagnosed("github", SECRET, SECRET, signed.as_bytes(), received.as_bytes())
}

fn diagnosed(
    provider: &str,
    signs: &str,
    configured: &str,
    signed: &[u8],
    received: &[u8],
) -> Vec<Cause> {
    let provider = catalogue::provider(provider).unwrap();
    let headers = signed_by(&provider, signs, signed);
    causes(&provider, &[configured], &Request::new(headers, received))
}

fn signed_by(provider: &Provider, secret: &str, body: &[u8]) -> Vec<(String, String)> {
    Signer::new(provider, &Secret::new(secret).unwrap()).at(now()).try_sign(body).unwrap()
}

fn causes(provider: &Provider, secrets: &[&str], request: &Request) -> Vec<Cause> {
    let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret).unwrap()).collect();
    let diagnosis = diagnose(provider, &secrets, request, now());
    diagnosis.findings().iter().map(|finding| finding.cause()).collect()
}

#[test]
fn several_causes_at_once_are_found() {
    let spaced = BODY.replace(',', ", ").replace("\":", "\": ");
    let configured = format!("\"{SECRET}\"\n");
    let found = diagnosed("github", SECRET, &configured, BODY.as_bytes(), spaced.as_bytes());
    let expected = [Cause::SecretWhitespace, Cause::SecretQuoted, Cause::BodyWhitespace];
    assert_eq!(sorted(found), sorted(expected.to_vec()));
    // Go writes a document again: sorted, without white space, with its escapes.
    let go = r#"{"amount":1506,"id":"evt_88a","note":"\u003cb\u003e","of":{"name":"Jürgen Groß \u0026 Söhne","url":"https://bakery.test/a"},"rate":2.5,"type":"paid"}"#;
    let found = of_github(&spaced_sorted(), go);
    assert_eq!(sorted(found), sorted(vec![Cause::BodyHtmlEscapes, Cause::BodyWhitespace]));
}

fn spaced_sorted() -> String {
    let value: serde_json::Value = serde_json::from_str(BODY).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

fn sorted(mut causes: Vec<Cause>) -> Vec<Cause> {
    causes.sort_unstable();
    causes
}

#[test]
fn each_way_to_write_json_again_is_told_from_the_others() {
    let php = BODY
        .replace('/', r"\/")
        .replace('ü', r"\u00fc")
        .replace('ß', r"\u00df")
        .replace('ö', r"\u00f6");
    let cases: [(String, String, &[Cause]); 9] = [
        (php.clone(), php.replace(r"\/", "/"), &[Cause::BodySlashEscapes]),
        (php.clone(), BODY.to_owned(), &[Cause::BodyUnicodeEscapes, Cause::BodySlashEscapes]),
        (
            php.to_owned(),
            php.replace("00f", "00F").replace("00d", "00D"),
            &[Cause::BodyUnicodeEscapes],
        ),
        (BODY.to_owned(), BODY.replace('&', r"\u0026"), &[Cause::BodyHtmlEscapes]),
        (BODY.replace("1506", "1506.0"), BODY.to_owned(), &[Cause::BodyNumberFormat]),
        (BODY.replace("2.5", "2.50"), BODY.to_owned(), &[Cause::BodyNumberFormat]),
        (BODY.to_owned(), spaced_sorted(), &[Cause::BodyWhitespace, Cause::BodyKeyOrder]),
        (format!("{BODY}\r\n"), BODY.to_owned(), &[Cause::BodyTrailingNewline]),
        (format!("payload={}", form_encoded(BODY)), BODY.to_owned(), &[Cause::BodyFormDecoded]),
    ];
    for (signed, received, expected) in cases {
        let found = sorted(of_github(&signed, &received));
        let expected = sorted(expected.to_vec());
        assert_eq!(found, expected, "{received}");
    }
}

fn form_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A change of content is no change of spelling, however the spelling was changed besides.
#[test]
fn what_was_tampered_with_accuses_nothing_else() {
    for received in [
        BODY.replace("1506", "1507"),
        BODY.replace("1506", "1507").replace(',', ", "),
        format!("{}\n", BODY.replace("paid", "void")),
        BODY.replace("evt_88a", "evt_88b"),
    ] {
        assert_eq!(of_github(BODY, &received), [Cause::SecretWrong], "{received}");
    }
    assert_eq!(
        diagnosed("github", SECRET, "another secret \n", BODY.as_bytes(), BODY.as_bytes()),
        [Cause::SecretWrong]
    );
    // Odd, and signed as it is.
    for odd in ["{ }\n\n", "\u{feff}{}", "not JSON", "a=1&b=%7e", "{\"a\":1.0 }\r\n"] {
        assert_eq!(of_github(odd, odd), [], "{odd:?}");
    }
}

#[test]
fn what_is_undone_is_shown_at_the_first_byte_that_differs() {
    let provider = catalogue::provider("github").unwrap();
    let headers = signed_by(&provider, SECRET, BODY.as_bytes());
    let received = BODY.replace("Groß", "Gro\\u00df");
    let secrets = [Secret::new(SECRET).unwrap()];
    let diagnosis = diagnose(&provider, &secrets, &Request::new(headers, received), now());
    let difference = diagnosis.difference().unwrap();
    let at = BODY.find('ß').unwrap();
    assert_eq!(difference.at, at);
    let (received, signed) = (&difference.received, &difference.signed);
    assert!(received[difference.before..].starts_with(b"\\u00df & S"), "{received:?}");
    assert!(signed[difference.before..].starts_with("ß & S".as_bytes()), "{signed:?}");
}

#[test]
fn a_large_body_is_no_obstacle() {
    let large = format!("{{\"text\":\"{}\"}}", "bread, ".repeat(500_000));
    assert_eq!(of_github(&large, &large), []);
    let spaced = format!("{SECRET} ");
    let found = diagnosed("github", SECRET, &spaced, large.as_bytes(), large.as_bytes());
    assert_eq!(found, [Cause::SecretWhitespace]);
    assert_eq!(of_github(&large, &format!("{large}\n")), [Cause::BodyTrailingNewline]);
}

#[test]
fn a_delivery_is_stale_by_the_providers_window_and_says_by_how_much() {
    let slack = catalogue::provider("slack").unwrap();
    let request = Request::new(signed_by(&slack, SECRET, BODY.as_bytes()), BODY);
    let secrets = [Secret::new(SECRET).unwrap()];
    let after =
        |seconds| diagnose(&slack, &secrets, &request, now() + Duration::from_secs(seconds));
    assert!(after(300).is_genuine());
    let stale = after(301);
    assert_eq!(codes(&stale), ["time_stale"]);
    assert!(stale.findings()[0].says().contains("5 minutes 1 second ago"), "{stale:?}");
    assert_eq!(stale.time(), Some(now()));
    let before = diagnose(&slack, &secrets, &request, now() - Duration::from_secs(3600));
    assert_eq!(codes(&before), ["time_in_the_future"]);
}

/// The engine is given whatever people have: it must not panic, and must end.
#[test]
fn what_is_no_delivery_at_all_is_no_panic() {
    let odd: [&[u8]; 12] = [
        b"",
        b"\"",
        b"{\"",
        b"{\"a\\",
        b"{\"a\":\"\\u12",
        b"[[[[",
        b"{\"a\":\"\\ud83d\"}",
        b"\x1f\x8b\x08",
        b"\xff\xfe\x00",
        b"%",
        b"=&=&%zz",
        b"{\"a\":-,\"b\":1e999,\"c\":99999999999999999999999}",
    ];
    let ids =
        ["github", "stripe", "twilio", "gitlab", "hubspot", "sendgrid", "coinbase-cdp", "svix"];
    let values = ["", "v1=", "t=,v1=", "sha256=zz", "é", "=", ",,,", "t=1,t=2,v1=00"];
    let names = [
        "X-Hub-Signature-256",
        "Stripe-Signature",
        "X-Twilio-Signature",
        "X-Gitlab-Token",
        "X-HubSpot-Signature-v3",
        "svix-signature",
        "X-Hook0-Signature",
    ];
    for (number, body) in odd.into_iter().enumerate() {
        // Each body and each value with some of the providers: every pair would take minutes.
        for turn in 0..2 {
            let id = ids[(number + 3 * turn) % ids.len()];
            let value = values[(number + 5 * turn) % values.len()];
            let provider = catalogue::provider(id).unwrap();
            let headers = names.map(|name| (name, value));
            let request = Request::new(headers, body).url("http://[::1]:80?");
            assert_ne!(causes(&provider, &["a secret"], &request), [], "{id} {value}");
        }
    }
}
