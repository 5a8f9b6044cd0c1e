//! Hex and base64, strict: what a provider would not have written does not decode.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// How a signature is written in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Two hex digits a byte, upper or lower case.
    Hex,
    /// The same in lower case only.
    LowerHex,
    /// The standard alphabet (RFC 4648 §4), padded, no stray bits.
    Base64,
    /// The alphabet for URLs and file names (RFC 4648 §5), with or without padding.
    Base64Url,
}

const PADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new());
const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const UNPADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, NO_PADDING);
const NO_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone);
const FOR_URLS: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, ANY_PADDING.with_encode_padding(false));

/// More than any MAC or signature of one length has.
const LONGEST: usize = 64;

impl Encoding {
    /// Decodes exactly so many bytes, or nothing.
    #[inline]
    pub(crate) fn decode<const LENGTH: usize>(self, text: &[u8]) -> Option<[u8; LENGTH]> {
        match self {
            Self::Hex => decode_hex(text),
            Self::LowerHex => decode_hex(text).filter(|_| !text.iter().any(u8::is_ascii_uppercase)),
            Self::Base64 => decode_base64_exactly(&PADDED, text),
            Self::Base64Url => decode_base64_exactly(&FOR_URLS, text),
        }
    }

    /// Decodes what has no fixed length.
    #[cfg(feature = "p256")]
    pub(crate) fn decode_any(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Hex | Self::LowerHex => decode_hex_any(text).map(|bytes| bytes.to_vec()),
            Self::Base64 => PADDED.decode(text).ok(),
            Self::Base64Url => FOR_URLS.decode(text).ok(),
        }
    }

    /// Encodes as the provider would.
    #[cfg(feature = "signing")]
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex | Self::LowerHex => {
                let mut text = String::new();
                let _ = write_hex(bytes, &mut text);
                text
            }
            Self::Base64 => PADDED.encode(bytes),
            Self::Base64Url => FOR_URLS.encode(bytes),
        }
    }
}

/// Without tables and branches, so that the compiler can take many digits at a time.
#[inline]
fn decode_hex<const LENGTH: usize>(text: &[u8]) -> Option<[u8; LENGTH]> {
    if text.len() != 2 * LENGTH {
        return None;
    }
    let (mut digits, mut wrong) = ([[0; 2]; LENGTH], 0);
    for (digit, character) in digits.as_flattened_mut().iter_mut().zip(text) {
        let number = character.wrapping_sub(b'0');
        let letter = (character | 0x20).wrapping_sub(b'a');
        let (is_number, is_letter) = (number < 10, letter < 6);
        wrong |= u8::from(!(is_number | is_letter));
        *digit = if is_number { number } else { letter.wrapping_add(10) };
    }
    let mut out = [0; LENGTH];
    for (byte, [high, low]) in out.iter_mut().zip(digits) {
        *byte = high << 4 | low & 0x0f;
    }
    (wrong == 0).then_some(out)
}

/// Decodes hex of any length.
pub(crate) fn decode_hex_any(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, rest) = text.as_chunks::<2>();
    let mut out = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for pair in pairs {
        let [byte] = decode_hex(pair)?;
        out.push(byte);
    }
    rest.is_empty().then_some(out)
}

fn decode_base64_exactly<const LENGTH: usize>(
    engine: &GeneralPurpose,
    text: &[u8],
) -> Option<[u8; LENGTH]> {
    // The crate needs room for the longest that a text of this length may decode to.
    let mut buffer = [0; LONGEST + 8];
    if text.len() > buffer.len() / 3 * 4 {
        return None;
    }
    let length = engine.decode_slice(text, &mut buffer).ok()?;
    buffer.get(..length)?.try_into().ok()
}

/// Decodes standard base64 with or without its padding.
pub(crate) fn decode_base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let engine = if text.contains(&b'=') { PADDED } else { UNPADDED };
    engine.decode(text).ok().map(Zeroizing::new)
}

/// Decodes standard base64 that has its padding, piece by piece into `sink`, without allocating; false
/// if the text is not base64. What `sink` got before a `false` is to be thrown away.
pub(crate) fn decode_padded_base64_with(text: &[u8], mut sink: impl FnMut(&[u8])) -> bool {
    let mut buffer = Zeroizing::new([0; LONGEST + 8]);
    let mut pieces = text.chunks(LONGEST).peekable();
    while let Some(piece) = pieces.next() {
        // Padding stands at the end.
        if pieces.peek().is_some() && piece.contains(&b'=') {
            return false;
        }
        match PADDED.decode_slice(piece, &mut *buffer) {
            Ok(length) => sink(buffer.get(..length).unwrap_or_default()),
            Err(_) => return false,
        }
    }
    true
}

/// Decodes the alphabet for URLs, with or without padding.
pub(crate) fn decode_base64url(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    FOR_URLS.decode(text).ok().map(Zeroizing::new)
}

/// Writes bytes as lower-case hex.
pub(crate) fn write_hex(bytes: &[u8], out: &mut impl std::fmt::Write) -> std::fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    let _ = write_hex(bytes, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_64_digits_and_nothing_else() {
        let text = "00ff".repeat(16);
        let bytes: [u8; 32] = decode_hex(text.as_bytes()).unwrap();
        assert_eq!(bytes[..4], [0, 0xff, 0, 0xff]);
        assert_eq!(decode_hex(text.to_uppercase().as_bytes()), Some(bytes));
        assert_eq!(Encoding::LowerHex.decode(text.as_bytes()), Some(bytes));
        assert_eq!(Encoding::LowerHex.decode::<32>(text.to_uppercase().as_bytes()), None);
        // `from_str_radix` takes a sign; this must not.
        for bad in ["+f", " f", "0x", "g0", "0g", "é", "\u{0}0"] {
            let mut text = text.clone().into_bytes();
            text.splice(..2, bad.bytes().take(2));
            assert_eq!(decode_hex::<32>(&text), None, "{bad}");
        }
        assert_eq!(decode_hex::<32>(&text.as_bytes()[1..]), None);
        assert_eq!(decode_hex::<32>(b""), None);
        assert_eq!(decode_hex_any(b"00fF").unwrap()[..], [0, 0xff]);
        assert_eq!(decode_hex_any(b"00f"), None);
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
            let unpadded = text.trim_end_matches('=').as_bytes();
            assert_eq!(**decode_base64(unpadded).unwrap(), *bytes.as_bytes());
            let mut decoded = Vec::new();
            let padded = |text, decoded: &mut Vec<u8>| {
                decode_padded_base64_with(text, |piece| decoded.extend_from_slice(piece))
            };
            assert!(padded(text.as_bytes(), &mut decoded));
            assert_eq!(decoded, bytes.as_bytes());
            assert_eq!(padded(unpadded, &mut Vec::new()), unpadded.len() == text.len());
        }
        for bad in ["Zg=", "Z", "Zg===", "Zh==", "Zm9=", "Zm-v", "Zm v", "=", "====", "Zg==Zg=="] {
            assert_eq!(decode_base64(bad.as_bytes()), None, "{bad}");
        }
        let long = "Zm9v".repeat(40);
        let mut decoded = Vec::new();
        assert!(
            decode_padded_base64_with(long.as_bytes(), |piece| decoded.extend_from_slice(piece))
        );
        assert_eq!(decoded, "foo".repeat(40).as_bytes());
        let padded_inside = format!("{}Zg=={}", "Zm9v".repeat(15), "Zm9v");
        assert!(!decode_padded_base64_with(padded_inside.as_bytes(), |_| {}));
        let decode = |text: &str| Encoding::Base64.decode::<32>(text.as_bytes());
        let text = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert_eq!(decode(text), Some([0; 32]));
        assert_eq!(decode(&text.replace("A=", "==")), None);
        assert_eq!(decode(&text.replace("A=", "B=")), None);
        assert_eq!(decode(&text.replace('=', "A")), None);
        assert_eq!(decode(&"A".repeat(43)), None);
        assert_eq!(decode(&"A".repeat(4_000)), None);
        assert_eq!(Encoding::Base64Url.decode::<32>(&[b'_'; 42]), None);
        assert_eq!(Encoding::Base64Url.decode::<3>(b"-_-_"), Some([0xfb, 0xff, 0xbf]));
        assert_eq!(Encoding::Base64Url.decode::<1>(b"-w"), Some([0xfb]));
    }
}
