//! What a store is named by on the command line.

/// Where a store is.
pub(crate) enum Address {
    /// In this process.
    Memory,
    /// The path of a file.
    Sqlite(String),
    /// A URL.
    Postgres(String),
    /// A URL.
    Redis(String),
}

impl Address {
    /// `of` is how the command line names it, for the error, which is one sentence without a password.
    pub(crate) fn parse(given: &str, of: &str) -> Result<Self, String> {
        let address = match given.strip_prefix("env:") {
            None => given.to_owned(),
            Some(variable) => std::env::var(variable)
                .map_err(|_| format!("{of}: the environment variable {variable} is not set"))?,
        };
        match address.split_once(':') {
            None if address == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => {
                Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).to_owned()))
            }
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(address)),
            Some(("redis" | "rediss" | "redis+unix" | "unix", _)) => Ok(Self::Redis(address)),
            // It does not repeat what was given, which may hold a password.
            _ => Err(format!(
                "{of} is memory, sqlite:PATH, postgres://…, redis://…, or env:VARIABLE with one of \
                 these in it"
            )),
        }
    }
}
