//! The signed content, put together from its parts.
//!
//! Some of it is stricter than the facts, as countersign is on purpose: where two parts stand side by
//! side, nobody may move bytes from the one to the other under the same signature. The signer knows
//! the facts alone, so that deliveries which break such a rule are signed all the same.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::facts::{Facts, Place};
use super::keys::hex;
use super::verify::{Request, Why, items};

/// What the provider has signed, if this delivery is as it was sent. `strict` says whether the rules
/// hold that are stricter than the facts.
pub fn content(facts: &Facts, request: &Request, time: &str, strict: bool) -> Result<Vec<u8>, Why> {
    let rule = |holds: bool, why: Why| if strict && !holds { Err(why) } else { Ok(()) };
    let target = || {
        rule(is_path(&request.target), "the target is not a path")?;
        Ok::<_, Why>(request.target.as_str())
    };
    let mut out = Vec::new();
    for (at, part) in facts.signed.iter().enumerate() {
        let (kind, argument) = part.split_once(':').unwrap_or((part, ""));
        match (kind, argument) {
            ("body", _) => {
                rule(body_is_apart(facts, at, &request.body), "the body is not JSON")?;
                out.extend(&request.body);
            }
            ("timestamp", _) => out.extend(time.as_bytes()),
            ("literal", text) => out.extend(text.as_bytes()),
            ("method", _) => out.extend(request.method.as_bytes()),
            ("id", _) => {
                let header = facts.id_header.as_deref().expect("an id has a header");
                let id = required(request, header)?;
                rule(id_is_apart(facts, at, id), "the id is malformed")?;
                out.extend(id.as_bytes());
            }
            ("header", name) => {
                let value = required(request, name)?;
                rule(is_plain(value, b""), "a signed header is not plain")?;
                out.extend(value.as_bytes());
            }
            ("url", "") => {
                let url = format!("{}{}", request.origin, target()?);
                out.extend(url.as_bytes());
            }
            ("url", "hubspot-decoded") => {
                let mut url = format!("{}{}", request.origin, target()?);
                // Each stands for a character that is none of the others' signs.
                for (escape, character) in ESCAPES.split(' ').zip(":/?@!$'()*,;".chars()) {
                    url = url.replace(escape, &character.to_string());
                }
                out.extend(url.as_bytes());
            }
            ("path", "contentful-encoded") => {
                out.extend(encoded_twice(target()?).as_bytes());
            }
            ("sorted-form", _) => out.extend(sorted_form(&request.body)),
            ("named-headers", list) => {
                let mut names = names(required(request, list)?, ',');
                names.sort();
                rule(are_names(&names), "the names of the signed headers are malformed")?;
                rule(time_is_named(facts, &names), "the time is not signed")?;
                let pairs: Result<Vec<_>, Why> = names
                    .iter()
                    .map(|name| Ok(format!("{name}:{}", required(request, name)?.trim_ascii())))
                    .collect();
                out.extend(pairs?.join(";").as_bytes());
            }
            ("named-header-names", prefix) => {
                out.extend(item(facts, request, prefix)?.as_bytes());
            }
            ("named-header-values", prefix) => {
                let names = names(item(facts, request, prefix)?, ' ');
                rule(are_names(&names), "the names of the signed headers are malformed")?;
                let values: Result<Vec<_>, _> =
                    names.iter().map(|name| required(request, name)).collect();
                let values = values?.join(".");
                rule(is_plain(&values, b" "), "a signed header is not plain")?;
                out.extend(values.as_bytes());
            }
            // It adds nothing, and whoever signs does not look.
            ("check", "query:bodySHA256=sha256-hex(body)") if !strict => {}
            ("check", "query:bodySHA256=sha256-hex(body)") => {
                let expected = hex(&Sha256::digest(&request.body));
                let (_, query) = target()?.split_once('?').ok_or("no digest of the body")?;
                let fields = form(query.as_bytes());
                let mut given = fields.iter().filter(|(name, _)| name == "bodySHA256");
                if given.next().is_none_or(|(_, digest)| *digest != expected) {
                    return Err("another digest of the body");
                }
                if given.next().is_some() {
                    return Err("two digests of the body");
                }
            }
            _ => panic!("no part {part}"),
        }
    }
    Ok(out)
}

const ESCAPES: &str = "%3A %2F %3F %40 %21 %24 %27 %28 %29 %2A %2C %3B";

fn required<'r>(request: &'r Request, name: &str) -> Result<&'r str, Why> {
    request.header(name)?.ok_or("a signed header is missing")
}

/// Visible ASCII without what JSON and URLs are bracketed with.
fn is_plain(value: &str, also: &[u8]) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"{}[]<>\"\\".contains(&byte);
    value.bytes().all(|byte| also.contains(&byte) || plain(byte))
}

/// In the characters that RFC 3986 has.
fn is_path(target: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&byte);
    target.starts_with('/') && target.bytes().all(legal)
}

/// 1 to 128 visible characters, without the literal that stands beside it.
fn id_is_apart(facts: &Facts, at: usize, id: &str) -> bool {
    let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
    let mut literals = beside.filter_map(|at| facts.signed.get(at)?.strip_prefix("literal:"));
    let good = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let body = facts.signed.iter().position(|part| part == "body");
    let has_edges = body.is_some_and(|at| touches(facts, at, -1) || touches(facts, at, 1));
    good && (is_plain(id, b"") || !has_edges) && literals.all(|literal| !id.contains(literal))
}

/// A body beside an id, a header or the URL begins or ends with a bracket of JSON, which these do not have.
fn body_is_apart(facts: &Facts, at: usize, body: &[u8]) -> bool {
    let body = body.trim_ascii();
    let begins = matches!(body.first(), None | Some(b'{' | b'['));
    let ends = matches!(body.last(), None | Some(b'}' | b']'));
    (begins || !touches(facts, at, -1)) && (ends || !touches(facts, at, 1))
}

/// Whether something in this direction from the body ends anywhere: an id ends at a literal, and the rest
/// of a head at a line break, which no header has.
fn touches(facts: &Facts, body: usize, step: isize) -> bool {
    let mut beside = "";
    let mut at = body;
    while let Some(part) = at.checked_add_signed(step).and_then(|next| facts.signed.get(next)) {
        let kind = part.split(':').next().unwrap_or_default();
        let ends_itself = matches!(kind, "literal" | "timestamp" | "method");
        let id_ends = kind == "id" && beside.starts_with("literal:");
        if !ends_itself && !id_ends && beside != "literal:\n" {
            return true;
        }
        (beside, at) = (part, at.saturating_add_signed(step));
    }
    false
}

/// The query is percent-encoded, and then the path with it.
fn encoded_twice(target: &str) -> String {
    let encode = |text: &str, kept: &str| -> String {
        let one = |byte: u8| match char::from(byte) {
            plain if plain.is_ascii_alphanumeric() || kept.contains(plain) => plain.to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(one).collect()
    };
    let whole = match target.split_once('?') {
        Some((path, "")) => path.to_owned(),
        Some((path, query)) => format!("{path}?{}", encode(query, "-_.!~*'()")),
        None => target.to_owned(),
    };
    encode(&whole, "-_.!~*'();/?:@&=+$,#")
}

fn sorted_form(body: &[u8]) -> Vec<u8> {
    let mut sorted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in form(body) {
        sorted.entry(name).or_default().insert(value);
    }
    let pairs =
        sorted.iter().flat_map(|(name, values)| values.iter().map(move |value| [name, value]));
    pairs.flatten().flat_map(|text| text.bytes()).collect()
}

/// The fields of a form or a query, decoded.
fn form(bytes: &[u8]) -> Vec<(String, String)> {
    let decode = |text: &[u8]| {
        let (mut out, mut at) = (Vec::new(), 0);
        while let Some(byte) = text.get(at) {
            let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
            match (byte, digit(at + 1), digit(at + 2)) {
                (b'%', Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 3;
                }
                (b'+', _, _) => {
                    out.push(b' ');
                    at += 1;
                }
                _ => {
                    out.push(*byte);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    let fields = bytes.split(|byte| *byte == b'&').filter(|field| !field.is_empty());
    fields
        .map(|field| match field.iter().position(|byte| *byte == b'=') {
            Some(at) => (decode(&field[..at]), decode(&field[at + 1..])),
            None => (decode(field), String::new()),
        })
        .collect()
}

/// The names in a list, in lower case.
fn names(list: &str, separator: char) -> Vec<String> {
    let names = list.split(separator).map(|name| name.trim_ascii().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

/// No name twice, and no more of them than anybody lists.
fn are_names(names: &[String]) -> bool {
    names.iter().collect::<BTreeSet<_>>().len() == names.len() && names.len() <= 32
}

/// What is not named is not signed.
fn time_is_named(facts: &Facts, names: &[String]) -> bool {
    let header = facts.time.as_ref().filter(|time| time.place == Place::Header);
    header.is_none_or(|time| names.contains(&time.header.to_ascii_lowercase()))
}

/// What follows the prefix in the only item that has it.
fn item<'r>(facts: &Facts, request: &'r Request, prefix: &str) -> Result<&'r str, Why> {
    let items = items(facts, required(request, &facts.header)?);
    let mut found = items.into_iter().filter_map(|item| item.strip_prefix(prefix));
    let only = found.next().ok_or("an item is missing")?;
    if found.next().is_some() { Err("an item is there twice") } else { Ok(only) }
}
