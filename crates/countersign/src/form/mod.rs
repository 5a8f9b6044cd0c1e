//! Forms (`application/x-www-form-urlencoded`), read as the URL standard says.

mod de;

use std::borrow::Cow;

pub(crate) use de::read_own;

/// The fields of a form as they were sent, each with its name and its value decoded. They may be any
/// bytes.
pub(crate) fn fields(body: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    let fields = body.split(|byte| *byte == b'&').filter(|field| !field.is_empty());
    fields.map(|field| {
        let mut parts = field.splitn(2, |byte| *byte == b'=');
        let mut part = || decoded(parts.next().unwrap_or_default());
        (part(), part())
    })
}

/// Without escapes: a plus is a space, and a percent sign that no two hex digits follow is itself.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.split_first_chunk().filter(|_| *first == b'%');
        let escaped = escaped.and_then(|(digits, after)| Some((byte(*digits)?, after)));
        let (byte, after) = match escaped {
            Some(escaped) => escaped,
            None if *first == b'+' => (b' ', after),
            None => (*first, after),
        };
        out.push(byte);
        rest = after;
    }
    Cow::Owned(out)
}

/// What two hex digits say.
fn byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_what_the_url_standard_says() {
        let pieces = ["a", "=", "&", "%", "4", "1", "+", "%41", "%c3%A9", "%ff", "é", " "];
        let mut bodies = vec![String::new()];
        for _ in 0..4 {
            bodies = bodies
                .iter()
                .flat_map(|body| pieces.iter().map(move |piece| format!("{body}{piece}")))
                .collect();
            for body in &bodies {
                let lossy = |text: Cow<'_, [u8]>| String::from_utf8_lossy(&text).into_owned();
                let read = fields(body.as_bytes()).map(|(name, value)| (lossy(name), lossy(value)));
                let standard = form_urlencoded::parse(body.as_bytes()).into_owned();
                assert!(read.eq(standard), "{body}");
            }
        }
    }
}
