//! What a request's head says about itself, for the span of its delivery. Nothing of it is proven.

use crate::request_head::{Lookup, RequestHead};

/// The method, the path and the sender's trace, as far as they are short.
pub(crate) struct Sent {
    pub(super) method: Box<str>,
    pub(super) path: Box<str>,
    /// W3C's `traceparent`, where it has that form.
    pub(super) traceparent: Option<Box<str>>,
}

/// How much of a path is kept.
const LONGEST_PATH: usize = 256;

/// How much of a method, which may be anything.
const LONGEST_METHOD: usize = 32;

impl Sent {
    /// The query is left out: it may hold a token. Not a part of what every delivery runs through.
    #[inline(never)]
    pub(super) fn of(head: &(impl RequestHead + ?Sized)) -> Self {
        let target = head.target();
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let traceparent = match head.lookup("traceparent") {
            Lookup::One(value) => traceparent(value).map(Into::into),
            Lookup::Missing | Lookup::Repeated => None,
        };
        let method = beginning(head.method(), LONGEST_METHOD).into();
        Self { method, path: beginning(path, LONGEST_PATH).into(), traceparent }
    }
}

/// At most so many bytes of it.
pub(super) fn beginning(text: &str, most: usize) -> &str {
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    let end = ends.take_while(|end| *end <= most).last().unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// The four parts that version 00 has, of a value of this or a later version:
/// <https://www.w3.org/TR/trace-context/#traceparent-header>.
fn traceparent(value: &[u8]) -> Option<&str> {
    let (known, rest) = value.split_at_checked(55)?;
    let known = std::str::from_utf8(known).ok()?;
    let mut parts = known.split('-');
    let [version, trace, parent, flags] =
        [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let is_hex = |part: &str, length: usize| {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        part.len() == length && part.bytes().all(digit)
    };
    let is_id = |part: &str, length| is_hex(part, length) && part.bytes().any(|byte| byte != b'0');
    let well_formed = is_hex(version, 2) && is_id(trace, 32) && is_id(parent, 16);
    let ends = match version {
        "00" => rest.is_empty(),
        "ff" => false,
        _ => rest.first().is_none_or(|byte| *byte == b'-'),
    };
    (well_formed && is_hex(flags, 2) && ends && parts.next().is_none()).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_the_form_of_w3c_is_kept() {
        assert_eq!(traceparent(GOOD.as_bytes()), Some(GOOD));
        let later = GOOD.replace("00-0", "cc-0") + "-what-comes-later";
        assert_eq!(traceparent(later.as_bytes()), Some(&later[..55]));
        for bad in [
            String::new(),
            GOOD.to_uppercase(),
            GOOD.replace("00-0", "ff-0"),
            format!("{GOOD}-more"),
            format!("{GOOD} "),
            GOOD.replace("b7ad6b7169203331", "0000000000000000"),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace('-', "_"),
            GOOD.replace("0af7", "0a\u{e9}"),
            "x".repeat(100_000),
        ] {
            assert_eq!(traceparent(bad.as_bytes()), None, "{bad:.60}");
        }
    }

    #[test]
    fn a_long_path_is_cut_between_characters() {
        assert_eq!(beginning("/a\u{e9}", 3), "/a");
        assert_eq!(beginning("/a", 300), "/a");
    }
}
