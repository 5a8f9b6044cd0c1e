//! A test of a handler on axum, with this delivery. `docs/testing.md` shows such tests.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use countersign::catalogue;
use countersign::signing::Sender;

use super::super::problem::Problem;
use super::super::redact::{self, REDACTED};
use crate::inspect::replay::captured;
use crate::listen::Current;
use crate::record::Record;

pub(super) fn test(record: &Record, current: &Current) -> Result<String, Problem> {
    let provider = current.endpoint.provider();
    let target = redact::target(&record.uri);
    let event = record.facts.as_ref().and_then(|facts| facts.event.as_deref());
    let moved = has_time_in_body(record, current);
    let mut test = String::from(HEAD);
    if moved {
        test.push_str("use std::time::SystemTime;\n\n");
    }
    test.push_str(USES);
    let _ = writeln!(test, "#[tokio::test]\nasync fn {}() {{", name(provider.name(), event));
    let kit = match catalogue::by_id(provider.name()) {
        Some(_) => format!("TestKit::new({:?})", provider.name()),
        None => "TestKit::of(provider())".to_owned(),
    };
    let _ = writeln!(test, "    let kit = {kit}.to({target:?});");
    let _ =
        writeln!(test, "    let app = app(layer(&kit)); // your function that makes the Router");
    let _ = writeln!(test, "    let headers = [");
    for (name, value) in kept_headers(record, current)? {
        let _ = writeln!(test, "        ({name:?}, {}),", literal(&value));
    }
    let _ = writeln!(test, "    ];");
    let _ = writeln!(test, "    let body = {};", body(&record.body));
    let _ = writeln!(test, "    let event = kit.sender().captured(headers, body).unwrap();");
    let _ = match moved {
        true => writeln!(
            test,
            "    // Its time is in the body, and becomes the present one.\n    let request = \
             kit.sender().request_at(&event, SystemTime::now()).unwrap();"
        ),
        false => writeln!(test, "    let request = kit.request(&event);"),
    };
    test.push_str("    send(&app, &request).await;\n    kit.assert_handled();\n}\n");
    Ok(test)
}

const HEAD: &str =
    "// Needs the dev-dependencies of docs/testing.md. The signature is made anew.\n";

const USES: &str =
    "use countersign::testing::TestKit;\nuse countersign_tower::testing::{layer, send};\n\n";

/// The headers that belong to the event: not those that signing makes, and none that may be secret.
fn kept_headers(record: &Record, current: &Current) -> Result<Vec<(String, String)>, Problem> {
    let secret = countersign::Secret::new("any").map_err(|_| Problem::cannot("No secret."))?;
    let sender = Sender::new(current.endpoint.provider().clone(), secret);
    // What these are is the sender's knowledge: each header is asked for on its own.
    let redaction = redact::Redaction::of([]);
    let mut kept = Vec::new();
    for (name, value) in &record.headers {
        let Ok(value) = std::str::from_utf8(value.as_bytes()) else { continue };
        if value == REDACTED || redaction.hides(name.as_str()) || is_of_transport(name.as_str()) {
            continue;
        }
        if sender.keeps(name.as_str()) {
            kept.push((name.to_string(), value.to_owned()));
        }
    }
    Ok(kept)
}

/// Says nothing about the event.
fn is_of_transport(name: &str) -> bool {
    const NAMES: [&str; 4] = ["accept", "accept-encoding", "user-agent", "via"];
    super::is_of_connection(name)
        || NAMES.contains(&name)
        || name.starts_with("x-forwarded-")
        || name.starts_with("cf-")
}

/// Whether the delivery would be too old in a test that runs later.
fn has_time_in_body(record: &Record, current: &Current) -> bool {
    let Some(key) = current.signing_key.as_ref().or_else(|| current.secrets.first()) else {
        return false;
    };
    let later = SystemTime::now() + Duration::from_secs(400 * 86_400);
    let target = record.uri.path_and_query().map_or("/", |target| target.as_str());
    let origin = current.endpoint.public_url().unwrap_or("https://hooks.example.test");
    let sender = Sender::new(current.endpoint.provider().clone(), key.clone())
        .to(&format!("{origin}{target}"))
        .method(record.method.as_str());
    let Ok(event) = captured(&sender, record, record.body.clone()) else { return false };
    // Another time there is another body.
    sender.request_at(&event, later).is_ok_and(|moved| moved.body() != &record.body)
}

/// The name of the test.
fn name(provider: &str, event: Option<&str>) -> String {
    let words = format!("{provider} {} is handled", event.unwrap_or("delivery"));
    let letters = words.chars().map(|letter| match letter.is_ascii_alphanumeric() {
        true => letter.to_ascii_lowercase(),
        false => ' ',
    });
    let words: String = letters.collect();
    let name = words.split_whitespace().collect::<Vec<_>>().join("_");
    // A name does not begin with a digit.
    if name.starts_with(|letter: char| letter.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The body as it is written in Rust.
fn body(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) => literal(text),
        Err(_) => {
            let bytes = body.iter().flat_map(|byte| std::ascii::escape_default(*byte));
            format!("&b\"{}\"[..]", bytes.map(char::from).collect::<String>())
        }
    }
}

/// A text as it is written in Rust: raw where it has quotes, unless there is something in it that raw
/// texts cannot have.
fn literal(text: &str) -> String {
    let plain = format!("{text:?}");
    let is_visible = text.chars().all(|letter| {
        letter == '\n' || letter == '\\' || letter == '"' || {
            let escaped: String = letter.escape_debug().collect();
            escaped.chars().count() == 1 || letter == '\''
        }
    });
    if !is_visible || !text.contains(['"', '\\', '\n']) {
        return plain;
    }
    let mut hashes = String::from("#");
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"{text}\"{hashes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_between_lines() {
        assert_eq!(name("stripe", Some("invoice.paid")), "stripe_invoice_paid_is_handled");
        assert_eq!(name("3cx", None), "_3cx_delivery_is_handled");
    }

    #[test]
    fn texts_are_written_so_that_rust_reads_them_back() {
        assert_eq!(literal("a b"), r#""a b""#);
        assert_eq!(literal(r#"{"a":1}"#), r##"r#"{"a":1}"#"##);
        assert_eq!(literal("\"#\r"), r##""\"#\r""##);
        assert_eq!(literal("\"#"), "r##\"\"#\"##");
        assert_eq!(literal("\u{202e}\""), "\"\\u{202e}\\\"\"");
        assert_eq!(body(b"\xff\""), r#"&b"\xff\""[..]"#);
    }
}
