//! The signatures that a delivery carries. One of them must be the right one.

use std::borrow::Borrow as _;

use super::algorithm::Algorithm;
use super::signature::{Signature, Texts};

/// One or more signatures. With most algorithms the first two need no allocation: there are two while a
/// secret rotates.
pub(crate) struct Candidates<A: Algorithm> {
    first: A::Candidate,
    second: Option<A::Second>,
    more: Further,
}

/// What headers hold from the third signature on, as it was sent: there may be a hundred, sent to make
/// work, and to take them apart once costs less than to keep each. What each header holds has its
/// length before it.
#[derive(Default)]
struct Further(Vec<u8>);

impl<A: Algorithm> Candidates<A> {
    #[inline]
    pub(super) fn one(first: A::Candidate) -> Self {
        Self { first, second: None, more: Further::default() }
    }

    #[inline]
    pub(super) fn first(&self) -> &A::Candidate {
        &self.first
    }

    #[inline]
    pub(super) fn second(&self) -> Option<&A::Candidate> {
        self.second.as_ref().map(|second| second.borrow())
    }

    #[inline]
    pub(super) fn has_more(&self) -> bool {
        !self.more.0.is_empty()
    }

    /// The texts of the others, header by header. Some may be no signatures.
    #[inline]
    pub(super) fn more<'s>(&'s self, signature: &'s Signature) -> impl Iterator<Item = Texts<'s>> {
        self.more.parts().map(|part| signature.texts::<A>(part))
    }

    /// Whether one of them is right, where each must be tried by itself.
    #[cfg(any(feature = "ed25519", feature = "p256"))]
    pub(super) fn any(
        &self,
        signature: &Signature,
        mut is_right: impl FnMut(&A::Candidate) -> bool,
    ) -> bool {
        is_right(&self.first)
            || self.second().is_some_and(&mut is_right)
            || self
                .more(signature)
                .flatten()
                .filter_map(|text| A::decode(signature.encoding, text))
                .any(|candidate| is_right(&candidate))
    }
}

impl Further {
    fn keep(&mut self, part: &[u8]) {
        self.0.reserve_exact(size_of::<usize>() + part.len());
        self.0.extend_from_slice(&part.len().to_ne_bytes());
        self.0.extend_from_slice(part);
    }

    #[inline]
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut left = &*self.0;
        std::iter::from_fn(move || {
            let (length, rest) = left.split_first_chunk()?;
            let (part, rest) = rest.split_at_checked(usize::from_ne_bytes(*length))?;
            left = rest;
            Some(part)
        })
    }
}

/// What was found so far.
pub(super) struct Found<A: Algorithm> {
    candidates: Option<Candidates<A>>,
    /// How many there are beside two, as far as they are counted.
    more: usize,
}

impl<A: Algorithm> Found<A> {
    /// Adds the signatures that a header holds.
    #[inline]
    pub(super) fn add(&mut self, signature: &Signature, value: &[u8]) {
        let encoding = signature.encoding;
        let (mut texts, mut are_kept) = (signature.texts::<A>(value), false);
        loop {
            let left = texts.left();
            let Some(text) = texts.next() else { return };
            match &mut self.candidates {
                None => self.candidates = A::decode(encoding, text).map(Candidates::one),
                Some(Candidates { second: second @ None, .. }) => {
                    *second = A::decode(encoding, text).map(A::Second::from);
                }
                Some(_) if !A::may_be_one(encoding, text) => {}
                Some(Candidates { more, .. }) => {
                    if !are_kept {
                        more.keep(left);
                        are_kept = true;
                    }
                    self.more += 1;
                    if A::MOST_CANDIDATES == usize::MAX {
                        return;
                    }
                }
            }
        }
    }

    /// The signatures, unless there are more than are looked at.
    pub(super) fn candidates(self) -> Option<Candidates<A>> {
        self.candidates.filter(|_| self.more <= A::MOST_CANDIDATES - 2)
    }
}

impl<A: Algorithm> Default for Found<A> {
    fn default() -> Self {
        Self { candidates: None, more: 0 }
    }
}
