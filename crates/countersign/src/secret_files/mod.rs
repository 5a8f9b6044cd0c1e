//! Secrets in files that change while the program runs.

mod watched;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::secret::{Secret, SecretError};

pub use watched::{ReloadError, WatchedSecrets};

/// Secrets in files, the current one first: one secret in each file, as [`Secret::from_file`] reads it.
///
/// The first file must be there. Later ones may be missing or empty, so that there is a place for the
/// old secret while a secret changes. A file that has the same secret as one before it is left out.
///
/// Each secret is labeled with the name of its file, such as `current`, or as [`labels`](Self::labels) says.
///
/// ```
/// use std::time::Duration;
///
/// use countersign::{Endpoint, SecretFiles, providers::piora};
///
/// # let folder = std::env::temp_dir().join(format!("countersign-files-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # std::fs::write(folder.join("current"), "the new secret\n")?;
/// # std::fs::write(folder.join("previous"), "the old secret\n")?;
/// // In production: "/run/secrets/current", "/run/secrets/previous".
/// let files = SecretFiles::new([folder.join("current"), folder.join("previous")]);
/// let endpoint =
///     Endpoint::builder("piora", piora::provider()).secrets(files.read()?).build()?;
///
/// // From here on, what is written to the files is used within ten seconds.
/// let watched = files.watch(&endpoint, Duration::from_secs(10))?;
/// # drop(watched);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SecretFiles {
    files: Vec<PathBuf>,
    labels: Vec<Arc<str>>,
    /// What was read last, so that a change between `read` and `watch` is not missed. Clones share it.
    last_read: Arc<Mutex<Option<Fingerprint>>>,
    hasher: RandomState,
}

/// Tells one set from another, with a key of this process: no copy of a secret is kept for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint(u64);

impl SecretFiles {
    /// The files, that of the current secret first.
    pub fn new<P: Into<PathBuf>>(files: impl IntoIterator<Item = P>) -> Self {
        let files: Vec<PathBuf> = files.into_iter().map(Into::into).collect();
        Self {
            labels: files.iter().map(|path| name(path)).collect(),
            files,
            last_read: Arc::default(),
            hasher: RandomState::new(),
        }
    }

    /// Other labels, in the order of the files. A file without one here keeps its own. They are not
    /// secret.
    #[must_use]
    pub fn labels<L: Into<Arc<str>>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        for (label, given) in self.labels.iter_mut().zip(labels) {
            *label = given.into();
        }
        self
    }

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// The first file is missing, empty or blank, there is none, or one that is there cannot be read or is no
    /// regular file: a pipe or a device is not opened.
    pub fn read(&self) -> Result<Vec<Secret>, SecretError> {
        let secrets = self.read_now()?;
        *self.last_read.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(self.fingerprint(&secrets));
        Ok(secrets)
    }

    /// Reads the files every so often, in a thread, and
    /// [replaces](crate::Endpoint::replace_secrets) the endpoint's secrets when the contents changed.
    ///
    /// Contents are compared and not times: Kubernetes changes a symbolic link, and leaves times as they
    /// are. What changed is used once a second look, a second later, finds it unchanged, so that a file
    /// that is just being written is not taken for a secret. When a file is missing, empty or of no use
    /// to the provider, the last good set stays, and the log says so, once for each such problem.
    ///
    /// A shorter time than 100 ms is taken as 100 ms.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn watch(&self, endpoint: &Endpoint, every: Duration) -> io::Result<WatchedSecrets> {
        let known = *self.last_read.lock().unwrap_or_else(PoisonError::into_inner);
        WatchedSecrets::start(self.clone(), endpoint.clone(), every, known)
    }

    /// The current one is read first: an operator who keeps the old secret in the second file before
    /// the new one is in the first never has neither of them read.
    fn read_now(&self) -> Result<Vec<Secret>, SecretError> {
        let mut secrets: Vec<Secret> = Vec::new();
        for (nth, (path, label)) in self.files.iter().zip(&self.labels).enumerate() {
            match read_regular(path) {
                Ok(secret) if secrets.iter().any(|other| other.is_equal(&secret)) => {}
                Ok(secret) => secrets.push(secret.labeled(Arc::clone(label))),
                Err(error) if nth > 0 && is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        match secrets.is_empty() {
            true => Err(SecretError::Empty { origin: "no file is given".to_owned() }),
            false => Ok(secrets),
        }
    }

    fn fingerprint(&self, secrets: &[Secret]) -> Fingerprint {
        let all: Vec<_> = secrets.iter().map(|secret| (secret.label(), secret.expose())).collect();
        Fingerprint(self.hasher.hash_one(all))
    }
}

/// Reads a file, also through symbolic links. To open a pipe waits for its other end, and a device may have no
/// end: with either the thread would stand still.
fn read_regular(path: &Path) -> Result<Secret, SecretError> {
    let of_path = |source| SecretError::File { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(of_path)?.is_file() {
        let why = "it is a folder, a pipe, a socket or a device: name a regular file";
        return Err(of_path(io::Error::new(ErrorKind::InvalidInput, why)));
    }
    Secret::from_file(path)
}

/// Whether there is no secret in the file, which a later one may be without.
fn is_absent(error: &SecretError) -> bool {
    match error {
        SecretError::Empty { .. } => true,
        SecretError::File { source, .. } => source.kind() == ErrorKind::NotFound,
        _ => false,
    }
}

/// The name of a file, without its folder.
fn name(path: &Path) -> Arc<str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into()
}

/// The paths and the labels. There is no secret in it.
impl fmt::Debug for SecretFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretFiles")
            .field("files", &self.files)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}
