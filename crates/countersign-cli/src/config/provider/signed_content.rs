//! What the signature covers, as a template: `"{timestamp}.{body}"`.

use std::borrow::Cow;

use countersign::Part;

use crate::config::document::{Mistake, Text};

type WithName = fn(Cow<'static, str>) -> Part;

/// Parts that are a word.
const WORDS: &[(&str, Part)] = &[
    ("body", Part::Body),
    ("timestamp", Part::Timestamp),
    ("id", Part::Id),
    ("method", Part::Method),
    ("url", Part::Url),
    ("url-decoded", Part::UrlDecoded),
    ("target", Part::Target),
    ("target-encoded", Part::TargetEncoded),
    ("sorted-form", Part::SortedForm),
    ("body-sha256", Part::BodySha256),
];

/// Parts with a name or a prefix after a colon.
const NAMED: &[(&str, WithName)] = &[
    ("header", Part::Header),
    ("named-headers", Part::NamedHeaders),
    ("names-in-item", Part::NamesInItem),
    ("values-of-names-in-item", Part::ValuesOfNamesInItem),
    ("body-sha256-in-query", Part::BodySha256InQuery),
];

/// The parts of a template. `{{` and `}}` are braces themselves.
pub(super) fn parts(template: &Text) -> Result<Vec<Part>, Mistake> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = &*template.text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        literal.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            literal.extend(from.chars().next());
            rest = after;
            continue;
        }
        let (name, after) =
            from.strip_prefix('{').and_then(|inside| inside.split_once('}')).ok_or_else(|| {
                template
                    .mistake("a `{` or `}` stands alone; write {{ or }} for a brace that is signed")
            })?;
        if !literal.is_empty() {
            parts.push(Part::literal(std::mem::take(&mut literal)));
        }
        parts.push(part(name).ok_or_else(|| unknown(template))?);
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::literal(literal));
    }
    Ok(parts)
}

fn part(name: &str) -> Option<Part> {
    if let Some((_, part)) = WORDS.iter().find(|(word, _)| *word == name) {
        return Some(part.clone());
    }
    let (word, name) = name.split_once(':')?;
    let (_, part) = NAMED.iter().find(|(named, _)| *named == word)?;
    (!name.is_empty()).then(|| part(name.to_owned().into()))
}

fn unknown(template: &Text) -> Mistake {
    let words = WORDS.iter().map(|(word, _)| format!("{{{word}}}"));
    let named = NAMED.iter().map(|(word, _)| format!("{{{word}:NAME}}"));
    let all = words.chain(named).collect::<Vec<_>>().join(", ");
    template.mistake(format!("the parts in braces are {all}"))
}
