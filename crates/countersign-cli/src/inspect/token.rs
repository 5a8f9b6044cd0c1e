//! The token that an inspector asks for where others can reach it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign::signing::sha256_hex;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::env_files::EnvFiles;

/// A shorter one could be guessed.
const SHORTEST: usize = 16;

/// How long a wrong one takes: five a second are no way to guess a token of 16 characters.
const PENALTY: Duration = Duration::from_millis(200);

/// How long somebody waits until others have had their turn: as long as all connections together take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The token, and what a browser shows in its place after the login. Clones are the same.
#[derive(Clone)]
pub(super) struct Token(Arc<Shared>);

struct Shared {
    /// As its digest: all digests have the same length.
    digest: String,
    session: String,
    /// One is compared at a time.
    turn: Arc<Semaphore>,
    /// Where it is, for the one who starts the program.
    source: String,
}

/// What became of a token that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Right,
    Wrong,
    /// Too many are being compared.
    Busy,
}

impl Token {
    pub(super) fn new(token: &str) -> Result<Self, String> {
        Self::of(token, "the given one".to_owned())
    }

    /// From `env:VARIABLE`, also of an env file, or `file:PATH`. An error does not repeat what was given, which
    /// may be the token itself.
    pub(super) fn from_source(source: &str, env: &EnvFiles) -> Result<Self, String> {
        let token = match source.split_once(':') {
            Some(("env", name)) if !name.is_empty() => env.text(name)?,
            Some(("file", path)) if !path.is_empty() => std::fs::read_to_string(path)
                .map(Zeroizing::new)
                .map_err(|error| format!("cannot read {path}: {error}"))?,
            _ => {
                return Err(
                    "it takes env:VARIABLE or file:PATH, and never the token itself".to_owned()
                );
            }
        };
        Self::of(token.trim_end_matches(['\r', '\n']), source.to_owned())
    }

    fn of(token: &str, source: String) -> Result<Self, String> {
        if token.len() < SHORTEST {
            return Err(format!(
                "the token has {} characters, and fewer than {SHORTEST} can be guessed; \
                 `openssl rand -hex 16` makes one",
                token.len()
            ));
        }
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).map_err(|error| format!("no random numbers: {error}"))?;
        let session = sha256_hex(&random);
        let digest = sha256_hex(token.as_bytes());
        Ok(Self(Arc::new(Shared { digest, session, turn: Arc::new(Semaphore::new(1)), source })))
    }

    pub(super) fn source(&self) -> &str {
        &self.0.source
    }

    /// What a browser shows after the login. It is made anew with each start.
    pub(super) fn session(&self) -> &str {
        &self.0.session
    }

    /// Whether this is it.
    pub(super) fn is_session(&self, shown: &str) -> bool {
        is_same(shown, &self.0.session)
    }

    /// Compares a token that was shown. Whoever shows a wrong one waits, and so does the next one, also
    /// if the first one hangs up.
    pub(super) async fn judge(&self, shown: &str) -> Shown {
        let turn = Arc::clone(&self.0.turn).acquire_owned();
        let Ok(Ok(turn)) = timeout(PATIENCE, turn).await else {
            return Shown::Busy;
        };
        if is_same(&sha256_hex(shown.as_bytes()), &self.0.digest) {
            return Shown::Right;
        }
        let penalty = tokio::spawn(async move {
            sleep(PENALTY).await;
            drop(turn);
        });
        let _ = penalty.await;
        Shown::Wrong
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("source", &self.0.source).finish_non_exhaustive()
    }
}
