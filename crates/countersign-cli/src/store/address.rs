//! What a store is named by on the command line.

use crate::env_files::EnvFiles;

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
    /// Variables are also in files.
    pub(crate) fn parse(given: &str, of: &str, env: &EnvFiles) -> Result<Self, String> {
        let address = match given.strip_prefix("env:") {
            None => given.to_owned(),
            Some(variable) => {
                let address = env.text(variable).map_err(|problem| format!("{of}: {problem}"))?;
                String::clone(&address)
            }
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
