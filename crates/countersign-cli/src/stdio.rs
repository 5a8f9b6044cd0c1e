//! Standard output and standard error as they are: writing to them says when it failed.
//!
//! The standard library's own handles take a file that cannot be written for one that was: they
//! make `EBADF` a success, and a closed standard output is opened as `/dev/null` before `main`.

use std::io;

#[cfg(unix)]
mod unix {
    use std::fs::{File, metadata};
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use rustix::fs::{OFlags, fcntl_getfl};

    /// A file for standard output or error, without the standard library's buffer and lock.
    pub(crate) fn file(standard: &impl AsFd) -> io::Result<File> {
        standard.as_fd().try_clone_to_owned().map(File::from)
    }

    /// Whether lines on standard output get anywhere; if not, why.
    pub(crate) fn check_stdout() -> Result<(), String> {
        let cannot = |error| format!("cannot use stdout: {error}");
        let stdout = file(&io::stdout()).map_err(cannot)?;
        let flags = fcntl_getfl(&stdout).map_err(|error| cannot(error.into()))?;
        match flags & OFlags::RWMODE {
            OFlags::WRONLY => Ok(()),
            // A closed one, which the standard library has opened, is open for both. A shell's
            // `>/dev/null`, systemd's and `Stdio::null` are open for writing only.
            OFlags::RDWR if !is_null(&stdout).map_err(cannot)? => Ok(()),
            OFlags::RDWR => Err("stdout is closed, or it is /dev/null opened for reading and \
                                 writing, so events would be lost: give it a reader or a file, \
                                 use --forward-to, or say >/dev/null if they may be lost"
                .to_owned()),
            _ => Err("stdout is open for reading only, so events cannot be printed: give it a \
                      reader or a file, or use --forward-to"
                .to_owned()),
        }
    }

    fn is_null(file: &File) -> io::Result<bool> {
        let (file, null) = (file.metadata()?, metadata("/dev/null")?);
        Ok(file.file_type().is_char_device() && file.rdev() == null.rdev())
    }
}

#[cfg(unix)]
pub(crate) use unix::check_stdout;

#[cfg(unix)]
pub(crate) fn stdout() -> io::Result<std::fs::File> {
    unix::file(&io::stdout())
}

#[cfg(unix)]
pub(crate) fn stderr() -> io::Result<std::fs::File> {
    unix::file(&io::stderr())
}

#[cfg(not(unix))]
pub(crate) fn check_stdout() -> Result<(), String> {
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(crate) fn stdout() -> io::Result<io::Stdout> {
    Ok(io::stdout())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(crate) fn stderr() -> io::Result<io::Stderr> {
    Ok(io::stderr())
}
