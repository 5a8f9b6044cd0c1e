//! The crates that are published: those in `crates/`.

use std::fs;
use std::path::PathBuf;

use crate::command::root;

pub(crate) struct Published {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The oldest Rust that it says it works with.
    pub(crate) rust: String,
    pub(crate) is_library: bool,
}

pub(crate) fn all() -> Result<Vec<Published>, String> {
    let root = root()?;
    let read = |path: PathBuf| {
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let shared = read(root.join("Cargo.toml"))?;
    let folder = root.join("crates");
    let entries = fs::read_dir(&folder).map_err(|error| format!("crates: {error}"))?;
    let mut all = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let manifest = read(entry.path().join("Cargo.toml"))?;
        let of = |field| {
            let value = value(&manifest, field).or_else(|| value(&shared, field));
            value.ok_or_else(|| format!("{name} has no {field}"))
        };
        all.push(Published {
            version: of("version")?,
            rust: of("rust-version")?,
            is_library: entry.path().join("src/lib.rs").exists(),
            name,
        });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// The value of `field = "value"`.
fn value(manifest: &str, field: &str) -> Option<String> {
    let values = manifest.lines().filter_map(|line| line.split_once(" = "));
    let (_, value) = values.into_iter().find(|(name, _)| *name == field)?;
    Some(value.trim_matches('"').to_owned())
}

/// `-p NAME` for each.
pub(crate) fn selected<'a>(crates: impl IntoIterator<Item = &'a Published>) -> Vec<&'a str> {
    crates.into_iter().flat_map(|published| ["-p", published.name.as_str()]).collect()
}
