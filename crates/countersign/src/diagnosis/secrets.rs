//! What a configured secret may have been meant to be.

use zeroize::Zeroizing;

use super::cause::Cause;
use super::change::{Change, Variant, change};
use super::percent;
use crate::encoding::{Encoding, decode_base64, decode_base64url, decode_hex_any};
use crate::secret::Secret;

/// The text of a secret, wiped when it is dropped.
type Text = Zeroizing<Vec<u8>>;

/// What stands before secrets at one provider or another.
const PREFIXES: &[&str] =
    &["whsec_", "v1,whsec_", "v1,", "whpk_", "v1a,whpk_", "Bearer ", "Basic ", "Token "];

/// How a key is written for the scheme that reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reads<'p> {
    /// As it is.
    Text,
    /// In base64, after this prefix.
    Base64(&'p str),
    /// In base64 for URLs.
    Base64Url,
    /// In hex.
    Hex,
}

impl Reads<'_> {
    fn write(self, key: &[u8]) -> Text {
        Zeroizing::new(match self {
            Self::Text => key.to_vec(),
            Self::Base64(prefix) => {
                format!("{prefix}{}", Encoding::Base64.encode(key)).into_bytes()
            }
            Self::Base64Url => Encoding::Base64Url.encode(key).into_bytes(),
            Self::Hex => Encoding::Hex.encode(key).into_bytes(),
        })
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "the text itself",
            Self::Base64(_) | Self::Base64Url => "what its base64 stands for",
            Self::Hex => "what its hex digits stand for",
        }
    }
}

/// The secrets with at most `most` things undone, those with fewer first. The configured one stands
/// first in `given`.
pub(super) fn variants(given: &[Secret], reads: Reads<'_>, most: usize) -> Vec<Variant<Secret>> {
    let mut all: Vec<Variant<Text>> = Vec::new();
    for (number, secret) in (1..).zip(given) {
        let text = Zeroizing::new(secret.expose().to_vec());
        if all.iter().any(|other| other.value == text) {
            continue;
        }
        let says = format!(
            "It was signed with secret number {number} of those given, and not with the configured one."
        );
        all.push(match number {
            1 => Variant::given(text),
            _ => Variant { value: text, changes: vec![change(Cause::SecretOfOtherEndpoint, says)] },
        });
    }
    let mut from = 0;
    while let Some(variant) = all.get(from).cloned() {
        from += 1;
        if variant.cost() >= most || variant.has(Cause::SecretEncoding) {
            continue;
        }
        let mut add = |text: Text, undone: Change| {
            if text.is_empty() || variant.has(undone.cause) {
                return;
            }
            let more = variant.and(text, undone);
            if !all.iter().any(|other| other.value == more.value) {
                all.push(more);
            }
        };
        let text = &variant.value;
        white_space(text, &mut add);
        quotes(text, &mut add);
        prefixes(text, reads, &mut add);
        encodings(text, reads, &mut add);
    }
    all.sort_by_key(Variant::cost);
    let secret = |variant: Variant<Text>| {
        let secret = Secret::new(variant.value.to_vec()).ok()?;
        Some(Variant { value: secret, changes: variant.changes })
    };
    all.into_iter().filter_map(secret).collect()
}

fn white_space(text: &Text, add: &mut impl FnMut(Text, Change)) {
    let trimmed = trim(text);
    if trimmed.len() != text.len() {
        let says = "The configured secret has white space around it (a line end or a space); \
                    without it the signature is right.";
        add(Zeroizing::new(trimmed.to_vec()), change(Cause::SecretWhitespace, says));
    }
    let dense: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if dense.len() != text.len() {
        let says =
            "The configured secret has white space inside; without it the signature is right.";
        add(Zeroizing::new(dense), change(Cause::SecretWhitespace, says));
    }
    for (before, after) in [("", "\n"), ("", "\r\n"), ("", " "), (" ", "")] {
        let padded = [before.as_bytes(), text, after.as_bytes()].concat();
        let says = "The sender's secret has white space around it that the configured one lacks.";
        add(Zeroizing::new(padded), change(Cause::SecretWhitespace, says));
    }
}

/// Without white space around it: also that of Unicode, and `\n` written as two characters.
fn trim(text: &[u8]) -> &[u8] {
    const MORE: [&str; 7] =
        ["\u{a0}", "\u{200b}", "\u{feff}", "\u{2028}", "\u{3000}", "\\n", "\\r"];
    let mut rest = text;
    loop {
        let before = rest.len();
        rest = rest.trim_ascii();
        for more in MORE.map(str::as_bytes) {
            rest = rest.strip_suffix(more).unwrap_or(rest);
            if !more.starts_with(b"\\") {
                rest = rest.strip_prefix(more).unwrap_or(rest);
            }
        }
        if rest.len() == before {
            return rest;
        }
    }
}

fn quotes(text: &Text, add: &mut impl FnMut(Text, Change)) {
    let says = "The configured secret is in quotes, and they are taken for part of it; without them \
                the signature is right.";
    let pairs = [("\"", "\""), ("'", "'"), ("`", "`"), ("\\\"", "\\\""), ("“", "”"), ("‘", "’")];
    for (open, close) in pairs.map(|(open, close)| (open.as_bytes(), close.as_bytes())) {
        let (left, right) = (text.strip_prefix(open), text.strip_suffix(close));
        let both = left.and_then(|rest| rest.strip_suffix(close));
        for inner in [both, left, right].into_iter().flatten() {
            add(Zeroizing::new(inner.to_vec()), change(Cause::SecretQuoted, says));
        }
    }
    for quote in ["\"", "'"] {
        let quoted = [quote.as_bytes(), text, quote.as_bytes()].concat();
        let says = "The sender's secret is in quotes, and it takes them for part of it.";
        add(Zeroizing::new(quoted), change(Cause::SecretQuoted, says));
    }
}

fn prefixes(text: &Text, reads: Reads<'_>, add: &mut impl FnMut(Text, Change)) {
    let own = match reads {
        Reads::Base64(prefix) if !prefix.is_empty() => Some(prefix),
        _ => None,
    };
    for prefix in PREFIXES.iter().copied().chain(own) {
        if let Some(rest) = text.strip_prefix(prefix.as_bytes()) {
            let says = format!(
                "The configured secret begins with `{}`, which is not part of the secret here.",
                prefix.trim_end()
            );
            add(Zeroizing::new(rest.to_vec()), change(Cause::SecretPrefix, says));
        } else {
            let says = format!(
                "The configured secret lacks `{}`, which is part of the secret here.",
                prefix.trim_end()
            );
            let longer = [prefix.as_bytes(), text].concat();
            add(Zeroizing::new(longer), change(Cause::SecretPrefix, says));
        }
    }
    // Some other service's, such as `polar_whs_` or `sk_live_`.
    let separators = text.iter().take(24).enumerate().filter(|(_, byte)| b"_,:=".contains(byte));
    for (at, _) in separators {
        let rest = text.get(at + 1..).unwrap_or_default();
        let says = "The configured secret has a prefix that is not part of the secret.";
        add(Zeroizing::new(rest.to_vec()), change(Cause::SecretPrefix, says));
    }
}

fn encodings(text: &Text, reads: Reads<'_>, add: &mut impl FnMut(Text, Change)) {
    let bare = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix.as_bytes()));
    for (text, is_whole) in [(Some(&***text), true), (bare, false)] {
        let Some(text) = text else { continue };
        let keys = [
            (Some(Zeroizing::new(text.to_vec())), "its text"),
            (decode_base64(text), "what its base64 stands for"),
            (decode_base64url(text), "what its base64 stands for"),
            (decode_hex_any(text), "what its hex digits stand for"),
            (Some(percent::decoded(text).into()), "its text without percent escapes"),
            (Some(Encoding::Base64.encode(text).into_bytes().into()), "its base64 form"),
            (Some(Encoding::Hex.encode(text).into_bytes().into()), "its hex form"),
        ];
        for (key, what) in keys {
            let Some(key) = key else { continue };
            // The same text as it is, or with a prefix less, is no other encoding of it.
            if reads.is_text() && *key == text && (is_whole || what == "its text") {
                continue;
            }
            let says = format!(
                "The key that signed is {what}, and this scheme takes {} for the key.",
                reads.name()
            );
            add(reads.write(&key), change(Cause::SecretEncoding, says));
        }
    }
}
