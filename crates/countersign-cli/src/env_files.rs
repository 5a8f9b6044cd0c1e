//! `--env-file`: variables in files, which can be read again while the program runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::Secret;
use zeroize::Zeroizing;

use crate::endpoint::NoSecret;

/// Files of variables, the first one that has a name wins, and after them the environment of the process.
///
/// Nothing of them is kept: they are read whenever a secret is.
#[derive(Clone, Debug, Default)]
pub(crate) struct EnvFiles(Arc<[PathBuf]>);

impl EnvFiles {
    pub(crate) fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(files.into_iter().collect())
    }

    /// These, and then those of the others that are not among them.
    pub(crate) fn and(&self, others: &Self) -> Self {
        let more = others.0.iter().filter(|file| !self.0.contains(file));
        Self(self.0.iter().chain(more).cloned().collect())
    }

    /// The secret in this variable.
    pub(crate) fn secret(&self, variable: &str) -> Result<Secret, NoSecret> {
        let Some((file, value)) = self.find(variable).map_err(NoSecret::Other)? else {
            return Ok(Secret::from_env(variable)?);
        };
        Secret::new(value.as_bytes()).map_err(|_| {
            let file = file.display();
            NoSecret::Blank(format!("variable {variable} is empty in the env file {file}"))
        })
    }

    /// What is in this variable, for what is read once.
    pub(crate) fn text(&self, variable: &str) -> Result<Zeroizing<String>, String> {
        if let Some((_, value)) = self.find(variable)? {
            return Ok(value);
        }
        let text = std::env::var(variable).map(Zeroizing::new);
        text.map_err(|_| format!("the environment variable {variable} is not set"))
    }

    /// The value in the first of the files that has the variable.
    fn find(&self, variable: &str) -> Result<Option<(&Path, Zeroizing<String>)>, String> {
        for file in &*self.0 {
            if let Some(value) = value(file, variable)? {
                return Ok(Some((file, value)));
            }
        }
        Ok(None)
    }

    /// Whether one of the files has this variable, so that it can change while the program runs.
    pub(crate) fn has(&self, variable: &str) -> bool {
        self.0.iter().any(|file| matches!(value(file, variable), Ok(Some(_))))
    }
}

/// The variable's value in a file. The last line with it wins, as in a shell.
fn value(file: &Path, variable: &str) -> Result<Option<Zeroizing<String>>, String> {
    let cannot = |why: &str| format!("cannot read the env file {}: {why}", file.display());
    // It is read for each variable, and a pipe can be read once.
    if std::fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(cannot("it is no regular file"));
    }
    let bytes = std::fs::read(file).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| cannot(&error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| cannot("it is not UTF-8 text"))?;
    let mut found = None;
    for (nth, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line is not repeated: it may be the secret.
        let (name, value) = assignment(line)
            .map_err(|why| cannot(&format!("line {} is not NAME=VALUE: {why}", nth + 1)))?;
        if name == variable {
            found = Some(value);
        }
    }
    Ok(found.map(|value| Zeroizing::new(value.to_owned())))
}

/// `NAME=VALUE`, `export NAME="VALUE"`. What is in quotes is taken as it is. Why it is none has nothing of the
/// line in it, not even of its name: if the secret is on a line of its own, a part of it could look like one.
fn assignment(line: &str) -> Result<(&str, &str), &'static str> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or("it has no `=`")?;
    let (name, value) = (name.trim(), value.trim());
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() {
        return Err("the name before the `=` is missing");
    }
    if !name.bytes().all(is_name) {
        return Err(
            "a name has letters, digits and `_` only, and what is before the `=` has something else",
        );
    }
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            // The file may still be being written.
            let value = rest.strip_suffix(quote);
            return value.map(|value| (name, value)).ok_or(
                "the value begins with a quote and does not end with it; nothing may follow the second \
                 quote, and a value has one line",
            );
        }
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_a_shell_reads_them() {
        for (line, read) in [
            ("A=b", Some(("A", "b"))),
            ("export A=b", Some(("A", "b"))),
            ("A = b ", Some(("A", "b"))),
            ("A=\"b # c\"", Some(("A", "b # c"))),
            ("A=\"\"", Some(("A", ""))),
            ("A='b=c'", Some(("A", "b=c"))),
            ("A=b=c#d", Some(("A", "b=c#d"))),
            ("A=", Some(("A", ""))),
        ] {
            assert_eq!(assignment(line).ok(), read, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_without_it() {
        for (line, said) in [
            ("A=\"hush", "quote"),
            ("A='hush", "quote"),
            ("A=\"", "quote"),
            ("A=\"hush\" # of 2026", "quote"),
            ("A B=hush", "letters, digits and `_`"),
            ("set -x A=hush", "letters, digits and `_`"),
            ("A: hush", "no `=`"),
            ("hush", "no `=`"),
            ("=hush", "name before"),
            ("export =hush", "name before"),
        ] {
            let why = assignment(line).unwrap_err();
            assert!(why.contains(said) && !why.contains("hush"), "{line}: {why}");
        }
    }
}
