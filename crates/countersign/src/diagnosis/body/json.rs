//! JSON that was written again.

use super::numbers;
use super::order;
use super::strings::{Spelling, respelled};
use super::tree::{self, Node, STYLES};
use super::{LARGE, Visit};
use crate::diagnosis::cause::Cause;
use crate::diagnosis::change::{Change, Variant, change};

/// Longer documents are not tried in every order.
const LONG: usize = 32 * 1024;

/// So many orders are tried at most, and so many where something else is undone too.
const MOST_ORDERS: usize = 6_000;
const FEW_ORDERS: usize = 24;

/// The same where the white space is another one too, and how many styles of it.
const SOME_ORDERS: usize = 1_500;
const USUAL_STYLES: usize = 4;

/// Visits the ways in which this JSON may have been written, with exactly so many things undone.
pub(super) fn each(body: &[u8], cost: usize, deep: bool, visit: Visit<'_>) -> bool {
    let is_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    let is_tried = is_json && cost > 0 && (cost == 1 || body.len() <= LARGE);
    let Some(text) = std::str::from_utf8(body).ok().filter(|_| is_tried) else {
        return false;
    };
    let orders = if deep && cost == 1 { MOST_ORDERS } else { FEW_ORDERS };
    let all = spelled(text, cost);
    let found = all.iter().any(|variant| {
        let left = cost - variant.cost();
        if left == 0 {
            return visit(variant.value.as_bytes(), &variant.changes);
        }
        structure(variant, left, orders, visit)
    });
    // The many orders last.
    let given = all.first().filter(|_| deep && cost == 2);
    found || given.is_some_and(|given| structure(given, 2, SOME_ORDERS, visit))
}

/// The texts with at most so many changes of their leaves.
fn spelled(text: &str, most: usize) -> Vec<Variant<String>> {
    let mut all = vec![Variant::given(text.to_owned())];
    for step in [slashes, html, unicode] {
        for index in 0..all.len() {
            let Some(variant) = all.get(index).cloned() else { break };
            if variant.cost() < most {
                for (spelling, undone) in step() {
                    if let Some(new) = respelled(&variant.value, spelling) {
                        all.push(variant.and(new, undone));
                    }
                }
            }
        }
    }
    for index in 0..all.len() {
        let Some(variant) = all.get(index).cloned() else { break };
        if variant.cost() < most && text.len() <= LONG {
            let mut new = numbers::respelled(&variant.value);
            if most == 1 {
                new.extend(numbers::some_whole(&variant.value));
            }
            for (new, says) in new {
                all.push(variant.and(new, change(Cause::BodyNumberFormat, says)));
            }
        }
    }
    all
}

fn slashes() -> Vec<(Spelling, Change)> {
    let cause = Cause::BodySlashEscapes;
    vec![
        (
            Spelling::EscapeSlash,
            change(cause, r"The \/ in the JSON became /; the sender signs it escaped."),
        ),
        (
            Spelling::UnescapeSlash,
            change(cause, r"The / in the JSON became \/; the sender signs it as it is."),
        ),
    ]
}

fn html() -> Vec<(Spelling, Change)> {
    let cause = Cause::BodyHtmlEscapes;
    // Go; PHP; Rails and Ruby; Gson; .NET.
    let sets = ["<>&", "<>&'", "<>&'=", "<>&'\"", "<>&'\"+`", "<>", "&"];
    let escaped = sets.into_iter().flat_map(|of| {
        [false, true].map(|upper| {
            let says = r"Escapes such as \u0026 and \u003c were written as the characters & and <; the sender signs the escapes.";
            (Spelling::EscapeAscii { of, upper }, change(cause, says))
        })
    });
    let says = r"The characters & < > were written as \u0026 \u003c \u003e (as Go does); the sender signs them as they are.";
    let mut all = vec![(Spelling::UnescapeAscii, change(cause, says))];
    all.extend(escaped);
    all
}

fn unicode() -> Vec<(Spelling, Change)> {
    let cause = Cause::BodyUnicodeEscapes;
    let decoded = r"The \uXXXX escapes were written as characters; the sender signs them escaped.";
    let escaped = r"Characters outside of ASCII were written as \uXXXX escapes; the sender signs them as they are.";
    let digits = r"The hex digits of \uXXXX escapes were written in the other case.";
    vec![
        (Spelling::Unescape, change(cause, escaped)),
        (Spelling::Escape { upper: false }, change(cause, decoded)),
        (Spelling::Escape { upper: true }, change(cause, decoded)),
        (Spelling::Digits { upper: false }, change(cause, digits)),
        (Spelling::Digits { upper: true }, change(cause, digits)),
    ]
}

/// Other white space, other orders of keys, or both.
fn structure(variant: &Variant<String>, left: usize, orders: usize, visit: Visit<'_>) -> bool {
    let text = variant.value.as_bytes();
    let Some(node) = tree::read(text) else { return false };
    let end = line_end(text);
    let bare = text.strip_suffix(end).unwrap_or(text);
    let own = STYLES.iter().find(|style| style.write(&node) == bare);
    let with = |written: Vec<u8>| [&written, end].concat();
    let white = |name: &str| {
        let here = own.map_or("in another way", |style| style.name);
        let says = format!("The JSON was written again {here}; the sender signs it {name}.");
        change(Cause::BodyWhitespace, says)
    };
    let mut all = |written: Vec<u8>, more: &[Change]| {
        visit(&with(written), &[&*variant.changes, more].concat())
    };
    let others = || STYLES.iter().filter(|style| Some(*style) != own);
    if left == 1 {
        let trimmed = bare.trim_ascii();
        if trimmed.len() != bare.len() {
            let says = "White space was added around the JSON.";
            if all(trimmed.to_vec(), &[change(Cause::BodyWhitespace, says)]) {
                return true;
            }
        }
        if others().any(|style| all(style.write(&node), &[white(style.name)])) {
            return true;
        }
        let Some(own) = own else { return false };
        let sorted = order::sorted(&node);
        return sorted.iter().any(|(node, how)| all(own.write(node), &[keys(how)]))
            || text.len() <= LONG
                && order::each(&node, orders, &mut |node: &Node<'_>| {
                    all(own.write(node), &[keys("in another order")])
                });
    }
    if left == 2 {
        let sorted = order::sorted(&node);
        return sorted.iter().any(|(node, how)| {
            others().any(|style| all(style.write(node), &[white(style.name), keys(how)]))
        }) || orders > FEW_ORDERS
            && text.len() <= LONG
            && others().take(USUAL_STYLES).any(|style| {
                order::each(&node, orders, &mut |node| {
                    all(style.write(node), &[white(style.name), keys("in another order")])
                })
            });
    }
    false
}

fn keys(how: &str) -> Change {
    let says = match how {
        "in another order" => "The JSON's keys are in another order than signed.".to_owned(),
        how => format!(
            "The JSON's keys are in another order than signed: {how}, the signature is right."
        ),
    };
    change(Cause::BodyKeyOrder, says)
}

/// The line ends after the last bracket.
fn line_end(text: &[u8]) -> &[u8] {
    let length = text.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    text.get(text.len() - length..).unwrap_or_default()
}
