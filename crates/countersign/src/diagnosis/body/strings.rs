//! How the characters of JSON strings are spelled.

/// A character in a string.
enum Piece<'t> {
    Plain(char),
    /// With its backslash, and what it stands for.
    Escaped(&'t str, char),
}

/// A spelling to try.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    /// Characters outside of ASCII as `\uXXXX`, with upper-case digits or not.
    Escape { upper: bool },
    /// The reverse.
    Unescape,
    /// The digits of all escapes in this case.
    Digits { upper: bool },
    /// These characters of ASCII as `\u00XX`.
    EscapeAscii { of: &'static str, upper: bool },
    /// The reverse, for all of ASCII.
    UnescapeAscii,
    /// `/` as `\/`.
    EscapeSlash,
    /// The reverse.
    UnescapeSlash,
}

/// The text with its strings spelled so; nothing if it is no different.
pub(super) fn respelled(text: &str, spelling: Spelling) -> Option<String> {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    let mut inside = false;
    while let Some(character) = rest.chars().next() {
        if character == '"' {
            inside = !inside;
        }
        if !inside || character == '"' {
            out.push(character);
            rest = rest.get(character.len_utf8()..)?;
            continue;
        }
        let (piece, after) = piece(rest)?;
        spell(piece, spelling, &mut out);
        rest = after;
    }
    (!inside && out != text).then_some(out)
}

fn piece(rest: &str) -> Option<(Piece<'_>, &str)> {
    let mut characters = rest.chars();
    let first = characters.next()?;
    if first != '\\' {
        return Some((Piece::Plain(first), characters.as_str()));
    }
    let second = characters.next()?;
    let (length, means) = match second {
        'u' => {
            let unit = |at: usize| u16::from_str_radix(rest.get(at..at + 4)?, 16).ok();
            let high = unit(2)?;
            let pair = rest.get(6..8).filter(|next| *next == "\\u").and_then(|_| unit(8));
            let both = pair.and_then(|low| {
                let mut read = char::decode_utf16([high, low]);
                Some(read.next()?.ok()?).filter(|_| read.next().is_none())
            });
            match both {
                Some(character) => (12, character),
                // Half of a pair stays as it is.
                None => (6, char::from_u32(high.into()).unwrap_or('\0')),
            }
        }
        'n' => (2, '\n'),
        'r' => (2, '\r'),
        't' => (2, '\t'),
        'b' => (2, '\u{8}'),
        'f' => (2, '\u{c}'),
        other => (1 + other.len_utf8(), other),
    };
    Some((Piece::Escaped(rest.get(..length)?, means), rest.get(length..)?))
}

fn spell(piece: Piece<'_>, spelling: Spelling, out: &mut String) {
    match (piece, spelling) {
        (Piece::Plain(character), Spelling::Escape { upper }) if !character.is_ascii() => {
            escape(character, upper, out);
        }
        (Piece::Plain(character), Spelling::EscapeAscii { of, upper })
            if of.contains(character) =>
        {
            escape(character, upper, out);
        }
        // A quote stands in a string only with its backslash.
        (Piece::Escaped("\\\"", _), Spelling::EscapeAscii { of, upper }) if of.contains('"') => {
            escape('"', upper, out);
        }
        (Piece::Plain('/'), Spelling::EscapeSlash) => out.push_str("\\/"),
        (Piece::Plain(character), _) => out.push(character),
        (Piece::Escaped("\\/", _), Spelling::UnescapeSlash) => out.push('/'),
        (Piece::Escaped(raw, means), Spelling::Unescape)
            if is_numbered(raw) && !means.is_ascii() =>
        {
            out.push(means);
        }
        (Piece::Escaped(raw, means), Spelling::UnescapeAscii)
            if is_numbered(raw) && means.is_ascii_graphic() =>
        {
            if matches!(means, '"' | '\\') {
                out.push('\\');
            }
            out.push(means);
        }
        (Piece::Escaped(raw, means), Spelling::Digits { upper })
            if is_numbered(raw) && means != '\0' =>
        {
            escape(means, upper, out);
        }
        (Piece::Escaped(raw, _), _) => out.push_str(raw),
    }
}

fn is_numbered(raw: &str) -> bool {
    raw.starts_with("\\u")
}

fn escape(character: char, upper: bool, out: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        match upper {
            true => out.push_str(&format!("\\u{unit:04X}")),
            false => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
}
