//! Forms that were decoded or encoded again.

use crate::diagnosis::cause::Cause;
use crate::diagnosis::change::{Change, change};

/// How an encoder of forms writes what is not a letter or a digit.
#[derive(Clone, Copy)]
struct Encoder {
    /// Characters that stay as they are.
    kept: &'static [u8],
    space: &'static str,
    upper: bool,
}

/// Browsers and Java; Go and Python; JavaScript's `encodeURIComponent`; PHP; and with both spellings of a
/// space and of the hex digits.
fn encoders() -> impl Iterator<Item = Encoder> {
    const KEPT: [&[u8]; 4] = [b"*-._", b"-._~", b"-_.!~*'()", b"-_."];
    KEPT.into_iter().flat_map(|kept| {
        [("+", true), ("%20", true), ("+", false), ("%20", false)]
            .into_iter()
            .map(move |(space, upper)| Encoder { kept, space, upper })
    })
}

impl Encoder {
    fn write(self, text: &[u8], out: &mut Vec<u8>) {
        for byte in text {
            match *byte {
                b' ' => out.extend_from_slice(self.space.as_bytes()),
                byte if byte.is_ascii_alphanumeric() || self.kept.contains(&byte) => out.push(byte),
                byte if self.upper => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                byte => out.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            }
        }
    }

    fn form(self, fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in fields {
            if !out.is_empty() {
                out.push(b'&');
            }
            self.write(name, &mut out);
            out.push(b'=');
            self.write(value, &mut out);
        }
        out
    }
}

pub(super) fn variants(body: &[u8], field: Option<&str>, add: &mut dyn FnMut(Vec<u8>, Change)) {
    if body.is_empty() {
        return;
    }
    let is_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    if is_json {
        let names = field.into_iter().chain(["payload", "data", "mandrill_events", "body"]);
        for name in names {
            let says = format!(
                "This is the decoded value of the form field {name}; the raw form ({name}=…) was signed."
            );
            let fields = [(name.as_bytes().to_vec(), body.to_vec())];
            encoders().for_each(|encoder| {
                add(encoder.form(&fields), change(Cause::BodyFormDecoded, says.clone()));
            });
        }
        if let Some(fields) = flat(body) {
            let says = "The form was parsed and written as JSON; the raw form was signed.";
            encoders().for_each(|encoder| {
                add(encoder.form(&fields), change(Cause::BodyFormDecoded, says));
            });
        }
        return;
    }
    if !body.contains(&b'=') {
        return;
    }
    let decoded: Vec<(Vec<u8>, Vec<u8>)> = crate::form::fields(body)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let json = decoded.iter().filter(|(_, value)| matches!(value.first(), Some(b'{' | b'[')));
    for (name, value) in json {
        let says = format!(
            "The raw form is here; the decoded value of its field {} was signed.",
            String::from_utf8_lossy(name)
        );
        add(value.clone(), change(Cause::BodyFormDecoded, says));
    }
    let raw: Vec<(Vec<u8>, Vec<u8>)> = body
        .split(|byte| *byte == b'&')
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            (name.to_vec(), value.get(1..).unwrap_or_default().to_vec())
        })
        .collect();
    for encoder in encoders() {
        let says = "The form was decoded; the encoded form was signed.";
        add(encoder.form(&raw), change(Cause::BodyFormDecoded, says));
        let says = "The form was decoded and encoded again, with other escapes than signed.";
        add(encoder.form(&decoded), change(Cause::BodyFormDecoded, says));
    }
}

/// The fields of a JSON object of texts and numbers, as a form has them.
fn flat(body: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let super::tree::Node::Object(members) = super::tree::read(body)? else { return None };
    let text = |raw: &[u8]| match raw.first() {
        Some(b'"') => serde_json::from_slice::<String>(raw).ok().map(String::into_bytes),
        Some(b'n') => Some(Vec::new()),
        _ => Some(raw.to_vec()),
    };
    let mut fields = Vec::new();
    for (name, value) in members {
        let name = text(name)?;
        match value {
            super::tree::Node::Leaf(raw) => fields.push((name, text(raw)?)),
            super::tree::Node::Array(items) => {
                for item in items {
                    let super::tree::Node::Leaf(raw) = item else { return None };
                    fields.push((name.clone(), text(raw)?));
                }
            }
            super::tree::Node::Object(_) => return None,
        }
    }
    (!fields.is_empty()).then_some(fields)
}
