//! What a string of JSON means.

use std::borrow::Cow;

/// What is between the quotes of a string whose form is good.
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    /// Whether some of it was not Unicode, and is U+FFFD now: bytes that are not UTF-8, or half of a
    /// surrogate pair. JavaScript writes such a half (`\ud83d`) when it cuts a string inside an
    /// emoji, say to shorten a commit message.
    pub(super) is_mended: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(raw: &'a [u8], escaped: bool) -> Self {
        if !escaped {
            // Almost always sound, which is quicker to see than to mend.
            let text = match std::str::from_utf8(raw) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(raw),
            };
            // It is copied only to be changed.
            return Self { is_mended: matches!(text, Cow::Owned(_)), text };
        }
        let (bytes, mut is_mended) = unescaped(raw);
        let text = String::from_utf8(bytes).unwrap_or_else(|error| {
            is_mended = true;
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        Self { text: Cow::Owned(text), is_mended }
    }
}

/// Without escapes; tells whether there was half of a surrogate pair.
fn unescaped(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let (mut out, mut is_mended) = (Vec::with_capacity(rest.len()), false);
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let (character, length) = character(escape).unwrap_or_else(|length| {
            is_mended = true;
            (char::REPLACEMENT_CHARACTER, length)
        });
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    (out, is_mended)
}

/// The character that is escaped at the start, and the escape's length; the length alone if it is
/// half a character.
fn character(escape: &[u8]) -> Result<(char, usize), usize> {
    let simple = |character| Ok((character, 2));
    match escape.get(1) {
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(b'u') => {
            let second = escape.get(6..).and_then(unit);
            let units = [unit(escape).unwrap_or_default(), second.unwrap_or_default()];
            match char::decode_utf16(units).next() {
                Some(Ok(character)) => Ok((character, 6 * character.len_utf16())),
                _ => Err(6),
            }
        }
        other => simple(char::from(other.copied().unwrap_or(b'\\'))),
    }
}

/// The UTF-16 unit that is escaped at the start of this text.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn only_what_is_no_unicode_is_mended() {
        for (raw, text) in [
            (r"\ud83d\ude00", "\u{1f600}"),
            (r"\\ud83d", r"\ud83d"),
            (r#"\u00e9\n\"\/\b\f\r\t"#, "é\n\"/\u{8}\u{c}\r\t"),
            ("é", "é"),
            ("", ""),
        ] {
            let read = Text::new(raw.as_bytes(), raw.contains('\\'));
            assert_eq!((&*read.text, read.is_mended), (text, false), "{raw}");
        }
        for (raw, text) in [
            (&br"\ud83d"[..], "\u{fffd}"),
            (br"\ude00\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (br"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (br"\\\ud83d", "\\\u{fffd}"),
            (br"\ud83dx", "\u{fffd}x"),
            (b"a\xff", "a\u{fffd}"),
            (b"\\n\xff", "\n\u{fffd}"),
        ] {
            let read = Text::new(raw, raw.contains(&b'\\'));
            assert_eq!((&*read.text, read.is_mended), (text, true), "{raw:?}");
        }
    }
}
