//! What an inspector is made of.

use std::fmt;
use std::path::{Path, PathBuf};

use super::token::Token;
use crate::env_files::EnvFiles;
use crate::files::Connections;

/// The inspector of a listener: a page that shows deliveries as they come.
///
/// ```
/// use countersign_cli::Inspect;
///
/// let inspect = Inspect::at("127.0.0.1:0").keep(200).file("inspect.db");
/// ```
#[derive(Clone)]
#[must_use = "it is given to `Listener::inspect`"]
pub struct Inspect {
    addr: String,
    token: Option<Result<Token, String>>,
    file: Option<PathBuf>,
    deliveries: usize,
    bytes: usize,
    store: String,
    connections: usize,
}

impl Inspect {
    /// At `HOST:PORT`, where port 0 takes a free one. An address that other machines can reach needs a
    /// [`token`](Self::token).
    pub fn at(addr: &str) -> Self {
        Self {
            addr: addr.to_owned(),
            token: None,
            file: None,
            deliveries: 1000,
            bytes: 64 * 1024 * 1024,
            store: "given by the program".to_owned(),
            connections: Connections::default().inspector,
        }
    }

    /// The token that everybody has to show, of at least 16 characters.
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(Token::new(token));
        self
    }

    /// The same, from `env:VARIABLE` or `file:PATH`.
    pub(crate) fn token_from(mut self, source: &str, env: &EnvFiles) -> Self {
        self.token = Some(Token::from_source(source, env));
        self
    }

    /// Keeps deliveries in this SQLite file too, so that they are still there after a restart. What is
    /// secret in their headers is not in it.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// How many deliveries are kept. Defaults to 1000.
    pub fn keep(mut self, deliveries: usize) -> Self {
        self.deliveries = deliveries;
        self
    }

    /// How many bytes of deliveries are kept. Defaults to 64 MiB.
    pub fn keep_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// What the page says of the listener's store.
    pub(crate) fn with_store(mut self, store: &str) -> Self {
        store.clone_into(&mut self.store);
        self
    }

    /// How many connections it has at a time. Each open page takes one or two.
    pub(crate) fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.deliveries == 0 || self.bytes == 0 {
            return Err("--inspect-keep takes a number from 1 on".to_owned());
        }
        match &self.token {
            Some(Err(problem)) => Err(format!("--inspect-token: {problem}")),
            _ => Ok(()),
        }
    }

    pub(super) fn addr(&self) -> &str {
        &self.addr
    }

    pub(super) fn given_token(&self) -> Option<&Token> {
        self.token.as_ref()?.as_ref().ok()
    }

    pub(super) fn file_path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub(super) fn deliveries(&self) -> usize {
        self.deliveries
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn store(&self) -> &str {
        &self.store
    }
}

impl From<&str> for Inspect {
    fn from(addr: &str) -> Self {
        Self::at(addr)
    }
}

/// Without the token.
impl fmt::Debug for Inspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspect")
            .field("addr", &self.addr)
            .field("token", &self.token.is_some())
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
