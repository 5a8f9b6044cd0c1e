//! The bodies that the sender may have signed, made of the one that is here.
//!
//! Three steps, each of which may be left out: what was done to the bytes ([`bytes`], [`form`]), how the
//! JSON was written again ([`json`]), and the line end after it.

mod bytes;
mod form;
mod json;
mod numbers;
mod order;
mod strings;
mod tree;

use super::cause::Cause;
use super::change::{Change, Variant, change};

/// Of what is larger, only one thing at a time is undone: all else would take too long.
const LARGE: usize = 128 * 1024;

/// A received body, and what was done to its bytes.
pub(super) struct Bodies {
    transported: Vec<Variant<Vec<u8>>>,
}

/// Takes a body and what was undone; true ends the search.
pub(super) type Visit<'v> = &'v mut dyn FnMut(&[u8], &[Change]) -> bool;

impl Bodies {
    /// `field` is the form's field that holds JSON, where the provider has one.
    pub(super) fn of(received: &[u8], field: Option<&str>) -> Self {
        let mut transported = vec![Variant::given(received.to_vec())];
        let mut steps = if received.len() > LARGE { 1 } else { 2 };
        let mut from = 0;
        while steps > 0 {
            let to = transported.len();
            for index in from..to {
                let Some(variant) = transported.get(index).cloned() else { break };
                let add = &mut |value: Vec<u8>, undone: Change| {
                    let is_new = !transported.iter().any(|other| other.value == value);
                    if is_new && !variant.has(undone.cause) && !value.is_empty() {
                        transported.push(variant.and(value, undone));
                    }
                };
                bytes::variants(&variant.value, add);
                // Forms of forms would be endless, and each has many spellings.
                if variant.cost() == 0 && variant.value.len() <= LARGE {
                    form::variants(&variant.value, field, add);
                }
            }
            (from, steps) = (to, steps - 1);
        }
        transported.sort_by_key(Variant::cost);
        Self { transported }
    }

    /// Visits the bodies with exactly so many things undone. Where the same bytes come of two causes, that
    /// of the bytes comes first: a line end is more exact than white space. With `deep`, also in the many
    /// orders that keys may have had.
    pub(super) fn each(&self, cost: usize, deep: bool, visit: Visit<'_>) -> bool {
        // Several together are mostly of JSON that was written again.
        let (given, others) = self.transported.split_at(1.min(self.transported.len()));
        let (first, last) = if cost == 1 { (others, given) } else { (given, others) };
        first.iter().chain(last).any(|variant| {
            let Some(left) = cost.checked_sub(variant.cost()) else { return false };
            let mut all =
                |body: &[u8], more: &[Change]| visit(body, &[&*variant.changes, more].concat());
            if left == 0 {
                return all(&variant.value, &[]);
            }
            ends(&variant.value).any(|(body, undone)| left == 1 && all(&body, &[undone]))
                || json::each(&variant.value, left, deep, &mut all)
                || left > 1
                    && json::each(&variant.value, left - 1, false, &mut |body, changes| {
                        ends(body).any(|(body, undone)| {
                            all(&body, &[changes, std::slice::from_ref(&undone)].concat())
                        })
                    })
        })
    }
}

/// The body with another end of its last line.
fn ends(body: &[u8]) -> impl Iterator<Item = (Vec<u8>, Change)> {
    let bare = body.trim_ascii_end();
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let has_end = body.last().is_some_and(is_line_end);
    let stripped = bare.len()
        + body.get(bare.len()..).map_or(0, |rest| {
            rest.len() - rest.iter().rev().take_while(|byte| is_line_end(byte)).count()
        });
    let without = has_end.then(|| {
        let says = "A line end was added after the body; without it the signature is right.";
        (body.get(..stripped).unwrap_or_default().to_vec(), says)
    });
    let with = ["\n", "\r\n"].map(|end| {
        let name = if end == "\n" { "LF" } else { "CRLF" };
        (!has_end).then(|| ([body, end.as_bytes()].concat(), name))
    });
    let with = with.into_iter().flatten().map(|(body, name)| {
        (
            body,
            change(
                Cause::BodyTrailingNewline,
                format!("The line end ({name}) after the body is missing; the sender signs it."),
            ),
        )
    });
    let without = without.map(|(body, says)| (body, change(Cause::BodyTrailingNewline, says)));
    without.into_iter().chain(with)
}
