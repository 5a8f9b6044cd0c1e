//! What the kinds of signatures have in common.

use std::sync::Arc;

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
    /// A signature beside two others.
    type Further: Send + Sync;
    /// The signed content as it arrives.
    type Running: Send + Sync;

    /// The keys that one configured secret stands for, in the order in which to try them.
    fn keys(signature: &Signature, secret: &[u8]) -> Vec<Self::Key>;

    /// What such a secret is, for the message about one that is not.
    fn expected(signature: &Signature) -> &'static str;

    /// Reads one signature.
    fn decode(encoding: Encoding, text: &[u8]) -> Option<Self::Candidate>;

    /// Takes one beside two others. What equals no right signature may pass.
    fn further(encoding: Encoding, text: &[u8]) -> Option<Self::Further>;

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
        running: Self::Running,
        key: &Self::Key,
        encoding: Encoding,
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

/// A delivery that is being proven.
pub(crate) struct Run<'k, A: Algorithm> {
    keys: Hold<'k, A>,
    shown: Candidates<A>,
    /// The content so far under the current secret, where the body comes in several chunks. In a box,
    /// because to move a MAC costs as much as to feed it a block.
    running: Option<Box<A::Running>>,
}

/// An endpoint's keys, for as long as a call takes or for as long as a body arrives.
enum Hold<'k, A: Algorithm> {
    Lent(&'k Arc<Keys<A>>),
    Shared(Arc<Keys<A>>),
}

impl<'k, A: Algorithm> Run<'k, A> {
    #[inline(always)]
    pub(super) fn new(keys: &'k Arc<Keys<A>>, shown: Candidates<A>) -> Self {
        Self { shown, keys: Hold::Lent(keys), running: None }
    }

    /// The same, for as long as the body arrives.
    #[inline(always)]
    pub(super) fn kept(self) -> Run<'static, A> {
        let keys = match self.keys {
            Hold::Lent(keys) => Arc::clone(keys),
            Hold::Shared(keys) => keys,
        };
        Run { keys: Hold::Shared(keys), shown: self.shown, running: self.running }
    }

    /// Takes all that stands before the body, if the body can be fed as it arrives.
    pub(super) fn begin(&mut self, content: &SignedContent, texts: &Texts) {
        if let Some((_, key)) = self.keys().keys.first()
            && content.streams()
        {
            self.running = Some(Box::new(begin::<A>(key, content, texts)));
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        if let Some(running) = &mut self.running {
            A::feed(running, chunk);
        }
    }

    /// Step 3. Older secrets are tried only when the current one does not match. Tells which one
    /// does.
    #[inline(always)]
    pub(super) fn finish(
        &mut self,
        content: &SignedContent,
        texts: &Texts,
        body: &[u8],
    ) -> Option<usize> {
        let boxed = self.running.take();
        let keys = self.keys();
        let (encoding, shown) = (keys.signature.encoding, &self.shown);
        let mut left = keys.keys.iter();
        if let Some(mut boxed) = boxed {
            let (index, key) = left.next()?;
            // Swapped, so that what stays in the box is wiped when it is dropped.
            let mut running = std::mem::replace(&mut *boxed, A::start(key));
            content.feed_after(texts, |bytes| A::feed(&mut running, bytes));
            if A::verify(running, key, encoding, shown) {
                return Some(*index);
            }
        }
        let found = left.find(|(_, key)| {
            let mut running = begin::<A>(key, content, texts);
            content.feed_body(body, |bytes| A::feed(&mut running, bytes));
            content.feed_after(texts, |bytes| A::feed(&mut running, bytes));
            A::verify(running, key, encoding, shown)
        });
        found.map(|(index, _)| *index)
    }

    #[inline(always)]
    fn keys(&self) -> &Keys<A> {
        match &self.keys {
            Hold::Lent(keys) => keys,
            Hold::Shared(keys) => keys,
        }
    }
}

#[inline(always)]
fn begin<A: Algorithm>(key: &A::Key, content: &SignedContent, texts: &Texts) -> A::Running {
    let mut running = A::start(key);
    content.feed_before(texts, |bytes| A::feed(&mut running, bytes));
    running
}
