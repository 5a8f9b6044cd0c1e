//! The heads that the sender may have sent: another spelling of the signature, one of several.

use super::cause::Cause;
use super::change::{Change, Variant, change};
use super::request::Head;
use crate::encoding::{Encoding, decode_base64, decode_base64url, decode_hex_any};
use crate::known_name::KnownName;
use crate::provider::{Item, Provider, TimeSource};
use crate::scheme::{Proof, Separators};

/// So many values of a header, or items of a list, are looked at one by one.
pub(super) const MOST_ITEMS: usize = 8;

/// The heads with at most `most` things undone at the signature.
pub(super) fn variants(head: &Head, provider: &Provider, most: usize) -> Vec<Variant<Head>> {
    let mut all = vec![Variant::given(head.clone())];
    let names = proof_headers(provider);
    let proofs = &provider.spec().scheme.proofs;
    for step in [chosen, respelled] {
        for index in 0..all.len() {
            let Some(variant) = all.get(index).cloned() else { break };
            for proof in proofs {
                for name in &names {
                    step(&variant.value, name, proof, provider, &mut |value, changes| {
                        if variant.cost() + changes.len() <= most {
                            let value = variant.value.with(name, value);
                            let changes = variant.changes.iter().cloned().chain(changes).collect();
                            all.push(Variant { value, changes });
                        }
                    });
                }
            }
        }
    }
    all.sort_by_key(Variant::cost);
    all
}

/// The headers of a provider that may carry a proof, also those of its other families.
pub(super) fn proof_headers(provider: &Provider) -> Vec<String> {
    let spec = provider.spec();
    let own = spec.scheme.proofs.iter().flat_map(|proof| proof.headers().iter());
    let mut names: Vec<String> = own.map(|name| name.as_str().to_owned()).collect();
    if let Some(families) = &spec.families {
        names.extend(families.other_proofs().map(str::to_owned));
    }
    names
}

/// The head with only what the provider's proof is read from, which is looked up faster; nothing is left
/// out where the request itself names headers.
pub(super) fn read_only(head: &Head, provider: &Provider) -> Head {
    let spec = provider.spec();
    if spec.families.is_some() || spec.scheme.content.names_headers() {
        return head.clone();
    }
    let time = match &spec.time {
        Some(TimeSource::Header { time, .. }) => Some(time.name.as_str()),
        _ => spec.required_time.as_ref().map(|time| time.name.as_str()),
    };
    let names = spec.scheme.proofs.iter().flat_map(|proof| proof.headers().iter());
    let names = names.chain(&spec.id_header).map(KnownName::as_str).chain(time);
    let names: Vec<&str> = names.chain(spec.scheme.content.headers()).collect();
    let is_read = |name: &str| names.iter().any(|read| read.eq_ignore_ascii_case(name));
    let headers = head.headers.iter().filter(|(name, _)| is_read(name)).cloned();
    Head { headers: headers.collect(), method: head.method.clone(), target: head.target.clone() }
}

type Add<'a> = &'a mut dyn FnMut(Vec<u8>, Vec<Change>);

/// One of several values.
fn chosen(head: &Head, name: &str, proof: &Proof, _: &Provider, add: Add<'_>) {
    let values = head.values(name);
    if values.len() > 1 {
        let same = values.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
        for (number, value) in (1..).zip(values.iter().take(MOST_ITEMS)) {
            let says = match same {
                true => format!("{name} is there {} times, with the same value.", values.len()),
                false => format!(
                    "{name} is there {} times with different values; number {number} is right.",
                    values.len()
                ),
            };
            add(value.to_vec(), vec![change(Cause::HeaderRepeated, says)]);
        }
    }
    // A proxy joins several values with commas (RFC 9110 §5.3).
    let has_list = proof.signature().is_some_and(|signature| signature.list.is_some());
    if let [value] = &*values
        && !has_list
        && value.contains(&b',')
    {
        let parts: Vec<&[u8]> = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
        for (number, part) in (1..).zip(parts.iter().take(MOST_ITEMS)) {
            let says = format!(
                "{name} holds {} values, joined with commas; number {number} is right.",
                parts.len()
            );
            add(part.to_vec(), vec![change(Cause::HeaderRepeated, says)]);
        }
    }
}

/// The same signature, spelled as the provider spells it.
fn respelled(head: &Head, name: &str, proof: &Proof, provider: &Provider, add: Add<'_>) {
    let values = head.values(name);
    let [value] = &*values else { return };
    let Some(signature) = proof.signature() else {
        token_respelled(value, name, proof, add);
        return;
    };
    let form = Form {
        prefix: signature.own_prefix(),
        encoding: signature.encoding,
        length: proof.length(),
        name,
    };
    let Some(list) = signature.list else {
        form.spellings(value, add);
        return;
    };
    let time = time_prefix(provider);
    let mut looked_at = 0;
    for (item, start, end) in items(value, list) {
        let is_time = time.as_ref().is_some_and(|time| item.starts_with(time.as_bytes()));
        if is_time || item.starts_with(form.prefix.as_bytes()) && form.is_right(item) {
            continue;
        }
        looked_at += 1;
        if looked_at > MOST_ITEMS {
            return;
        }
        form.spellings(item, &mut |spelled, changes| {
            let (before, after) = (value.get(..start), value.get(end..));
            let parts = [before.unwrap_or_default(), &spelled, after.unwrap_or_default()];
            add(parts.concat(), changes);
        });
    }
}

/// The items of a list, with where they are.
fn items(value: &[u8], list: Separators) -> Vec<(&[u8], usize, usize)> {
    let is_separator = |byte: &u8| {
        u32::from(*byte) == u32::from(list.item)
            || list.group.is_some_and(|group| u32::from(*byte) == u32::from(group))
    };
    let mut start = 0;
    let mut all = Vec::new();
    for item in value.split(is_separator) {
        let trimmed = item.trim_ascii();
        let inside = item.len() - item.trim_ascii_start().len();
        all.push((trimmed, start + inside, start + inside + trimmed.len()));
        start += item.len() + 1;
    }
    all
}

fn time_prefix(provider: &Provider) -> Option<String> {
    match &provider.spec().time {
        Some(TimeSource::Header { time, .. }) => match &time.item {
            Some(Item::Prefixed(_, prefix)) => Some(prefix.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// How a provider spells its signature.
struct Form<'p> {
    prefix: &'p str,
    encoding: Encoding,
    /// How many bytes it has, where that is fixed.
    length: Option<usize>,
    name: &'p str,
}

impl Form<'_> {
    fn is_right(&self, text: &[u8]) -> bool {
        let rest = text.strip_prefix(self.prefix.as_bytes());
        let bytes = rest.and_then(|rest| self.read(rest));
        bytes.is_some_and(|bytes| {
            self.encoding.encode(&bytes).as_bytes() == rest.unwrap_or_default()
        })
    }

    fn spellings(&self, text: &[u8], add: Add<'_>) {
        let bare = text.trim_ascii();
        let bare = [b'"', b'\''].iter().fold(bare, |bare, quote| {
            let inner = bare.strip_prefix(&[*quote]).and_then(|rest| rest.strip_suffix(&[*quote]));
            inner.unwrap_or(bare)
        });
        let own = bare.strip_prefix(self.prefix.as_bytes()).filter(|_| !self.prefix.is_empty());
        let others = [Some(bare).filter(|_| own.is_none()), without_prefix(bare)];
        let rests = [(own, false), (others[0], true), (others[1], true)];
        for (rest, other_prefix) in rests {
            let Some(rest) = rest else { continue };
            let Some(bytes) = self.read(rest) else { continue };
            let written = self.encoding.encode(&bytes);
            let mut changes = Vec::new();
            let has_other = other_prefix && !(self.prefix.is_empty() && rest.len() == bare.len());
            if has_other {
                changes
                    .push(change(Cause::HeaderPrefix, self.says_prefix(rest.len() < bare.len())));
            }
            if written.as_bytes() != rest {
                let says = format!(
                    "The signature in {} is not written in {}; its value is right.",
                    self.name,
                    name_of(self.encoding)
                );
                changes.push(change(Cause::HeaderEncoding, says));
            }
            let spelled = format!("{}{written}", self.prefix).into_bytes();
            if !changes.is_empty() && spelled != text {
                add(spelled, changes);
            }
        }
    }

    fn says_prefix(&self, has_another: bool) -> String {
        match (self.prefix, has_another) {
            ("", _) => format!(
                "The signature in {} has a prefix, and this provider has none; without it, it is right.",
                self.name
            ),
            (prefix, true) => format!(
                "The signature in {} has another prefix than {prefix}; with that, it is right.",
                self.name
            ),
            (prefix, false) => format!(
                "The signature in {} lacks {prefix} before it; with it, it is right.",
                self.name
            ),
        }
    }

    /// The signature's bytes, in whatever encoding they are.
    fn read(&self, text: &[u8]) -> Option<Vec<u8>> {
        let fits = |bytes: &Vec<u8>| match self.length {
            Some(length) => bytes.len() == length,
            None => bytes.len() > 60,
        };
        let plain = [decode_hex_any(text), decode_base64(text), decode_base64url(text)];
        let plain = plain.into_iter().flatten().map(|bytes| bytes.to_vec());
        // base64 of the hex digits, which a second encoding makes.
        let twice = plain.clone().filter_map(|inner| Some(decode_hex_any(&inner)?.to_vec()));
        plain.chain(twice).find(fits)
    }
}

fn name_of(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Hex => "hex",
        Encoding::LowerHex => "lower-case hex",
        Encoding::Base64 => "base64 with its padding",
        Encoding::Base64Url => "base64 for URLs",
    }
}

/// What follows a prefix such as `sha256=`, `v1,` or `HMAC `.
fn without_prefix(text: &[u8]) -> Option<&[u8]> {
    let at = text.iter().take(24).rposition(|byte| b"=,: ".contains(byte))?;
    let (prefix, rest) = (text.get(..at)?, text.get(at + 1..)?);
    // The padding of base64 is no prefix.
    (!prefix.is_empty() && rest.len() > 15).then(|| rest.trim_ascii_start())
}

fn token_respelled(value: &[u8], name: &str, proof: &Proof, add: Add<'_>) {
    let own = proof.token_prefix();
    let bare = ["Bearer ", "bearer ", "Basic ", "Token ", "token "]
        .iter()
        .find_map(|prefix| value.strip_prefix(prefix.as_bytes()));
    let bare = bare.or_else(|| value.strip_prefix(own.as_bytes())).unwrap_or(value);
    let spelled = [own.as_bytes(), bare].concat();
    if spelled != value {
        let says = match own {
            "" => format!("The token in {name} has a prefix that is not part of it."),
            own => format!("The token in {name} lacks `{}` before it.", own.trim_end()),
        };
        add(spelled, vec![change(Cause::HeaderPrefix, says)]);
    }
}
