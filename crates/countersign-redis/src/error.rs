//! What can go wrong, as the store contract's errors.

use std::error::Error;
use std::fmt;

use countersign::{StoreError, StoreErrorKind};
use redis::RedisError;

/// A mistake in the configuration of a store. The message names the setting and how to fix it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A prefix that is not 1 to 64 ASCII letters, digits and `: . _ - /`.
    InvalidPrefix {
        /// The prefix given.
        prefix: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPrefix { prefix } => write!(
                f,
                "`prefix`: {prefix:?} is not a plain prefix; give 1 to 64 ASCII letters, digits and \
                 `: . _ - /`, such as `shop:webhooks:`"
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

impl Error for ConfigError {}

impl From<ConfigError> for ConnectError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// Why a store could not be made.
///
/// Neither `Debug` nor `Display` shows the server's address or password.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting of the builder is wrong.
    Config(ConfigError),
    /// The address is not one of a Redis server.
    Address(RedisError),
    /// The server cannot be reached, or refuses the login or a command that the store needs.
    Server(StoreError),
    /// The server may drop keys when its memory is full, and
    /// [`refuse_eviction`](crate::RedisStoreBuilder::refuse_eviction) is set.
    Eviction {
        /// The server's `maxmemory-policy`.
        policy: String,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Address(_) => f.write_str("the server's address is not usable"),
            Self::Server(error) => error.fmt(f),
            Self::Eviction { policy } => write!(
                f,
                "the server's maxmemory-policy is {policy}: it forgets handled events when its \
                 memory is full; set it to noeviction"
            ),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            // These two are printed by `Display` itself.
            Self::Server(error) => error.source(),
            Self::Config(error) => error.source(),
            Self::Eviction { .. } => None,
        }
    }
}

/// Whether the server's error has this code, or a script has met an error with it. Servers before
/// version 7 wrap those: `ERR Error running script (…): @user_script:4: -OOM command not allowed`.
pub(crate) fn says(error: &RedisError, code: &str) -> bool {
    let wrapped = |detail: &str| detail.contains(&format!("-{code} "));
    error.code() == Some(code) || error.detail().is_some_and(wrapped)
}

/// The error as the core gets it.
pub(crate) fn store_error(error: RedisError) -> StoreError {
    if says(&error, "OOM") {
        return StoreError::new(StoreErrorKind::Full, error);
    }
    // Servers repeat what they do not understand, and the claim's token is part of it.
    if let Some((what, _)) = error.detail().and_then(|detail| detail.split_once(", with args")) {
        let what = format!("the server does not know a command that the store needs: {what}");
        return StoreError::new(StoreErrorKind::Unavailable, what);
    }
    StoreError::new(StoreErrorKind::Unavailable, error)
}

#[cfg(test)]
mod tests {
    use countersign::ErrorChain;
    use redis::ErrorKind;

    use super::*;

    fn error(detail: &str) -> RedisError {
        (ErrorKind::Extension, "an error of the server", detail.to_owned()).into()
    }

    #[test]
    fn errors_in_scripts_of_old_servers_are_recognised() {
        let wrapped = error(
            "Error running script (call to f_0): @user_script:4: -OOM command not allowed when \
             used memory > 'maxmemory'.",
        );
        assert!(says(&wrapped, "OOM") && !says(&wrapped, "READONLY"));
        assert_eq!(store_error(wrapped).kind(), StoreErrorKind::Full);
    }

    #[test]
    fn what_a_server_repeats_is_not_shown() {
        let unknown = error("unknown command 'EVALSHA', with args beginning with: 'c0123'");
        let shown = store_error(unknown);
        assert_eq!(shown.kind(), StoreErrorKind::Unavailable);
        let chain = ErrorChain::of(&shown).to_string();
        assert!(!format!("{chain} {shown:?}").contains("c0123"), "{chain}");
        assert!(chain.contains("unknown command 'EVALSHA'"), "{chain}");
    }
}
