//! Why something cannot be sent as a provider would send it.

use std::borrow::Cow;
use std::fmt;

/// Why a delivery cannot be made or signed. Its text says what to change, and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignError(Cow<'static, str>);

impl SignError {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SignError {}
