//! The signatures that a delivery carries. One of them must be the right one.

use std::borrow::Borrow as _;

use super::algorithm::Algorithm;
use crate::encoding::Encoding;

/// One or more signatures. With most algorithms the first two need no allocation: there are two while a
/// secret rotates.
pub(crate) struct Candidates<A: Algorithm> {
    first: A::Candidate,
    second: Option<A::Second>,
    /// In the form that costs the least to keep: there may be a hundred, sent to make work.
    more: Vec<A::Further>,
}

#[cfg(any(feature = "ed25519", feature = "p256"))]
impl<A: Algorithm<Further = <A as Algorithm>::Candidate>> Candidates<A> {
    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &A::Candidate> {
        std::iter::once(&self.first).chain(self.second()).chain(&self.more)
    }
}

impl<A: Algorithm> Candidates<A> {
    #[inline]
    pub(super) fn one(first: A::Candidate) -> Self {
        Self { first, second: None, more: Vec::new() }
    }

    #[inline]
    pub(super) fn first(&self) -> &A::Candidate {
        &self.first
    }

    #[inline]
    pub(super) fn second(&self) -> Option<&A::Candidate> {
        self.second.as_ref().map(|second| second.borrow())
    }

    /// The others.
    #[inline]
    pub(super) fn more(&self) -> &[A::Further] {
        &self.more
    }

    /// Whether there are no more than are looked at.
    pub(super) fn are_few(&self) -> bool {
        self.more.len() <= A::MOST_CANDIDATES - 2
    }
}

/// What was found so far.
pub(super) struct Found<A: Algorithm>(Option<Candidates<A>>);

impl<A: Algorithm> Found<A> {
    /// Adds a signature, if it is one. `of` is how long the header is in which it was found.
    #[inline]
    pub(super) fn add(&mut self, encoding: Encoding, text: &[u8], of: usize) {
        match &mut self.0 {
            None => self.0 = A::decode(encoding, text).map(Candidates::one),
            Some(Candidates { second: second @ None, .. }) => {
                *second = A::decode(encoding, text).map(A::Second::from);
            }
            Some(Candidates { more, .. }) => {
                let Some(further) = A::further(encoding, text) else { return };
                if more.is_empty() {
                    // The header has no room for more of them.
                    more.reserve_exact((of / text.len().max(1)).min(A::MOST_CANDIDATES));
                }
                more.push(further);
            }
        }
    }

    pub(super) fn candidates(self) -> Option<Candidates<A>> {
        self.0
    }
}

impl<A: Algorithm> Default for Found<A> {
    fn default() -> Self {
        Self(None)
    }
}
