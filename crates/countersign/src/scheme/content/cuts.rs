//! Whether a signed content can be cut into its parts in one way only. Otherwise whoever replays a delivery
//! could show another id, time or body under the same signature.

use super::{Part, SignedContent};
use crate::scheme::pieces::is_plain;

impl SignedContent {
    /// Whether some part that varies stands right beside another, with no literal between, so
    /// that the MAC does not say where the one ends.
    ///
    /// A time of one fixed format is recognized, and so is what is made of a request's head: it has
    /// none of the characters with which JSON begins and ends.
    pub(crate) fn is_ambiguous(&self, time_format_is_fixed: bool) -> bool {
        let literal = |part: &Part| matches!(part, Part::Literal(text) if !text.is_empty());
        let ends_itself = |part: &Part| match part {
            Part::Timestamp => time_format_is_fixed,
            Part::BodySha256 | Part::Method => true,
            _ => false,
        };
        // An id has no brackets either: a piece beside it, or beside another piece, ends anywhere.
        let body_and_piece = |left: &Part, right: &Part| left.is_body() && right.is_piece();
        // That one adds nothing.
        let parts = self.parts().filter(|part| !matches!(part, Part::BodySha256InQuery(_)));
        let parts: Vec<_> = parts.collect();
        parts.windows(2).any(|pair| match pair {
            [left, right] => {
                !(literal(left)
                    || literal(right)
                    || ends_itself(left)
                    || ends_itself(right)
                    || body_and_piece(left, right)
                    || body_and_piece(right, left))
            }
            _ => false,
        })
    }

    /// Whether the time stands beside something with no literal between: then only one length of it
    /// will do.
    pub(crate) fn time_touches(&self) -> bool {
        let parts: Vec<_> = self.parts().collect();
        parts.windows(2).any(|pair| match pair {
            [Part::Timestamp, Part::Literal(text)] | [Part::Literal(text), Part::Timestamp] => {
                text.is_empty()
            }
            [left, right] => **left == Part::Timestamp || **right == Part::Timestamp,
            _ => false,
        })
    }

    /// Whether bytes could be moved between the body and what stands beside it: a form has no brackets
    /// that would show where it ends.
    pub(crate) fn body_may_move(&self) -> bool {
        self.body == Part::SortedForm && self.json_edges.contains(&true)
    }

    /// Whether an id can be told from its neighbours. The literal at its side must not occur
    /// earlier (or, before the id, later): otherwise a replayer could cut the same bytes elsewhere
    /// and show another id, and another body, under the same MAC.
    /// Where nothing but the body's brackets shows where an id ends, it has none itself.
    pub(crate) fn sets_apart(&self, id: &[u8]) -> bool {
        if self.json_edges.contains(&true) && !id.iter().all(|byte| is_plain(*byte)) {
            return false;
        }
        let pairs = [&self.before, &self.after].into_iter().flat_map(|parts| parts.windows(2));
        pairs.into_iter().all(|pair| match pair {
            // A literal that reaches into the id begins or ends there.
            [Part::Id, Part::Literal(after)] if lacks(id, after.as_bytes().first()) => true,
            [Part::Literal(before), Part::Id] if lacks(id, before.as_bytes().last()) => true,
            [Part::Id, Part::Literal(after)] => {
                let after = after.as_bytes();
                let found_at = |at| id.iter().chain(after).skip(at).take(after.len()).eq(after);
                !(0..id.len()).any(found_at)
            }
            [Part::Literal(before), Part::Id] => {
                let before = before.as_bytes();
                let found_at = |at| before.iter().chain(id).skip(at).take(before.len()).eq(before);
                !(1..=id.len()).any(found_at)
            }
            _ => true,
        })
    }
}

/// Whether the byte is there, and not in the id.
fn lacks(id: &[u8], byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| memchr::memchr(*byte, id).is_none())
}

/// Whether bytes could be moved between the body and what is made of the head on one side of it: these
/// parts, from the body outwards. Only the brackets of JSON, which ids and pieces do not have, show then
/// where the body ends.
pub(super) fn touches<'p>(parts: impl Iterator<Item = &'p Part>) -> bool {
    let mut beside = None::<&Part>;
    for part in parts {
        let is_set_apart = match (part, beside) {
            // An id with the literal beside it in it is refused.
            (Part::Id, Some(Part::Literal(text))) => !text.is_empty(),
            // A line break is in no piece.
            (_, Some(Part::Literal(text))) => !text.bytes().all(|byte| byte.is_ascii_graphic()),
            _ => false,
        };
        let ends_anywhere = *part == Part::Id || part.is_piece() && *part != Part::Method;
        if ends_anywhere && !is_set_apart {
            return true;
        }
        beside = Some(part);
    }
    false
}
