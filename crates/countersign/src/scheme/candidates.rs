//! The signatures that a delivery carries. One of them must be the right one.

/// One or more signatures. The first two need no allocation: there are two while a secret rotates.
#[derive(Clone, Debug)]
pub(crate) struct Candidates<C> {
    first: C,
    second: Option<C>,
    more: Vec<C>,
}

impl<C> Candidates<C> {
    #[inline]
    pub(super) fn one(first: C) -> Self {
        Self { first, second: None, more: Vec::new() }
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &C> {
        std::iter::once(&self.first).chain(&self.second).chain(&self.more)
    }
}

/// What was found so far.
pub(super) struct Found<C>(Option<Candidates<C>>);

impl<C> Found<C> {
    pub(super) fn add(&mut self, mut more: impl Iterator<Item = C>) {
        let candidates = match &mut self.0 {
            Some(candidates) => candidates,
            None => match more.next() {
                Some(first) => self.0.insert(Candidates::one(first)),
                None => return,
            },
        };
        if candidates.second.is_none() {
            candidates.second = more.next();
        }
        candidates.more.extend(more);
    }

    pub(super) fn candidates(self) -> Option<Candidates<C>> {
        self.0
    }
}

impl<C> Default for Found<C> {
    fn default() -> Self {
        Self(None)
    }
}
