//! MACs that are compared as they are written.
//!
//! Where a delivery shows many, decoding each would cost more than the one MAC that is computed.
//! Writing that one as text costs once.

use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::mac::words;
use crate::encoding::Encoding;

/// A shown MAC of so many bytes as text, filled up with zeros. `ROOM` is what its hex needs, in bytes
/// and in `WORDS`. A text that is no hex or base64 at all may be read: it equals no MAC.
#[inline]
pub(super) fn read<const BYTES: usize, const ROOM: usize, const WORDS: usize>(
    encoding: Encoding,
    text: &[u8],
) -> Option<[u64; WORDS]> {
    if let Encoding::Hex | Encoding::LowerHex = encoding {
        return text.try_into().ok().map(|text: &[u8; ROOM]| words(text));
    }
    let mut room = [0; ROOM];
    let (digits, padding) = text.split_at_checked(base64_digits::<BYTES>())?;
    let whole = base64_padding::<BYTES>();
    let is_padded =
        padding.len() == whole || encoding == Encoding::Base64Url && padding.len() < whole;
    if !is_padded || padding.iter().any(|byte| *byte != b'=') {
        return None;
    }
    room.get_mut(..digits.len())?.copy_from_slice(digits);
    Some(words(&room))
}

/// How long such texts are, if all are equally long.
pub(super) fn length<const BYTES: usize>(encoding: Encoding) -> Option<usize> {
    match encoding {
        Encoding::Hex | Encoding::LowerHex => Some(2 * BYTES),
        Encoding::Base64 => Some(base64_digits::<BYTES>() + base64_padding::<BYTES>()),
        // Padding is optional.
        Encoding::Base64Url => None,
    }
}

/// Whether one of the texts, of several headers, is this MAC, in a time that depends on the texts alone.
pub(super) fn any_is<'t, const BYTES: usize, const ROOM: usize, const WORDS: usize>(
    encoding: Encoding,
    headers: impl Iterator<Item: Iterator<Item = &'t [u8]>>,
    mac: &[u8; BYTES],
) -> Choice {
    let expected = Expected::<WORDS>::new::<BYTES, ROOM>(encoding, mac);
    let mut any = Choice::from(0);
    for texts in headers {
        for text in texts {
            if let Some(text) = read::<BYTES, ROOM, WORDS>(encoding, text) {
                any |= expected.is(&text);
            }
        }
    }
    any
}

/// How many digits such a MAC has in base64.
const fn base64_digits<const BYTES: usize>() -> usize {
    (4 * BYTES).div_ceil(3)
}

/// How much padding makes whole groups of four of them.
const fn base64_padding<const BYTES: usize>() -> usize {
    base64_digits::<BYTES>().next_multiple_of(4) - base64_digits::<BYTES>()
}

/// How a MAC is written, and which bits of that count. Both are made without branches and tables, for
/// nobody may learn a MAC from the time that this takes.
struct Expected<const WORDS: usize> {
    text: Zeroizing<[u64; WORDS]>,
    counts: Zeroizing<[u64; WORDS]>,
}

impl<const WORDS: usize> Expected<WORDS> {
    fn new<const BYTES: usize, const ROOM: usize>(encoding: Encoding, mac: &[u8; BYTES]) -> Self {
        let (mut text, mut counts) = (Zeroizing::new([0; ROOM]), Zeroizing::new([0xff; ROOM]));
        match encoding {
            Encoding::Hex | Encoding::LowerHex => {
                // Where either case will do, the bit does not count that makes a letter small.
                let either = if encoding == Encoding::Hex { 0x20 } else { 0 };
                let nibbles = mac.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
                for ((digit, counts), nibble) in text.iter_mut().zip(&mut *counts).zip(nibbles) {
                    let letter = above(nibble, 9);
                    *digit = b'0' + nibble + (letter & (b'a' - b'0' - 10));
                    *counts = !(letter & either);
                }
            }
            // Padding is not kept.
            Encoding::Base64 => write_base64(mac, *b"+/", &mut *text),
            Encoding::Base64Url => write_base64(mac, *b"-_", &mut *text),
        }
        Self { text: Zeroizing::new(words(&text)), counts: Zeroizing::new(words(&counts)) }
    }

    #[inline]
    fn is(&self, shown: &[u64; WORDS]) -> Choice {
        let expected = self.text.iter().zip(&*self.counts);
        let difference = |all, (shown, (text, counts))| all | ((shown ^ text) & counts);
        shown.iter().zip(expected).fold(0, difference).ct_eq(&0)
    }
}

/// Writes base64 without padding. `last` are the digits for 62 and 63.
fn write_base64(bytes: &[u8], last: [u8; 2], out: &mut [u8]) {
    let digit = |sextet: u8| {
        let [plus, slash] = last;
        // Each step replaces the digit of the range below.
        let steps = [(25, b'a', 26), (51, b'0', 52), (61, plus, 62), (62, slash, 63)];
        let shift = steps.into_iter().fold(b'A', |shift, (limit, digit, number): (u8, u8, u8)| {
            let is_above = above(sextet, limit);
            (shift & !is_above) | (digit.wrapping_sub(number) & is_above)
        });
        sextet.wrapping_add(shift)
    };
    for (group, digits) in bytes.chunks(3).zip(out.chunks_mut(4)) {
        let mut whole = [0; 4];
        whole.iter_mut().skip(1).zip(group).for_each(|(place, byte)| *place = *byte);
        let bits = u32::from_be_bytes(whole);
        for (place, at) in digits.iter_mut().zip([18, 12, 6, 0]).take(group.len() + 1) {
            *place = digit((bits >> at) as u8 & 0x3f);
        }
    }
}

/// All ones if the number, which is below 128, is above the limit; otherwise zero.
fn above(number: u8, limit: u8) -> u8 {
    (limit.wrapping_sub(number) as i8 >> 7) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODINGS: [Encoding; 4] =
        [Encoding::Hex, Encoding::LowerHex, Encoding::Base64, Encoding::Base64Url];

    /// Many digits in many places, and each text with every byte changed in several ways.
    fn compares_as_decoding_does<const BYTES: usize, const ROOM: usize, const WORDS: usize>() {
        let macs = [0_u8, 85, 170].map(|start| {
            std::array::from_fn::<u8, BYTES, _>(|at| {
                start.wrapping_add((at as u8).wrapping_mul(37))
            })
        });
        for mac in macs {
            for encoding in ENCODINGS {
                let text = encoding.encode(&mac);
                let agree = |text: &[u8]| {
                    let decoded = encoding.decode::<BYTES>(text) == Some(mac);
                    let texts = std::iter::once(std::iter::once(text));
                    let same: bool = any_is::<BYTES, ROOM, WORDS>(encoding, texts, &mac).into();
                    assert_eq!(same, decoded, "{encoding:?} {:?}", String::from_utf8_lossy(text));
                    same
                };
                assert!(agree(text.as_bytes()));
                let upper = text.to_ascii_uppercase();
                assert_eq!(agree(upper.as_bytes()), upper == text || encoding == Encoding::Hex);
                for end in ["=", "==", "===", "A", "0", " "] {
                    agree(format!("{text}{end}").as_bytes());
                    agree(format!("{}{end}", text.trim_end_matches('=')).as_bytes());
                    agree(&text.as_bytes()[1..]);
                    agree(&text.as_bytes()[..text.len() - 1]);
                }
                for place in 0..text.len() {
                    for change in [1, 16, 32, 64, 128] {
                        let mut other = text.clone().into_bytes();
                        other[place] ^= change;
                        agree(&other);
                    }
                }
            }
        }
    }

    #[test]
    fn texts_are_compared_as_what_they_decode_to() {
        compares_as_decoding_does::<20, 40, 5>();
        compares_as_decoding_does::<32, 64, 8>();
        compares_as_decoding_does::<64, 128, 16>();
    }

    #[test]
    fn one_of_many_is_found_wherever_it_is() {
        let (mac, other) = ([7; 32], [8; 32]);
        let [right, wrong] = [mac, other].map(|mac| Encoding::Base64.encode(&mac));
        let is_there = |texts: &[&str]| {
            let texts = texts.iter().map(|text| text.as_bytes());
            any_is::<32, 64, 8>(Encoding::Base64, [texts].into_iter(), &mac).unwrap_u8() == 1
        };
        for at in 0..5 {
            let mut texts = [&*wrong; 5];
            assert!(!is_there(&texts));
            texts[at] = &right;
            assert!(is_there(&texts));
        }
        assert!(!is_there(&[]));
    }
}
