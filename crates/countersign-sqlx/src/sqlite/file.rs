//! Whether the database file is still the one that was opened.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::Failure;

/// The file at the path that the pool opens.
pub(super) struct File {
    path: PathBuf,
    /// Which file it was when the store first used it.
    opened: OnceLock<Identity>,
}

/// Device and inode.
type Identity = (u64, u64);

impl File {
    pub(super) fn at(path: &Path) -> Self {
        // A process may change its directory later.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { path, opened: OnceLock::new() }
    }

    /// Refuses a path at which another file is, or none, since the first check: connections that
    /// are open go on with the file that was there before, and other processes do not. Call it with a
    /// connection open. What it costs is one `stat`.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if let Ok(found) = identity(&self.path) {
            self.opened.get_or_init(|| found);
        }
        self.check_known()
    }

    /// The same, before a connection is opened, and so without learning which file it is. A
    /// connection to the new file would take the old one's log for its own, and remove it in the end.
    pub(super) fn check_known(&self) -> Result<(), Failure> {
        let Some(opened) = self.opened.get() else { return Ok(()) };
        match identity(&self.path) {
            Ok(found) if found == *opened => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // Nothing is known then, and SQLite will say what is wrong.
                Ok(())
            }
            _ => Err(Failure::moved(&self.path)),
        }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The standard library knows no identity of a file here.
#[cfg(not(unix))]
fn identity(_: &Path) -> io::Result<Identity> {
    Err(io::ErrorKind::Unsupported.into())
}
