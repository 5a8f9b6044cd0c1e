//! Strings that were cut inside a character.

/// The body with U+FFFD for every half of a surrogate pair, if it has any.
///
/// JavaScript writes such a half as an escape (`\\ud83d`) when it cuts a string inside an emoji,
/// say to shorten a commit message. serde_json refuses it, and the event would be lost.
pub(super) fn mended(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let (mut rest, mut changed) = (body, false);
    while let Some(first) = rest.first() {
        let (length, lone) = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            // The character after a backslash is part of the escape, above all another backslash.
            _ if *first == b'\\' => (2, false),
            _ => (1, false),
        };
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        out.extend_from_slice(if lone { b"\\ufffd" } else { piece });
        changed |= lone;
        rest = after;
    }
    changed.then_some(out)
}

/// The UTF-16 unit that is escaped at the start of this text.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    let hex = digits.iter().all(u8::is_ascii_hexdigit);
    hex.then(|| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn only_halves_are_mended() {
        for whole in
            [r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\\ud83d"}"#, r#"{"a":"\u00e9\n"}"#, "\\", ""]
        {
            assert_eq!(mended(whole.as_bytes()), None, "{whole}");
        }
        for (cut, whole) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ude00\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
        ] {
            assert_eq!(mended(cut.as_bytes()).as_deref(), Some(whole.as_bytes()), "{cut}");
        }
    }
}
