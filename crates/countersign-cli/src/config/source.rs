//! SOURCEs and paths in the file. A path is relative to the file's folder, so that the program may be
//! started anywhere.

use std::path::{Path, PathBuf};

use countersign::Secret;

use super::document::{Mistake, Table, Text, Value};
use crate::endpoint::NoSecret;
use crate::env_files::EnvFiles;

/// The folder of the file, and the files in which variables are.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf, EnvFiles);

impl Folder {
    pub(super) fn of(file: &Path) -> Self {
        Self(file.parent().map(Path::to_owned).unwrap_or_default(), EnvFiles::default())
    }

    /// The same, where variables are also in these files.
    pub(super) fn with(self, env: EnvFiles) -> Self {
        Self(self.0, env)
    }

    pub(super) fn path(&self, given: &str) -> PathBuf {
        self.0.join(given)
    }

    /// A store's address as the program opens it. What a variable holds is not in the file, and is left
    /// as it is.
    pub(super) fn store(&self, given: &str) -> String {
        match given.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => {
                let path = path.strip_prefix("//").unwrap_or(path);
                format!("sqlite:{}", self.path(path).display())
            }
            _ => given.to_owned(),
        }
    }
}

/// Where a secret is.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// As it stands in the file.
    text: Text,
    from: From,
    role: Role,
}

#[derive(Clone, Debug)]
enum From {
    Variable(String, EnvFiles),
    File(PathBuf),
}

/// What the file says that it is, where its form does not tell.
#[derive(Clone, Copy, Debug)]
enum Role {
    Untold,
    PublicKey,
    Shared,
}

impl Source {
    /// A SOURCE, or one that says what is there: `{ public-key = SOURCE }`, `{ shared-secret = SOURCE }`.
    pub(super) fn read(given: Value<'_>, folder: &Folder) -> Result<Self, Mistake> {
        if !given.is_table() {
            return Self::of(given.into_text()?, folder, Role::Untold);
        }
        let mut table = given.into_table()?;
        let (public, shared) = (table.text("public-key")?, table.text("shared-secret")?);
        let place = table.finish()?;
        match (public, shared) {
            (Some(source), None) => Self::of(source, folder, Role::PublicKey),
            (None, Some(source)) => Self::of(source, folder, Role::Shared),
            _ => Err(place.mistake(
                "write a SOURCE, or { public-key = SOURCE }, or { shared-secret = SOURCE }",
            )),
        }
    }

    /// As the command line has it, with the whole path.
    pub(super) fn spelled(&self) -> String {
        match &self.from {
            From::Variable(name, _) => format!("env:{name}"),
            From::File(path) => format!("file:{}", path.display()),
        }
    }

    /// A field with a SOURCE.
    pub(super) fn of_field(
        table: &mut Table<'_>,
        field: &'static str,
        folder: &Folder,
    ) -> Result<Option<Self>, Mistake> {
        let source = table.text(field)?;
        source.map(|source| Self::of(source, folder, Role::Untold)).transpose()
    }

    fn of(text: Text, folder: &Folder, role: Role) -> Result<Self, Mistake> {
        let from = match text.text.split_once(':') {
            Some(("env", variable)) if !variable.is_empty() => {
                From::Variable(variable.to_owned(), folder.1.clone())
            }
            Some(("file", path)) if !path.is_empty() => From::File(folder.path(path)),
            // Not repeated: it may be the secret.
            _ => {
                return Err(text.mistake(
                    r#"a SOURCE is "env:VARIABLE" or "file:PATH", and never the secret itself"#,
                ));
            }
        };
        Ok(Self { text, from, role })
    }

    /// As it stands in the file.
    pub(super) fn as_str(&self) -> &str {
        &self.text.text
    }

    /// Reads the secret. It is labeled with its source.
    pub(super) fn secret(&self) -> Result<Secret, Mistake> {
        self.load().map_err(|problem| self.text.mistake(problem.to_string()))
    }

    /// The same, where there may be nothing but white space in its place.
    pub(super) fn secret_or_blank(&self) -> Result<Option<Secret>, Mistake> {
        match self.load() {
            Err(NoSecret::Blank(_)) => Ok(None),
            Err(NoSecret::Other(problem)) => Err(self.text.mistake(problem)),
            Ok(secret) => Ok(Some(secret)),
        }
    }

    fn load(&self) -> Result<Secret, NoSecret> {
        let secret = match &self.from {
            From::Variable(variable, env) => env.secret(variable)?,
            From::File(path) => Secret::from_file(path)?,
        };
        let secret = secret.labeled(self.as_str());
        Ok(match self.role {
            Role::Untold => secret,
            Role::PublicKey => secret.as_public_key(),
            Role::Shared => secret.as_shared_secret(),
        })
    }
}
