//! The signed content: which bytes are under the MAC, in which order.

use std::borrow::Cow;

use crate::error::ConfigError;

/// A piece of the signed content, for
/// [`ProviderBuilder::signed_content`](crate::ProviderBuilder::signed_content).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The request's body, byte for byte. Every signed content has it once.
    Body,
    /// The time header's bytes as sent.
    Timestamp,
    /// The id header's bytes as sent: 1 to 128 visible ASCII characters, without the literal that
    /// stands beside it.
    Id,
    /// Fixed text.
    Literal(Cow<'static, str>),
}

impl Part {
    /// Fixed text, such as the `.` between a time and a body.
    pub fn literal(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Literal(text.into())
    }
}

/// The parts, split at the body.
#[derive(Clone, Debug)]
pub(crate) struct SignedContent {
    before: Box<[Part]>,
    after: Box<[Part]>,
}

impl SignedContent {
    pub(crate) fn body_only() -> Self {
        Self { before: Box::default(), after: Box::default() }
    }

    pub(crate) fn new(parts: &[Part]) -> Result<Self, ConfigError> {
        let bodies = parts.iter().filter(|part| **part == Part::Body).count();
        match parts.iter().position(|part| *part == Part::Body).map(|at| parts.split_at(at)) {
            Some((before, [_, after @ ..])) if bodies == 1 => {
                Ok(Self { before: before.into(), after: after.into() })
            }
            _ => Err(ConfigError::SignedContentBody { bodies }),
        }
    }

    /// Whether some part that varies stands right beside another, with no literal between, so
    /// that the MAC does not say where the one ends. A time of one fixed format is recognized.
    pub(crate) fn is_ambiguous(&self, time_format_is_fixed: bool) -> bool {
        let literal = |part: &Part| matches!(part, Part::Literal(text) if !text.is_empty());
        let ends_itself = |part: &Part| *part == Part::Timestamp && time_format_is_fixed;
        let body = [Part::Body];
        let parts: Vec<_> = self.before.iter().chain(&body).chain(&self.after).collect();
        parts.windows(2).any(|pair| match pair {
            [left, right] => {
                let id = **left == Part::Id || **right == Part::Id;
                !(literal(left) || literal(right))
                    && (id || !(ends_itself(left) || ends_itself(right)))
            }
            _ => false,
        })
    }

    pub(crate) fn contains(&self, wanted: &Part) -> bool {
        self.before.iter().chain(&self.after).any(|part| part == wanted)
    }

    /// Whether an id can be told from its neighbours. The literal at its side must not occur
    /// earlier (or, before the id, later): otherwise a replayer could cut the same bytes elsewhere
    /// and show another id, and another body, under the same MAC.
    pub(crate) fn sets_apart(&self, id: &[u8]) -> bool {
        let pairs = [&self.before, &self.after].into_iter().flat_map(|parts| parts.windows(2));
        pairs.into_iter().all(|pair| match pair {
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

    /// Feeds what stands before the body.
    pub(crate) fn feed_before(&self, texts: &Texts, sink: impl FnMut(&[u8])) {
        feed(&self.before, texts, sink);
    }

    /// Feeds what stands after the body.
    pub(crate) fn feed_after(&self, texts: &Texts, sink: impl FnMut(&[u8])) {
        feed(&self.after, texts, sink);
    }
}

fn feed(parts: &[Part], texts: &Texts, mut sink: impl FnMut(&[u8])) {
    for part in parts {
        match part {
            Part::Body => {}
            Part::Timestamp => sink(texts.time.as_bytes()),
            Part::Id => sink(texts.id.as_bytes()),
            Part::Literal(text) => sink(text.as_bytes()),
        }
    }
}

/// The header texts that belong to the signed content, kept until the body has arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    pub(crate) time: Text<{ crate::window::MAX_TIME_LENGTH }>,
    pub(crate) id: Text<128>,
}

/// A short text held inline, so that keeping it allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct Text<const CAPACITY: usize> {
    length: usize,
    bytes: [u8; CAPACITY],
}

impl<const CAPACITY: usize> Text<CAPACITY> {
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; CAPACITY];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { length: text.len(), bytes })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl<const CAPACITY: usize> Default for Text<CAPACITY> {
    fn default() -> Self {
        Self { length: 0, bytes: [0; CAPACITY] }
    }
}
