//! A parameter of a request's query.

/// The value of the only parameter of this name, decoded. Nothing if there is none or several, if it
/// has a broken escape, or if it is longer than `longest` bytes.
pub(super) fn parameter(target: &str, name: &str, longest: usize) -> Option<Vec<u8>> {
    let (_, query) = target.split_once('?')?;
    let mut values = query.split('&').filter_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (found == name).then_some(value)
    });
    match (values.next(), values.next()) {
        // An escape is three characters.
        (Some(value), None) if value.len() <= longest.saturating_mul(3) => {
            decoded(value.as_bytes()).filter(|value| value.len() <= longest)
        }
        _ => None,
    }
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        out.push(match first {
            b'+' => b' ',
            b'%' => {
                let ([high, low], others) = rest.split_first_chunk()?;
                rest = others;
                digit(*high)? << 4 | digit(*low)?
            }
            other => *other,
        });
    }
    Some(out)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn a_parameter_is_there_once_and_whole() {
        let find = |target, longest| parameter(target, "a", longest);
        for (target, value) in [
            ("/?a=1", "1"),
            ("/x?b=2&a=1", "1"),
            ("/?a=%3Cx%3e", "<x>"),
            ("/?a=x+y", "x y"),
            ("/?a", ""),
            ("/?a=b=c", "b=c"),
            ("/?aa=2&a=?", "?"),
        ] {
            assert_eq!(find(target, 9).as_deref(), Some(value.as_bytes()), "{target}");
        }
        for target in ["/", "/a=1", "/?b=1", "/?a=1&a=1", "/?a=%", "/?a=%4", "/?a=%+f", "/?a=%zz"] {
            assert_eq!(find(target, 9), None, "{target}");
        }
        assert_eq!(find("/?a=1234", 3), None);
        assert_eq!(find("/?a=%31%32%33", 3).as_deref(), Some(&b"123"[..]));
    }
}
