//! What the kinds of signatures have in common.

use std::borrow::Borrow;

use super::candidates::Candidates;
use super::content::SignedContent;
use super::signature::Signature;
use super::{Refused, Texts};
use crate::encoding::Encoding;
use crate::request_head::RequestHead;
use crate::secret::Secret;

/// A way to sign: a MAC with one hash, or a public-key signature over one curve.
pub(crate) trait Algorithm: Sized {
    /// A secret, prepared once for all deliveries.
    type Key: Send + Sync;
    /// A signature as a delivery shows it.
    type Candidate: Send + Sync;
    /// The same beside another one: in a box where it is large, so that what a delivery shows stays small
    /// enough to be moved without a call.
    type Second: From<Self::Candidate> + Borrow<Self::Candidate> + Send + Sync;
    /// The signed content as it arrives.
    type Running: Send + Sync;

    /// The keys that one configured secret stands for, in the order in which to try them.
    fn keys(signature: &Signature, secret: &[u8]) -> Vec<Self::Key>;

    /// A key that nobody knows a signature for, of these random bytes.
    #[cfg(feature = "resolver")]
    fn unknown(random: &[u8; 32]) -> Option<Self::Key>;

    /// What such a secret is, for the message about one that is not.
    fn expected(signature: &Signature) -> &'static str;

    /// Reads one signature.
    fn decode(encoding: Encoding, text: &[u8]) -> Option<Self::Candidate>;

    /// Whether it is one, beside two others. What equals no right signature may pass.
    fn may_be_one(encoding: Encoding, text: &[u8]) -> bool;

    /// How many characters each has, if all have as many.
    fn length(_: Encoding) -> Option<usize> {
        None
    }

    /// How many signatures of one delivery are looked at. No limit where one computation serves any
    /// number of them.
    const MOST_CANDIDATES: usize = usize::MAX;

    fn start(key: &Self::Key) -> Self::Running;

    fn feed(running: &mut Self::Running, bytes: &[u8]);

    /// Whether one of the signatures is right.
    fn verify(
        running: &mut Self::Running,
        key: &Self::Key,
        signature: &Signature,
        shown: &Candidates<Self>,
    ) -> bool;
}

/// The endpoint's secrets, prepared for one proof. Each key has the index of its secret.
pub(crate) struct Keys<A: Algorithm> {
    signature: Signature,
    keys: Box<[(usize, A::Key)]>,
}

impl<A: Algorithm> Keys<A> {
    /// Takes the secrets that it can use.
    pub(super) fn new(signature: &Signature, secrets: &[(usize, &Secret)]) -> Self {
        let keys = secrets.iter().flat_map(|&(index, secret)| {
            A::keys(signature, secret.expose()).into_iter().map(move |key| (index, key))
        });
        Self { signature: signature.clone(), keys: keys.collect() }
    }

    /// One key that nobody knows a signature for.
    #[cfg(feature = "resolver")]
    pub(super) fn unknown(signature: &Signature, random: &[u8; 32]) -> Self {
        let key = A::unknown(random).map(|key| (0, key));
        Self { signature: signature.clone(), keys: key.into_iter().collect() }
    }

    /// Which of the secrets are of use.
    pub(super) fn used(&self) -> impl Iterator<Item = usize> {
        self.keys.iter().map(|(index, _)| *index)
    }

    /// The first key of the secret at this index.
    pub(super) fn of_secret(&self, secret: usize) -> Option<&A::Key> {
        self.keys.iter().find_map(|(index, key)| (*index == secret).then_some(key))
    }

    /// Step 1: the signature is there and well formed.
    #[inline]
    pub(super) fn read(
        &self,
        head: &(impl RequestHead + ?Sized),
    ) -> Result<Candidates<A>, Refused<'_>> {
        self.signature.read(head)
    }
}

impl<A: Algorithm> Keys<A> {
    /// Step 3, for a body that is there as a whole: which secret matches. Older ones are tried only when
    /// the current one does not.
    #[inline(always)]
    pub(super) fn matching(
        &self,
        shown: &Candidates<A>,
        content: &SignedContent,
        texts: &Texts,
        body: &[u8],
    ) -> Option<usize> {
        let ((index, current), older) = self.keys.split_first()?;
        if self.matches(current, shown, content, texts, body) {
            return Some(*index);
        }
        self.matching_older(older, shown, content, texts, body)
    }

    #[cold]
    fn matching_older(
        &self,
        older: &[(usize, A::Key)],
        shown: &Candidates<A>,
        content: &SignedContent,
        texts: &Texts,
        body: &[u8],
    ) -> Option<usize> {
        let mut older = older.iter();
        let found = older.find(|(_, key)| self.matches(key, shown, content, texts, body));
        found.map(|(index, _)| *index)
    }

    #[inline(always)]
    fn matches(
        &self,
        key: &A::Key,
        shown: &Candidates<A>,
        content: &SignedContent,
        texts: &Texts,
        body: &[u8],
    ) -> bool {
        let mut running = A::start(key);
        content.feed_before(texts, |bytes| A::feed(&mut running, bytes));
        content.feed_body(body, |bytes| A::feed(&mut running, bytes));
        content.feed_after(texts, |bytes| A::feed(&mut running, bytes));
        A::verify(&mut running, key, &self.signature, shown)
    }
}

/// A delivery that is being proven while its body arrives.
pub(crate) struct Run<A: Algorithm> {
    shown: Candidates<A>,
    /// The content so far under the current secret, where the body comes in several chunks. In a box,
    /// because to move a MAC costs as much as to feed it a block.
    running: Option<Box<A::Running>>,
}

impl<A: Algorithm> Run<A> {
    #[inline(always)]
    pub(super) fn new(shown: Candidates<A>) -> Self {
        Self { shown, running: None }
    }

    /// Takes all that stands before the body, if the body can be fed as it arrives.
    pub(super) fn begin(&mut self, keys: &Keys<A>, content: &SignedContent, texts: &Texts) {
        if let Some((_, key)) = keys.keys.first()
            && content.streams()
        {
            let mut running = Box::new(A::start(key));
            content.feed_before(texts, |bytes| A::feed(&mut running, bytes));
            self.running = Some(running);
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        if let Some(running) = &mut self.running {
            A::feed(running, chunk);
        }
    }

    /// Step 3.
    #[inline(always)]
    pub(super) fn finish(
        &mut self,
        keys: &Keys<A>,
        content: &SignedContent,
        texts: &Texts,
        body: &[u8],
    ) -> Option<usize> {
        match self.running.take() {
            None => keys.matching(&self.shown, content, texts, body),
            Some(running) => self.finish_fed(running, keys, content, texts, body),
        }
    }

    fn finish_fed(
        &self,
        mut running: Box<A::Running>,
        keys: &Keys<A>,
        content: &SignedContent,
        texts: &Texts,
        body: &[u8],
    ) -> Option<usize> {
        let ((index, current), older) = keys.keys.split_first()?;
        content.feed_after(texts, |bytes| A::feed(&mut running, bytes));
        if A::verify(&mut running, current, &keys.signature, &self.shown) {
            return Some(*index);
        }
        keys.matching_older(older, &self.shown, content, texts, body)
    }
}
