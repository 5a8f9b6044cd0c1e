//! Hex and base64, strict: what a provider would not have written does not decode.

/// How a signature is written in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Two hex digits a byte, upper or lower case.
    Hex,
    /// The standard alphabet (RFC 4648 §4), padded, no stray bits.
    Base64,
}

impl Encoding {
    /// Decodes exactly 32 bytes, or nothing.
    pub(crate) fn decode_32(self, text: &[u8]) -> Option<[u8; 32]> {
        match self {
            Self::Hex => decode_hex_32(text),
            Self::Base64 => decode_base64_32(text),
        }
    }
}

/// Marks a byte that is not a digit of the alphabet.
const NOT_A_DIGIT: u8 = 0xff;

const BASE64_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const BASE64: [u8; 256] = {
    let mut table = [NOT_A_DIGIT; 256];
    let mut value = 0;
    while value < 64 {
        table[BASE64_ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    table
};

fn digit(table: &[u8; 256], byte: u8) -> u8 {
    table.get(usize::from(byte)).copied().unwrap_or(NOT_A_DIGIT)
}

/// Without tables and branches, so that the compiler can take many digits at a time.
fn decode_hex_32(text: &[u8]) -> Option<[u8; 32]> {
    let text: &[u8; 64] = text.try_into().ok()?;
    let mut wrong = 0;
    let digits = text.map(|character| {
        let number = character.wrapping_sub(b'0');
        let letter = (character | 0x20).wrapping_sub(b'a');
        let (is_number, is_letter) = (number < 10, letter < 6);
        wrong |= u8::from(!(is_number | is_letter));
        if is_number { number } else { letter.wrapping_add(10) }
    });
    let mut out = [0; 32];
    for (byte, [high, low]) in out.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = high << 4 | low & 0x0f;
    }
    (wrong == 0).then_some(out)
}

fn decode_base64_32(text: &[u8]) -> Option<[u8; 32]> {
    let text: &[u8; 44] = text.try_into().ok()?;
    let mut out = [0; 32];
    let mut writer = out.iter_mut();
    decode_base64_with(text, Padding::Required, |byte| {
        if let Some(slot) = writer.next() {
            *slot = byte;
        }
    })
    .then_some(())?;
    // 44 characters are 32 bytes only with exactly one `=`.
    (writer.next().is_none() && text.ends_with(b"=") && !text.ends_with(b"==")).then_some(out)
}

/// Whether base64 must carry its `=` signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    Required,
    Optional,
}

/// Decodes standard base64 byte by byte into `sink`; false if the text is not base64.
///
/// What `sink` got before a `false` is to be thrown away.
pub(crate) fn decode_base64_with(text: &[u8], padding: Padding, mut sink: impl FnMut(u8)) -> bool {
    let digits = match text {
        [rest @ .., b'=', b'='] | [rest @ .., b'='] if text.len().is_multiple_of(4) => rest,
        _ if text.len().is_multiple_of(4) || padding == Padding::Optional => text,
        _ => return false,
    };
    let (quads, tail) = digits.as_chunks::<4>();
    for quad in quads {
        let [a, b, c, d] = quad.map(|character| digit(&BASE64, character));
        if a | b | c | d >= 64 {
            return false;
        }
        sink(a << 2 | b >> 4);
        sink(b << 4 | c >> 2);
        sink(c << 6 | d);
    }
    match *tail {
        [] => true,
        [a, b] => {
            let (a, b) = (digit(&BASE64, a), digit(&BASE64, b));
            sink(a << 2 | b >> 4);
            a | b < 64 && b & 0x0f == 0
        }
        [a, b, c] => {
            let [a, b, c] = [a, b, c].map(|character| digit(&BASE64, character));
            sink(a << 2 | b >> 4);
            sink(b << 4 | c >> 2);
            a | b | c < 64 && c & 0x03 == 0
        }
        _ => false,
    }
}

/// Decodes standard base64 with or without its padding.
pub(crate) fn decode_base64(text: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let mut out = zeroize::Zeroizing::new(Vec::with_capacity(text.len()));
    decode_base64_with(text, Padding::Optional, |byte| out.push(byte)).then_some(out)
}

/// Writes bytes as lower-case hex.
pub(crate) fn write_hex(bytes: &[u8], out: &mut impl std::fmt::Write) -> std::fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// Encodes bytes as padded standard base64.
#[cfg(feature = "testing")]
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let value = (group >> (18 - 6 * place)) as usize & 63;
            let character = BASE64_ALPHABET.get(value).copied().unwrap_or(b'=');
            out.push(if place <= chunk.len() { char::from(character) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_64_digits_and_nothing_else() {
        let text = "00ff".repeat(16);
        let bytes = decode_hex_32(text.as_bytes()).unwrap();
        assert_eq!(bytes[..4], [0, 0xff, 0, 0xff]);
        assert_eq!(decode_hex_32(text.to_uppercase().as_bytes()), Some(bytes));
        // `from_str_radix` takes a sign; this must not.
        for bad in ["+f", " f", "0x", "g0", "0g", "é", "\u{0}0"] {
            let mut text = text.clone().into_bytes();
            text.splice(..2, bad.bytes().take(2));
            assert_eq!(decode_hex_32(&text), None, "{bad}");
        }
        assert_eq!(decode_hex_32(&text.as_bytes()[1..]), None);
        assert_eq!(decode_hex_32(b""), None);
    }

    #[test]
    fn base64_is_padded_and_has_no_stray_bits() {
        // RFC 4648 §10.
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(**decode_base64(text.as_bytes()).unwrap(), *bytes.as_bytes());
            assert_eq!(
                **decode_base64(text.trim_end_matches('=').as_bytes()).unwrap(),
                *bytes.as_bytes()
            );
        }
        for bad in ["Zg=", "Z", "Zg===", "Zh==", "Zm9=", "Zm-v", "Zm v", "=", "====", "Zg==Zg=="] {
            assert_eq!(decode_base64(bad.as_bytes()), None, "{bad}");
        }
        let text = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert_eq!(decode_base64_32(text.as_bytes()), Some([0; 32]));
        assert_eq!(decode_base64_32(text.replace("A=", "==").as_bytes()), None);
        assert_eq!(decode_base64_32(text.replace("A=", "B=").as_bytes()), None);
        assert_eq!(decode_base64_32(text.replace('=', "A").as_bytes()), None);
    }
}
