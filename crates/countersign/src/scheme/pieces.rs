//! Parts of the signed content that are made of a request's head.

use super::content::Part;
use super::lists::Separators;
use super::signature::Signature;
use crate::request_head::{Lookup, RequestHead};

/// What is known besides the request.
pub(crate) struct Context<'a> {
    /// Scheme, host and port under which the world reaches the endpoint.
    pub(crate) public_url: &'a str,
    /// The signature headers, one of which may name others.
    pub(crate) signature: Option<&'a Signature>,
    /// The time's header, which must be signed.
    pub(crate) time_header: Option<&'a str>,
}

/// More headers than this are not named by anybody.
const MOST_NAMES: usize = 32;

/// One part's bytes; nothing if the request does not have them in good form.
pub(super) fn piece(
    part: &Part,
    head: &(impl RequestHead + ?Sized),
    context: &Context<'_>,
) -> Option<Vec<u8>> {
    let url = || Some(format!("{}{}", context.public_url, target(head)?));
    match part {
        Part::Header(name) => {
            let value = one(head, name)?;
            value.iter().all(|byte| is_plain(*byte)).then(|| value.to_vec())
        }
        Part::Method => Some(head.method().as_bytes().to_vec()),
        Part::Url => Some(url()?.into_bytes()),
        Part::UrlDecoded => Some(decode_some(&url()?)),
        Part::Target => Some(target(head)?.as_bytes().to_vec()),
        Part::TargetEncoded => Some(encode_target(target(head)?)),
        Part::BodySha256InQuery(name) => {
            let (_, query) = target(head)?.split_once('?')?;
            let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
            let (_, value) = found.next()?;
            found.next().is_none().then(|| value.as_bytes().to_vec())
        }
        Part::NamedHeaders(list) => named_headers(head, one(head, list)?, context.time_header),
        Part::NamesInItem(prefix) => Some(item(head, context.signature?, prefix)?.to_vec()),
        Part::ValuesOfNamesInItem(prefix) => {
            let names = names(item(head, context.signature?, prefix)?, |byte| *byte == b' ')?;
            let values: Option<Vec<_>> = names.iter().map(|name| one(head, name)).collect();
            // No JSON may be moved into them: the body follows after a dot.
            let value = values?.join(&b"."[..]);
            value.iter().all(|byte| *byte == b' ' || is_plain(*byte)).then_some(value)
        }
        Part::Body
        | Part::SortedForm
        | Part::BodySha256
        | Part::Timestamp
        | Part::Id
        | Part::Literal(_) => Some(Vec::new()),
    }
}

/// A target of characters that RFC 3986 has. No bytes of a JSON body can be moved into it, and none
/// of its own can stand before one.
fn target(head: &(impl RequestHead + ?Sized)) -> Option<&str> {
    let target = head.target();
    let legal =
        target.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}[]<>\"\\^`|".contains(&byte));
    (legal && target.starts_with('/')).then_some(target)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"{}[]<>\"\\".contains(&byte)
}

fn one<'h>(head: &'h (impl RequestHead + ?Sized), name: &str) -> Option<&'h [u8]> {
    match head.lookup(name) {
        Lookup::One(value) => Some(value),
        Lookup::Missing | Lookup::Repeated => None,
    }
}

/// HubSpot decodes these in the URL before it signs.
fn decode_some(url: &str) -> Vec<u8> {
    const ESCAPES: [(&str, &str); 12] = [
        ("%3A", ":"),
        ("%2F", "/"),
        ("%3F", "?"),
        ("%40", "@"),
        ("%21", "!"),
        ("%24", "$"),
        ("%27", "'"),
        ("%28", "("),
        ("%29", ")"),
        ("%2A", "*"),
        ("%2C", ","),
        ("%3B", ";"),
    ];
    let mut decoded = Vec::with_capacity(url.len());
    let mut rest = url;
    while let Some(first) = rest.as_bytes().first() {
        let escape = ESCAPES
            .iter()
            .find_map(|(escape, character)| Some((rest.strip_prefix(escape)?, character)));
        match escape {
            Some((after, character)) => {
                decoded.extend_from_slice(character.as_bytes());
                rest = after;
            }
            None => {
                decoded.push(*first);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    decoded
}

/// Contentful percent-encodes the query, and then the path and the query together.
fn encode_target(target: &str) -> Vec<u8> {
    let encode = |text: &str, kept: &[u8]| -> String {
        text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
    };
    let inner = match target.split_once('?') {
        Some((path, query)) if !query.is_empty() => {
            format!("{path}?{}", encode(query, b"-_.!~*'()"))
        }
        Some((path, _)) => path.to_owned(),
        None => target.to_owned(),
    };
    encode(&inner, b"-_.!~*'();/?:@&=+$,#").into_bytes()
}

/// The names that stand in a list, in lower case.
fn names(list: &[u8], separates: impl Fn(&u8) -> bool) -> Option<Vec<String>> {
    let names: Vec<_> = list
        .split(separates)
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .map(|name| std::str::from_utf8(name).map(str::to_ascii_lowercase))
        .take(MOST_NAMES + 1)
        .collect::<Result<_, _>>()
        .ok()?;
    // Each is looked up and copied.
    let distinct = names
        .iter()
        .enumerate()
        .all(|(at, name)| !names.iter().take(at).any(|other| other == name));
    (names.len() <= MOST_NAMES && distinct).then_some(names)
}

fn named_headers(
    head: &(impl RequestHead + ?Sized),
    list: &[u8],
    time_header: Option<&str>,
) -> Option<Vec<u8>> {
    let mut names = names(list, |byte| *byte == b',')?;
    names.sort_unstable();
    // What is not named is not signed.
    if let Some(time) = time_header
        && !names.iter().any(|name| name == time)
    {
        return None;
    }
    let mut out = Vec::new();
    for (name, number) in names.iter().zip(0..) {
        if number > 0 {
            out.push(b';');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(one(head, name)?.trim_ascii());
    }
    Some(out)
}

/// What follows the prefix in the only item of the signature header that has it.
fn item<'h>(
    head: &'h (impl RequestHead + ?Sized),
    signature: &Signature,
    prefix: &str,
) -> Option<&'h [u8]> {
    let value = one(head, signature.headers.first()?)?;
    let list: Separators = signature.list?;
    let mut found = list.items(value).filter_map(|item| item.strip_prefix(prefix.as_bytes()));
    let only = found.next()?;
    found.next().is_none().then_some(only)
}
