//! Secrets: never empty, never printed, wiped when dropped.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::ErrorChain;

/// What a provider and an endpoint share: a MAC key, a token, or `user:password`.
///
/// A secret is never empty, its `Debug` shows its label at most, and its memory is wiped when
/// the last clone is dropped.
///
/// ```
/// use countersign::Secret;
///
/// let secret = Secret::new("kept in a vault")?.labeled("2026-11");
/// assert_eq!(format!("{secret:?}"), r#"Secret { label: Some("2026-11"), .. }"#);
/// assert!(Secret::new("").is_err());
/// # Ok::<(), countersign::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret {
    bytes: Arc<Zeroizing<Vec<u8>>>,
    label: Option<Arc<str>>,
    key_id: Option<Arc<str>>,
    role: Role,
}

/// What a secret is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing is said: its form tells.
    Untold,
    /// A public key.
    PublicKey,
    /// What only the provider and the endpoint know.
    Shared,
}

impl Secret {
    /// A secret from a string or from bytes, taken as they are.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`].
    pub fn new(secret: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        Self::from_source(secret.into(), || "the given value".to_owned())
    }

    /// A secret from an environment variable, less one trailing line end (`\n` or `\r\n`): where a
    /// variable is filled from a file (a secret of Kubernetes or Docker), the file's is in it.
    ///
    /// # Errors
    ///
    /// [`SecretError::NoVariableName`], [`SecretError::Unset`], [`SecretError::NotUnicode`] or
    /// [`SecretError::Empty`].
    pub fn from_env(variable: &str) -> Result<Self, SecretError> {
        use std::env::VarError;
        // `$SECRET` for `SECRET`, expanded by a shell, is the secret itself: do not repeat it.
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if variable.is_empty() || !variable.bytes().all(is_name) {
            return Err(SecretError::NoVariableName);
        }
        let value = std::env::var(variable).map_err(|error| match error {
            VarError::NotPresent => SecretError::Unset { variable: variable.to_owned() },
            VarError::NotUnicode(_) => SecretError::NotUnicode { variable: variable.to_owned() },
        })?;
        Self::from_source(without_line_end(value.into_bytes()), || {
            format!("environment variable {variable}")
        })
    }

    /// A secret from a file, less one trailing line end (`\n` or `\r\n`).
    ///
    /// # Errors
    ///
    /// [`SecretError::File`], also for a file of more than 64 KiB, or [`SecretError::Empty`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SecretError> {
        let path = path.as_ref();
        let bytes =
            read(path).map_err(|source| SecretError::File { path: path.to_owned(), source })?;
        Self::from_source(without_line_end(bytes), || format!("file {}", path.display()))
    }

    /// Names the secret. The label of the secret that matched is on the delivery and in the
    /// trace, so that an operator sees when an old secret is out of use. It is not secret.
    #[must_use]
    pub fn labeled(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The id by which deliveries name this key, where the provider has several: see
    /// `ResolvedSecrets::key_id_header` (feature `resolver`). It is not secret.
    #[must_use]
    pub fn with_key_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.key_id = Some(id.into());
        self
    }

    /// Says that this is a public key, which is not secret. Needed only for a provider that proves
    /// deliveries in one of several ways ([`any_of`](crate::ProviderBuilder::any_of)), where the same
    /// text could also be the secret of a MAC or a token.
    ///
    /// ```
    /// use countersign::Secret;
    ///
    /// let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    /// let key = Secret::new(key)?.as_public_key();
    /// # Ok::<(), countersign::SecretError>(())
    /// ```
    #[must_use]
    pub fn as_public_key(mut self) -> Self {
        self.role = Role::PublicKey;
        self
    }

    /// Says that only the provider and the endpoint know this: the secret of a MAC, or a token. It is
    /// never taken for a public key, whatever it looks like. Needed where
    /// [`as_public_key`](Self::as_public_key) is.
    #[must_use]
    pub fn as_shared_secret(mut self) -> Self {
        self.role = Role::Shared;
        self
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// The label, where one was given.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The id by which deliveries name this key, where one was given.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    fn from_source(bytes: Vec<u8>, source: impl FnOnce() -> String) -> Result<Self, SecretError> {
        // Zeros pad a MAC key, so a key of zeros is the empty key.
        if bytes.iter().all(|byte| b" \t\r\n\0".contains(byte)) {
            return Err(SecretError::Empty { origin: source() });
        }
        Ok(Self {
            bytes: Arc::new(Zeroizing::new(bytes)),
            label: None,
            key_id: None,
            role: Role::Untold,
        })
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether two secrets of the operator's are the same. Not for what a sender shows.
    pub(crate) fn is_equal(&self, other: &Self) -> bool {
        self.expose().trim_ascii() == other.expose().trim_ascii()
    }

    pub(crate) fn shared_label(&self) -> Option<Arc<str>> {
        self.label.clone()
    }
}

/// A file that is larger is another one, such as a log. It may be larger than memory, or have no end.
const LARGEST_FILE: usize = 64 * 1024;

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // With room for all of it: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST_FILE + 1));
    File::open(path)?.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LARGEST_FILE {
        let why = "it is larger than 64 KiB: name a file that has only the secret";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes.to_vec())
}

fn without_line_end(mut secret: Vec<u8>) -> Vec<u8> {
    if secret.ends_with(b"\n") {
        secret.pop();
        if secret.ends_with(b"\r") {
            secret.pop();
        }
    }
    secret
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Why a secret cannot be used. It never holds any part of one.
#[non_exhaustive]
pub enum SecretError {
    /// The secret has no bytes, or nothing but white space or zeros. An empty MAC key would let
    /// anyone sign.
    Empty {
        /// Where it came from.
        origin: String,
    },
    /// What was given is not the name of an environment variable.
    NoVariableName,
    /// The environment variable is not set.
    Unset {
        /// Its name.
        variable: String,
    },
    /// The environment variable is not Unicode; keep binary secrets in a file.
    NotUnicode {
        /// Its name.
        variable: String,
    },
    /// The document is not a JSON Web Key Set with a key that can be used.
    KeySet {
        /// What it lacks.
        lacks: &'static str,
    },
    /// The file cannot be read.
    File {
        /// Its path.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { origin } => {
                write!(
                    f,
                    "the secret is empty or blank ({origin}): set it to the provider's signing secret"
                )
            }
            Self::NoVariableName => f.write_str(
                "that is not the name of an environment variable: give the name (letters, digits \
                 and `_`), not the secret and not `$NAME`",
            ),
            Self::Unset { variable } => {
                write!(
                    f,
                    "environment variable {variable} is not set: set it to the provider's signing secret"
                )
            }
            Self::NotUnicode { variable } => {
                write!(
                    f,
                    "environment variable {variable} is not Unicode: keep a binary secret in a file and use Secret::from_file"
                )
            }
            Self::KeySet { lacks } => {
                write!(
                    f,
                    "the document is not a JSON Web Key Set that can be used: it has no {lacks}"
                )
            }
            Self::File { path, .. } => {
                write!(f, "cannot read the secret from file {}", path.display())
            }
        }
    }
}

/// The same sentence with its cause: it is what a `main` that returns the error prints.
impl fmt::Debug for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&ErrorChain::of(self), f)
    }
}

impl std::error::Error for SecretError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_loses_one_line_end() {
        let path = std::env::temp_dir().join(format!("countersign-secret-{}", std::process::id()));
        for (written, read) in
            [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("s\n\n", "s\n"), (" s ", " s ")]
        {
            std::fs::write(&path, written).unwrap();
            assert_eq!(Secret::from_file(&path).unwrap().expose(), read.as_bytes());
        }
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(Secret::from_file(&path), Err(SecretError::Empty { .. })));
        std::fs::remove_file(&path).unwrap();
        let error = Secret::from_file(&path).unwrap_err().to_string();
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
    }

    #[test]
    fn what_is_no_variable_name_is_not_repeated() {
        let error = Secret::from_env("whsec-oh-no").unwrap_err().to_string();
        assert!(!error.contains("oh-no"), "{error}");
    }

    #[test]
    fn an_unset_variable_is_named() {
        let error = Secret::from_env("COUNTERSIGN_TEST_UNSET").unwrap_err().to_string();
        assert!(error.contains("COUNTERSIGN_TEST_UNSET is not set"), "{error}");
    }
}
