//! Percent escapes.

use crate::encoding::decode_hex_any;

/// The bytes without their percent escapes. What is no escape stays.
pub(super) fn decoded(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *byte == b'%').and_then(decode_hex_any);
        match escaped.as_deref().map(|decoded| &**decoded) {
            Some([decoded]) => {
                out.push(*decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}
