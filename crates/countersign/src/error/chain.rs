//! An error with its causes, as a log needs it.

use std::error::Error;
use std::fmt::{self, Write as _};

/// An error and its causes on one line, each once: for a log or a command line.
///
/// The errors of countersign say in `Display` what went wrong and have the cause in
/// [`source`](Error::source), as is the custom. So `{error}` alone leaves the cause out. Many error
/// reporters print the causes by themselves; where none does, use this:
///
/// ```
/// use countersign::{ErrorChain, StoreError, StoreErrorKind};
///
/// let error = StoreError::new(StoreErrorKind::Unavailable, "connection refused");
/// assert_eq!(error.to_string(), "the store cannot answer");
/// assert_eq!(ErrorChain::of(&error).to_string(), "the store cannot answer: connection refused");
/// ```
///
/// Line ends and other control characters are escaped, so that one error is one line of a log.
#[derive(Clone, Copy)]
pub struct ErrorChain<'a>(&'a (dyn Error + 'static));

impl<'a> ErrorChain<'a> {
    /// This error, and what [`source`](Error::source) has of it.
    #[must_use]
    pub fn of(error: &'a (dyn Error + 'static)) -> Self {
        Self(error)
    }
}

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Errors of other crates may repeat their cause.
            if !said.contains(&text) {
                said.push_str(": ");
                said.push_str(&text);
            }
            cause = error.source();
        }
        said.chars().try_for_each(|char| match char {
            '"' | '\'' | '\\' => f.write_char(char),
            _ => write!(f, "{}", char.escape_debug()),
        })
    }
}

impl fmt::Debug for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
