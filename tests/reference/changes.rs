//! Changes to a delivery on its way: what an attacker, a proxy or a provider's new version would do.

use super::choice::Choice;
use super::deliveries::signature;
use super::facts::{Facts, Syntax};
use super::keys::Identity;
use super::verify::{Request, items};

const CHARACTERS: &[char] = &[
    '0', '1', 'a', 'A', 'f', 'F', 'z', ' ', ',', ';', '.', ':', '=', '+', '/', '-', '_', '\t', '{',
    '"', 'é', '%', '&', '|',
];

/// One change.
pub fn change(
    facts: &Facts,
    identities: &[Identity],
    request: &mut Request,
    choice: &mut Choice<'_>,
) {
    // So that there is always one to change.
    if request.headers.is_empty() {
        request.headers.push(("X-Empty".to_owned(), String::new()));
    }
    match choice.below(20) {
        0 => change_byte(&mut request.body, choice),
        1 => request.body.extend(choice.one_of(&["\n", " ", "}", "0", "&a=1"]).bytes()),
        2 => drop(request.body.pop()),
        3 | 4 => change_text(value(request, choice), choice),
        5 => {
            let at = choice.below(request.target.len() + 1);
            insert(&mut request.target, at, choice);
        }
        6 => request.method = choice.one_of(&["PUT", "POST"]).to_owned(),
        7 => change_case(proof(facts, request), choice),
        8 => change_case(value(request, choice), choice),
        9 => repeat(request, choice),
        10 => {
            let at = choice.below(request.headers.len());
            request.headers.remove(at);
        }
        11 => {
            let at = choice.below(request.headers.len());
            change_case(&mut request.headers[at].0, choice);
        }
        12 => respell(facts, proof(facts, request), choice),
        13..=15 => change_items(facts, identities, request, choice),
        16 => {
            let text = value(request, choice);
            *text = choice.one_of(&[" {}", "{} ", "\t{}", "", "{}{}"]).replace("{}", text);
        }
        17 => move_byte(request, choice),
        18 => swap_values(request, choice),
        _ => {
            let at = choice.below(request.headers.len());
            request.headers[at].0.push_str(choice.one_of(&["-2", "x", "2"]));
        }
    }
}

/// Any header's value.
fn value<'r>(request: &'r mut Request, choice: &mut Choice<'_>) -> &'r mut String {
    let at = choice.below(request.headers.len());
    &mut request.headers[at].1
}

/// The value of a header with a signature or token, or of the last header there is.
fn proof<'r>(facts: &Facts, request: &'r mut Request) -> &'r mut String {
    let is_proof = |name: &str| {
        name.eq_ignore_ascii_case(&facts.header)
            || facts.also_headers.iter().any(|other| name.eq_ignore_ascii_case(other))
    };
    let last = request.headers.len() - 1;
    let at = request.headers.iter().position(|(name, _)| is_proof(name)).unwrap_or(last);
    &mut request.headers[at].1
}

fn change_byte(bytes: &mut [u8], choice: &mut Choice<'_>) {
    let at = choice.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << choice.below(8);
    }
}

/// Where the characters of a text begin, and its end.
fn borders(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

fn insert(text: &mut String, near: usize, choice: &mut Choice<'_>) {
    let at = borders(text).into_iter().find(|at| *at >= near).unwrap_or(text.len());
    text.insert(at, choice.one_of(CHARACTERS));
}

/// One character is another, is gone, or is new.
fn change_text(text: &mut String, choice: &mut Choice<'_>) {
    let borders = borders(text);
    let at = borders[choice.below(borders.len())];
    match choice.below(3) {
        0 if at < text.len() => {
            text.remove(at);
            text.insert(at, choice.one_of(CHARACTERS));
        }
        1 if at < text.len() => drop(text.remove(at)),
        _ => text.insert(at, choice.one_of(CHARACTERS)),
    }
}

fn change_case(text: &mut String, choice: &mut Choice<'_>) {
    match choice.below(3) {
        0 => *text = text.to_ascii_uppercase(),
        1 => *text = text.to_ascii_lowercase(),
        _ => {
            // One letter, so that most of the text is as it was.
            let letters = text.char_indices().filter(|(_, letter)| letter.is_ascii_alphabetic());
            let letters: Vec<_> = letters.collect();
            if let Some((at, letter)) = letters.get(choice.below(letters.len())) {
                let upper = letter.is_ascii_uppercase();
                let other =
                    if upper { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() };
                text.replace_range(*at..at + 1, &other.to_string());
            }
        }
    }
}

/// A header is there twice, with the same value or with another.
fn repeat(request: &mut Request, choice: &mut Choice<'_>) {
    let at = choice.below(request.headers.len());
    let Some((name, value)) = request.headers.get(at).cloned() else { return };
    let value = match choice.below(3) {
        0 => value,
        1 => String::new(),
        _ => format!("{value}0"),
    };
    let to = choice.below(request.headers.len() + 1);
    request.headers.insert(to, (name.to_ascii_uppercase(), value));
}

/// The same bytes in another spelling, or nearly the same bytes.
fn respell(facts: &Facts, text: &mut String, choice: &mut Choice<'_>) {
    *text = match choice.below(9) {
        0 => text.trim_end_matches('=').to_owned(),
        1 => format!("{text}="),
        2 => text.replace('+', "-").replace('/', "_"),
        3 => text.replace('-', "+").replace('_', "/"),
        // Bits after the last byte.
        4 => {
            let body = text.trim_end_matches('=').to_owned();
            let padding = text.len() - body.len();
            match (body.chars().last(), padding) {
                (Some(last), 1..) => {
                    let next = char::from_u32(last as u32 + 1).unwrap_or('A');
                    format!(
                        "{}{next}{}",
                        &body[..body.len() - last.len_utf8()],
                        "=".repeat(padding)
                    )
                }
                _ => body,
            }
        }
        5 => text.replacen(&facts.prefix, "", 1),
        6 => format!("{}{text}", facts.prefix),
        7 => text.replacen(&facts.prefix, &facts.prefix.to_uppercase(), 1),
        _ => text.replacen(&facts.prefix, &format!("{} ", facts.prefix), 1),
    };
}

/// More items, others, fewer, or the same in another order. Where there is no list, a list.
fn change_items(
    facts: &Facts,
    identities: &[Identity],
    request: &mut Request,
    choice: &mut Choice<'_>,
) {
    let separator = facts.separator.unwrap_or_else(|| choice.one_of(&[',', ' ']));
    let before = proof(facts, request).clone();
    let mut items: Vec<String> = match facts.separator {
        Some(_) => items(facts, &before).into_iter().map(str::to_owned).collect(),
        None => vec![before],
    };
    let prefix = &facts.prefix;
    let mut new = Vec::new();
    match choice.below(12) {
        0 => new.push("v0=00".to_owned()),
        1 => new.push(format!("{prefix}00")),
        2 => new.push(prefix.clone()),
        3 => new.push(String::new()),
        // Somebody else's, over the same.
        4 | 5 => {
            let time = facts.time.as_ref().map(|time| {
                let item = items.iter().find_map(|item| item.strip_prefix(&time.name));
                let header = request.header(&time.header).ok().flatten();
                item.filter(|_| !time.name.is_empty()).or(header).unwrap_or_default().to_owned()
            });
            let identity = &identities[choice.below(identities.len())];
            let time = time.unwrap_or_default();
            new.push(signature(facts, identity, request, &time, choice));
        }
        // So many that checking them has a cost.
        6 => new.extend(vec![items.last().cloned().unwrap_or_default(); choice.below(9)]),
        7 => new.extend(items.first().cloned()),
        8 => {
            let time = facts.time.as_ref().map(|time| format!("{}1795521601", time.name));
            new.extend(time);
        }
        9 => items.reverse(),
        10 => drop(items.pop()),
        _ => drop((!items.is_empty()).then(|| items.remove(0))),
    }
    let at = choice.below(items.len() + 1);
    items.splice(at..at, new);
    let spaced = choice.one_of(&["", "", " ", "  ", "\t"]);
    let mut joined = items.join(&format!("{separator}{spaced}"));
    if choice.once_in(8) {
        joined = joined.replace(separator, choice.one_of(&[";", ",", " ", "&"]));
    }
    match facts.syntax {
        // Another number or another header, with the items one after the other.
        Syntax::Numbered | Syntax::Multi if choice.once_in(2) => {
            let other = choice.one_of(&["2", "3", "02", "1"]);
            let name = match facts.also_headers.first() {
                Some(also) => also.clone(),
                None => format!("{}{other}", facts.header.trim_end_matches('1')),
            };
            let last = items.pop().unwrap_or_default();
            request.headers.push((name, last));
        }
        _ => *proof(facts, request) = joined,
    }
}

/// A byte goes from one text to another. The signed content may stay the same.
fn move_byte(request: &mut Request, choice: &mut Choice<'_>) {
    let texts = request.headers.len() + 2;
    let (from, to) = (choice.below(texts), choice.below(texts));
    let (from_end, to_end) = (choice.once_in(2), choice.once_in(2));
    let mut source = text(request, from);
    if source.is_empty() {
        return;
    }
    let byte = source.remove(if from_end { source.len() - 1 } else { 0 });
    put(request, from, source);
    let mut target = text(request, to);
    target.insert(if to_end { target.len() } else { 0 }, byte);
    put(request, to, target);
}

/// The body, the target, and then the headers' values.
fn text(request: &Request, at: usize) -> Vec<u8> {
    match at {
        0 => request.body.clone(),
        1 => request.target.clone().into_bytes(),
        _ => request.headers[at - 2].1.clone().into_bytes(),
    }
}

fn put(request: &mut Request, at: usize, bytes: Vec<u8>) {
    let text = || String::from_utf8_lossy(&bytes).into_owned();
    match at {
        0 => request.body = bytes,
        1 => request.target = text(),
        _ => request.headers[at - 2].1 = text(),
    }
}

fn swap_values(request: &mut Request, choice: &mut Choice<'_>) {
    let (one, other) = (choice.below(request.headers.len()), choice.below(request.headers.len()));
    if let (Some(a), Some(b)) = (request.headers.get(one), request.headers.get(other)) {
        let (a, b) = (a.1.clone(), b.1.clone());
        request.headers[one].1 = b;
        request.headers[other].1 = a;
    }
}
