//! Names that the user chose, before they become part of SQL.

use std::fmt;

/// A mistake in the configuration of a store. The message names the setting and how to fix it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A name with characters that would need escaping, with none, or with too many.
    InvalidName {
        /// The builder method.
        field: &'static str,
        /// The name given.
        name: String,
        /// How many bytes it may have.
        longest: usize,
    },
    /// A name that the database keeps for itself.
    ReservedName {
        /// The builder method.
        field: &'static str,
        /// The name given.
        name: String,
        /// How such names begin.
        prefix: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName { field, name, longest } => write!(
                f,
                "`{field}`: {name:?} is not a plain name; give one of ASCII letters, digits and \
                 `_` that does not begin with a digit and has 1 to {longest} bytes, such as \
                 `webhooks`"
            ),
            Self::ReservedName { field, name, prefix } => write!(
                f,
                "`{field}`: {name:?} is reserved, because the database keeps names that begin \
                 with `{prefix}` for itself; give another one, such as `webhooks`"
            ),
        }
    }
}

/// The same sentence: it is what a `main` that returns the error prints.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

/// What PostgreSQL cuts names to.
#[cfg(feature = "postgres")]
pub(crate) const LONGEST_SCHEMA: usize = 63;

/// Leaves room for what is named after the table: its indexes, and the tables beside it with theirs. The
/// longest of these names has 11 bytes more, and none is cut to another one's.
pub(crate) const LONGEST_TABLE: usize = 50;

/// The table's name unless another is given.
pub(crate) const DEFAULT_TABLE: &str = "countersign";

/// Refuses a name that is more than a plain identifier, or that begins like one of the database's.
pub(crate) fn check(
    field: &'static str,
    name: &str,
    longest: usize,
    reserved: &'static str,
) -> Result<(), ConfigError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if !plain || !begins || name.len() > longest {
        return Err(ConfigError::InvalidName { field, name: name.to_owned(), longest });
    }
    match name.get(..reserved.len()) {
        Some(start) if start.eq_ignore_ascii_case(reserved) => {
            Err(ConfigError::ReservedName { field, name: name.to_owned(), prefix: reserved })
        }
        _ => Ok(()),
    }
}
