//! Why a store could not do what it was asked.

use std::error::Error;
use std::fmt;

/// A store that could not do what it was asked. Its [`source`](Error::source) has the cause;
/// [`ErrorChain`](crate::ErrorChain) prints both.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It cannot answer: down, slow, restarting.
    Unavailable,
    /// It has no room for another key. A claim that is answered so was not made, and is not released.
    Full,
    /// It does not have this call.
    Unsupported,
}

impl StoreError {
    /// An error of this kind, with its cause.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// A store that does not have this call.
    pub(super) fn unsupported(call: &str) -> Self {
        let what = format!("this kind of store does not implement `Store::{call}`");
        Self::new(StoreErrorKind::Unsupported, what)
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the store cannot answer",
            StoreErrorKind::Full => "the store is full",
            StoreErrorKind::Unsupported => "the store cannot do this",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
