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
    type Candidate: Clone + Send + Sync;
    /// The signed content as it arrives.
    type Running: Send + Sync;

    /// The keys that one configured secret stands for, in the order in which to try them.
    fn keys(signature: &Signature, secret: &[u8]) -> Vec<Self::Key>;

    /// What such a secret is, for the message about one that is not.
    fn expected(signature: &Signature) -> &'static str;

    /// Reads one signature.
    fn decode(encoding: Encoding, text: &[u8]) -> Option<Self::Candidate>;

    /// How many signatures of one delivery are looked at. No limit where one computation serves any
    /// number of them.
    const MOST_CANDIDATES: usize = usize::MAX;

    fn start(key: &Self::Key) -> Self::Running;

    fn feed(running: &mut Self::Running, bytes: &[u8]);

    /// Whether one of the signatures is right.
    fn verify(running: Self::Running, key: &Self::Key, shown: &Candidates<Self::Candidate>)
    -> bool;
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
    ) -> Result<Candidates<A::Candidate>, Refused<'_>> {
        self.signature.read(head, A::MOST_CANDIDATES, A::decode)
    }
}

/// A delivery that is being proven.
pub(crate) struct Run<A: Algorithm> {
    keys: Arc<Keys<A>>,
    shown: Candidates<A::Candidate>,
    /// The content so far under the current secret, where the body comes in several chunks. In a box,
    /// because to move a MAC costs as much as to feed it a block.
    running: Option<Box<A::Running>>,
}

impl<A: Algorithm> Run<A> {
    #[inline(always)]
    pub(super) fn new(keys: &Arc<Keys<A>>, shown: Candidates<A::Candidate>) -> Self {
        Self { shown, keys: Arc::clone(keys), running: None }
    }

    /// Takes all that stands before the body, if the body can be fed as it arrives.
    pub(super) fn begin(&mut self, content: &SignedContent, texts: &Texts) {
        if let Some((_, key)) = self.keys.keys.first()
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
    #[inline]
    pub(super) fn finish(
        &mut self,
        content: &SignedContent,
        texts: &Texts,
        body: &[u8],
    ) -> Option<usize> {
        let Self { keys, shown, running } = self;
        let mut left = keys.keys.iter();
        if let Some(mut boxed) = running.take() {
            let (index, key) = left.next()?;
            // Swapped, so that what stays in the box is wiped when it is dropped.
            let mut running = std::mem::replace(&mut *boxed, A::start(key));
            content.feed_after(texts, |bytes| A::feed(&mut running, bytes));
            if A::verify(running, key, shown) {
                return Some(*index);
            }
        }
        let found = left.find(|(_, key)| {
            let mut running = begin::<A>(key, content, texts);
            content.feed_body(body, |bytes| A::feed(&mut running, bytes));
            content.feed_after(texts, |bytes| A::feed(&mut running, bytes));
            A::verify(running, key, shown)
        });
        found.map(|(index, _)| *index)
    }
}

#[inline]
fn begin<A: Algorithm>(key: &A::Key, content: &SignedContent, texts: &Texts) -> A::Running {
    let mut running = A::start(key);
    content.feed_before(texts, |bytes| A::feed(&mut running, bytes));
    running
}
