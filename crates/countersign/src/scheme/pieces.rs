//! Parts of the signed content that are made of a request's head.

use super::content::Part;
use super::lists::Separators;
use super::signature::Signature;
use super::texts::Pieces;
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

/// Nor are headers with longer names.
const LONGEST_NAME: usize = 128;

/// Adds one part's bytes; nothing if the request does not have them in good form.
pub(super) fn add_piece(
    part: &Part,
    head: &(impl RequestHead + ?Sized),
    context: &Context<'_>,
    pieces: &mut Pieces<'_>,
) -> Option<()> {
    pieces.add(|out| {
        match part {
            Part::Header(name) => {
                let value = one(head, name)?;
                out.push(value.iter().all(|byte| is_plain(*byte)).then_some(value)?);
            }
            Part::Method => out.push(head.method().as_bytes()),
            Part::Url => {
                out.push(context.public_url.as_bytes());
                out.push(target(head)?.as_bytes());
            }
            // The target begins with `/`, so no escape begins before it.
            Part::UrlDecoded => {
                push_decoded(context.public_url, out);
                push_decoded(target(head)?, out);
            }
            Part::Target => out.push(target(head)?.as_bytes()),
            Part::TargetEncoded => push_encoded(target(head)?, out),
            Part::BodySha256InQuery(name) => {
                let (_, query) = target(head)?.split_once('?')?;
                let mut found =
                    form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
                let (_, value) = found.next()?;
                out.push(found.next().is_none().then_some(value)?.as_bytes());
            }
            Part::NamedHeaders(list) => {
                push_named_headers(head, one(head, list)?, context.time_header, out)?;
            }
            Part::NamesInItem(prefix) => out.push(item(head, context.signature?, prefix)?),
            Part::ValuesOfNamesInItem(prefix) => {
                let names = Names::read(item(head, context.signature?, prefix)?, b' ')?;
                for (name, number) in names.iter().zip(0..) {
                    let value = look_up(head, name)?;
                    // No JSON may be moved into them: the body follows after a dot.
                    if !value.iter().all(|byte| *byte == b' ' || is_plain(*byte)) {
                        return None;
                    }
                    if number > 0 {
                        out.push(b".");
                    }
                    out.push(value);
                }
            }
            Part::Body
            | Part::SortedForm
            | Part::BodySha256
            | Part::Timestamp
            | Part::Id
            | Part::Literal(_) => {}
        }
        Some(())
    })
}

/// A target of characters that RFC 3986 has. No bytes of a JSON body can be moved into it, and none
/// of its own can stand before one.
fn target(head: &(impl RequestHead + ?Sized)) -> Option<&str> {
    let target = head.target();
    let legal =
        target.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}[]<>\"\\^`|".contains(&byte));
    (legal && target.starts_with('/')).then_some(target)
}

/// No bytes of a JSON body can be moved into what has only such characters.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"{}[]<>\"\\".contains(&byte)
}

fn one<'h>(head: &'h (impl RequestHead + ?Sized), name: &str) -> Option<&'h [u8]> {
    match head.lookup(name) {
        Lookup::One(value) => Some(value),
        Lookup::Missing | Lookup::Repeated => None,
    }
}

/// HubSpot decodes these in the URL before it signs.
fn push_decoded(text: &str, out: &mut Pieces<'_>) {
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
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (plain, escaped) = rest.split_at(at);
        out.push(plain.as_bytes());
        let known = ESCAPES
            .iter()
            .find_map(|(escape, character)| Some((escaped.strip_prefix(escape)?, *character)));
        let (after, pushed) = known.unwrap_or((escaped.get(1..).unwrap_or_default(), "%"));
        out.push(pushed.as_bytes());
        rest = after;
    }
    out.push(rest.as_bytes());
}

/// Contentful percent-encodes the query, and then the path and the query together. A query of nothing
/// loses its `?`.
fn push_encoded(target: &str, out: &mut Pieces<'_>) {
    const IN_QUERY: &[u8] = b"-_.!~*'()";
    const IN_TARGET: &[u8] = b"-_.!~*'();/?:@&=+$,#";
    let is_kept = |byte: u8, kept: &[u8]| byte.is_ascii_alphanumeric() || kept.contains(&byte);
    let digit = |number: u8| b"0123456789ABCDEF".get(usize::from(number)).copied().unwrap_or(b'0');
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    for byte in path.bytes() {
        match is_kept(byte, IN_TARGET) {
            true => out.push(&[byte]),
            false => out.push(&[b'%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    if !query.is_empty() {
        out.push(b"?");
    }
    for byte in query.bytes() {
        match is_kept(byte, IN_QUERY) {
            true => out.push(&[byte]),
            // The `%` of the first time is encoded the second time.
            false => out.push(&[b'%', b'2', b'5', digit(byte >> 4), digit(byte & 15)]),
        }
    }
}

/// The names that stand in a list, as they are written there. Each occurs once.
struct Names<'l> {
    names: [&'l [u8]; MOST_NAMES],
    count: usize,
}

impl<'l> Names<'l> {
    fn read(list: &'l [u8], separator: u8) -> Option<Self> {
        let mut read = Self { names: [&[]; MOST_NAMES], count: 0 };
        let names = list.split(|byte| *byte == separator).map(<[u8]>::trim_ascii);
        for name in names.filter(|name| !name.is_empty()) {
            // Each is looked up and copied.
            if name.len() > LONGEST_NAME
                || read.iter().any(|known| known.eq_ignore_ascii_case(name))
            {
                return None;
            }
            *read.names.get_mut(read.count)? = name;
            read.count += 1;
        }
        Some(read)
    }

    fn iter(&self) -> impl Iterator<Item = &'l [u8]> + '_ {
        self.names.iter().take(self.count).copied()
    }

    fn sort(&mut self) {
        let lower = |name: &[u8]| {
            let mut buffer = [0; LONGEST_NAME];
            for (place, byte) in buffer.iter_mut().zip(name) {
                *place = byte.to_ascii_lowercase();
            }
            buffer
        };
        if let Some(names) = self.names.get_mut(..self.count) {
            names.sort_unstable_by_key(|name| lower(name));
        }
    }
}

/// Gives a name in lower case to whoever needs it so.
fn in_lower_case<T>(name: &[u8], with: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let mut buffer = [0; LONGEST_NAME];
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    with(std::str::from_utf8(lower).ok()?)
}

fn look_up<'h>(head: &'h (impl RequestHead + ?Sized), name: &[u8]) -> Option<&'h [u8]> {
    in_lower_case(name, |name| one(head, name))
}

fn push_named_headers(
    head: &(impl RequestHead + ?Sized),
    list: &[u8],
    time_header: Option<&str>,
    out: &mut Pieces<'_>,
) -> Option<()> {
    let mut names = Names::read(list, b',')?;
    names.sort();
    // What is not named is not signed.
    if let Some(time) = time_header
        && !names.iter().any(|name| name.eq_ignore_ascii_case(time.as_bytes()))
    {
        return None;
    }
    for (name, number) in names.iter().zip(0..) {
        if number > 0 {
            out.push(b";");
        }
        in_lower_case(name, |name| {
            out.push(name.as_bytes());
            Some(())
        })?;
        out.push(b":");
        out.push(look_up(head, name)?.trim_ascii());
    }
    Some(())
}

/// What follows the prefix in the only item of the signature header that has it.
fn item<'h>(
    head: &'h (impl RequestHead + ?Sized),
    signature: &Signature,
    prefix: &str,
) -> Option<&'h [u8]> {
    let value = one(head, signature.headers.first()?.as_str())?;
    let list: Separators = signature.list?;
    let mut found = list.items(value).filter_map(|item| item.strip_prefix(prefix.as_bytes()));
    let only = found.next()?;
    found.next().is_none().then_some(only)
}
