//! A delivery that is being proven, with one proof or with several of which one must hold.

use super::content::SignedContent;
use super::{Keyed, KeyedProof, ProvingOne, Refused, Texts};
use crate::rejection::RejectionKind;
use crate::request_head::RequestHead;

/// A delivery that is being proven. It is finished with the keys that it was started with.
pub(crate) enum Proving {
    One(ProvingOne),
    /// The first that holds counts. Each has the place of its keys.
    AnyOf(Vec<(usize, ProvingOne)>),
}

impl Proving {
    /// Before the body: whether this can still hold with these keys. Only a token is known to be wrong by
    /// now.
    #[cfg(feature = "resolver")]
    pub(crate) fn may_hold(&self, keys: &Keyed) -> Result<(), RejectionKind> {
        match (self, &*keys.0) {
            (Self::One(ProvingOne::TokenShown(digest)), [KeyedProof::Token(keys)]) => {
                keys.matching(digest).map(|_| ()).ok_or(RejectionKind::TokenMismatch)
            }
            _ => Ok(()),
        }
    }

    /// Takes what stands before the body, when the body turns out to come in several chunks. One that is
    /// whole is taken by [`finish`](Self::finish).
    pub(crate) fn begin(&mut self, keys: &Keyed, content: &SignedContent, texts: &Texts) {
        match self {
            Self::One(one) => {
                keys.0.first().into_iter().for_each(|keys| one.begin(keys, content, texts));
            }
            Self::AnyOf(several) => several.iter_mut().for_each(|(place, one)| {
                keys.0.get(*place).into_iter().for_each(|keys| one.begin(keys, content, texts));
            }),
        }
    }

    /// Takes the next chunk of the body.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        match self {
            Self::One(one) => one.push(chunk),
            Self::AnyOf(several) => several.iter_mut().for_each(|(_, one)| one.push(chunk)),
        }
    }

    /// Step 3: which secret matches. Nothing of the body has been looked at before.
    #[inline(always)]
    pub(crate) fn finish(
        &mut self,
        keys: &Keyed,
        content: &SignedContent,
        texts: &Texts,
        body: &[u8],
    ) -> Option<usize> {
        if !content.fits(texts, body) {
            return None;
        }
        match self {
            Self::One(one) => one.finish(keys.0.first()?, content, texts, body),
            Self::AnyOf(several) => several
                .iter_mut()
                .find_map(|(place, one)| one.finish(keys.0.get(*place)?, content, texts, body)),
        }
    }
}

/// All the proofs that the head shows, each with its place: one of them must hold.
pub(super) fn start_several<'k>(
    proofs: &'k [KeyedProof],
    head: &(impl RequestHead + ?Sized),
) -> Result<Vec<(usize, ProvingOne)>, Refused<'k>> {
    let (mut started, mut refused) = (Vec::new(), None::<Refused<'_>>);
    for (place, proof) in proofs.iter().enumerate() {
        match (proof.start(head, |one| one.map(|one| (place, one))), &refused) {
            (Ok(one), _) => started.push(one),
            // What is there and wrong tells more than what is missing.
            (Err(_), Some(Refused { kind, .. })) if !is_missing(*kind) => {}
            (Err(why), _) => refused = Some(why),
        }
    }
    match refused {
        _ if !started.is_empty() => Ok(started),
        Some(why) => Err(why),
        None => Err(Refused { kind: RejectionKind::SignatureMissing, header: None }),
    }
}

fn is_missing(kind: RejectionKind) -> bool {
    matches!(kind, RejectionKind::SignatureMissing | RejectionKind::TokenMissing)
}
