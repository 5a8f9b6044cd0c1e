//! Why secrets could not be found.

use std::error::Error;
use std::fmt;

use crate::error::ErrorChain;

/// Why a [`SecretResolver`](super::SecretResolver) could not answer: any error, so that `?` makes it.
pub struct ResolveError(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for ResolveError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&ErrorChain::of(&*self.0), f)
    }
}

impl fmt::Debug for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
