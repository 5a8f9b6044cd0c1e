//! What is done to a body's bytes on the way: compression, base64, charsets, line ends, byte order marks.

use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use flate2::write::ZlibEncoder;

use crate::diagnosis::cause::Cause;
use crate::diagnosis::change::{Change, change};
use crate::encoding::{Encoding, decode_base64, decode_base64url};

/// The byte order mark of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The most that a body is unpacked to.
const MOST_UNPACKED: u64 = 8 * 1024 * 1024;

pub(super) fn variants(body: &[u8], add: &mut dyn FnMut(Vec<u8>, Change)) {
    if body.is_empty() {
        return;
    }
    byte_order_mark(body, add);
    line_ends(body, add);
    base64(body, add);
    unpacked(body, add);
    charsets(body, add);
    packed(body, add);
}

fn byte_order_mark(body: &[u8], add: &mut dyn FnMut(Vec<u8>, Change)) {
    match body.strip_prefix(BOM) {
        Some(rest) => {
            let says = "A byte order mark (EF BB BF) stands before the body; without it the signature \
                        is right.";
            add(rest.to_vec(), change(Cause::BodyBom, says));
        }
        None => {
            let says =
                "The byte order mark (EF BB BF) before the body is missing; the sender signs it.";
            add([BOM, body].concat(), change(Cause::BodyBom, says));
        }
    }
}

fn line_ends(body: &[u8], add: &mut dyn FnMut(Vec<u8>, Change)) {
    if !body.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return;
    }
    let has_crlf = body.windows(2).any(|pair| pair == b"\r\n");
    let to_lf = {
        let mut out = Vec::with_capacity(body.len());
        let mut rest = body.iter().peekable();
        while let Some(byte) = rest.next() {
            match byte {
                b'\r' => {
                    let _ = rest.next_if(|next| **next == b'\n');
                    out.push(b'\n');
                }
                byte => out.push(*byte),
            }
        }
        out
    };
    let spelled = |end: &[u8]| {
        let lines: Vec<&[u8]> = to_lf.split(|byte| *byte == b'\n').collect();
        lines.join(end)
    };
    let found = if has_crlf { "CRLF" } else { "LF" };
    for (end, name) in [("\n", "LF"), ("\r\n", "CRLF"), ("\r", "CR")] {
        let other = spelled(end.as_bytes());
        if other != body {
            let says = format!("The line ends are {found}; {name} was signed.");
            add(other, change(Cause::BodyLineEndings, says));
        }
    }
}

fn base64(body: &[u8], add: &mut dyn FnMut(Vec<u8>, Change)) {
    let dense: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let dense =
        dense.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(&dense);
    for decoded in [decode_base64(dense), decode_base64url(dense)].into_iter().flatten() {
        let says = "The body is base64; decoded, the signature is right.";
        add(decoded.to_vec(), change(Cause::BodyBase64, says));
    }
    let says = "The body was decoded from base64 on the way; the base64 was signed.";
    for encoding in [Encoding::Base64, Encoding::Base64Url] {
        add(encoding.encode(body).into_bytes(), change(Cause::BodyBase64, says));
    }
}

fn unpacked(body: &[u8], add: &mut dyn FnMut(Vec<u8>, Change)) {
    let all: [(&str, Option<Vec<u8>>); 3] = [
        ("gzip", body.starts_with(b"\x1f\x8b").then(|| read_all(GzDecoder::new(body))).flatten()),
        ("zlib", body.starts_with(b"\x78").then(|| read_all(ZlibDecoder::new(body))).flatten()),
        (
            "deflate",
            std::str::from_utf8(body)
                .is_err()
                .then(|| read_all(DeflateDecoder::new(body)))
                .flatten(),
        ),
    ];
    for (name, unpacked) in all {
        let Some(unpacked) = unpacked else { continue };
        let says = format!(
            "The body is still compressed ({name}); the signature is over the body before compression."
        );
        add(unpacked, change(Cause::BodyCompressed, says));
    }
}

fn read_all(unpack: impl Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    unpack.take(MOST_UNPACKED).read_to_end(&mut out).ok()?;
    (!out.is_empty() && (out.len() as u64) < MOST_UNPACKED).then_some(out)
}

/// What compressors usually make of it. Another one makes other bytes, which nobody can guess.
fn packed(body: &[u8], add: &mut dyn FnMut(Vec<u8>, Change)) {
    const LARGE: usize = 64 * 1024;
    if body.len() > LARGE || body.starts_with(b"\x1f\x8b") {
        return;
    }
    let says = "The body was unpacked on the way; the compressed body was signed.";
    let mut one = |bytes: std::io::Result<Vec<u8>>| {
        if let Ok(bytes) = bytes {
            add(bytes, change(Cause::BodyCompressed, says));
        }
    };
    for level in (1..=9).map(Compression::new) {
        for system in [255, 3, 0] {
            let gzip = flate2::GzBuilder::new().operating_system(system);
            let mut gzip = gzip.write(Vec::new(), level);
            one(gzip.write_all(body).and_then(|()| gzip.finish()));
        }
        let mut zlib = ZlibEncoder::new(Vec::new(), level);
        one(zlib.write_all(body).and_then(|()| zlib.finish()));
    }
}

fn charsets(body: &[u8], add: &mut dyn FnMut(Vec<u8>, Change)) {
    if body.is_ascii() {
        return;
    }
    let mut named = |bytes: Option<Vec<u8>>, from: &str, to: &str| {
        if let Some(bytes) = bytes {
            let says = format!("The body's characters are in {from}; they were signed in {to}.");
            add(bytes, change(Cause::BodyCharset, says));
        }
    };
    let latin: String = body.iter().map(|byte| char::from(*byte)).collect();
    match std::str::from_utf8(body) {
        Err(_) => {
            named(Some(latin.into_bytes()), "Latin-1", "UTF-8");
            let windows: Option<String> = body.iter().map(|byte| windows_1252(*byte)).collect();
            named(windows.map(String::into_bytes), "Windows-1252", "UTF-8");
        }
        Ok(text) => {
            let byte = |character: char| u8::try_from(u32::from(character)).ok();
            let single: Option<Vec<u8>> = text.chars().map(byte).collect();
            let is_twice =
                single.as_deref().is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
            let from = if is_twice { "UTF-8 that was encoded twice" } else { "UTF-8" };
            named(single, from, if is_twice { "UTF-8" } else { "Latin-1" });
            let windows: Option<Vec<u8>> = text
                .chars()
                .map(|character| (0..=255).find(|byte| windows_1252(*byte) == Some(character)))
                .collect();
            let is_twice =
                windows.as_deref().is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
            let from = if is_twice { "UTF-8 that was encoded twice" } else { "UTF-8" };
            named(windows, from, if is_twice { "UTF-8" } else { "Windows-1252" });
            named(Some(latin.into_bytes()), "UTF-8", "UTF-8 that was encoded twice");
            let units = || text.encode_utf16();
            named(Some(units().flat_map(u16::to_le_bytes).collect()), "UTF-8", "UTF-16");
            named(Some(units().flat_map(u16::to_be_bytes).collect()), "UTF-8", "UTF-16");
        }
    }
    let (pairs, rest) = body.as_chunks::<2>();
    if rest.is_empty() && body.contains(&0) {
        for read in [u16::from_le_bytes, u16::from_be_bytes] {
            let units: Vec<u16> = pairs.iter().map(|pair| read(*pair)).collect();
            let text = String::from_utf16(&units).ok();
            named(
                text.map(|text| text.trim_start_matches('\u{feff}').as_bytes().to_vec()),
                "UTF-16",
                "UTF-8",
            );
        }
    }
}

/// The WHATWG's index of windows-1252.
fn windows_1252(byte: u8) -> Option<char> {
    const HIGH: [u16; 32] = [
        0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8d, 0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013,
        0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
    ];
    match byte {
        0x80..=0x9f => char::from_u32(u32::from(*HIGH.get(usize::from(byte - 0x80))?)),
        byte => Some(char::from(byte)),
    }
}
