//! A TOML file, read field by field. Whoever reads a table asks for its fields; what nobody asked for
//! is a mistake. Every mistake has a line, and none repeats a value, which may be a secret.

mod place;
mod table;
mod value;

use std::fmt::Display;
use std::path::Path;

use toml::de::DeTable;

pub(super) use place::Place;
pub(super) use table::Table;
pub(super) use value::{Text, Value};

/// What is wrong, how to fix it, and where in the file.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The byte at which it is.
    at: usize,
    says: String,
}

impl Mistake {
    fn new(at: usize, says: impl Into<String>) -> Self {
        Self { at, says: says.into() }
    }
}

/// Where the lines of a file begin.
#[derive(Debug)]
pub(super) struct Lines {
    file: String,
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn of(file: &Path, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = breaks.map(|(at, _)| at + 1).collect();
        Self { file: file.display().to_string(), starts }
    }

    /// A mistake in one sentence, with its line.
    pub(super) fn say(&self, mistake: &Mistake) -> String {
        let line = self.starts.partition_point(|start| *start <= mistake.at) + 1;
        format!("{}:{line}: {}", self.file, mistake.says)
    }
}

/// The whole file.
pub(super) fn parse(text: &str) -> Result<Table<'_>, Mistake> {
    match DeTable::parse(text) {
        // Its `Display` would repeat the line.
        Err(error) => Err(Mistake::new(
            error.span().map_or(0, |span| span.start),
            format!("this is not TOML: {}", error.message()),
        )),
        Ok(table) => Ok(Table::new(String::new(), 0, table.into_inner())),
    }
}

fn likeness(given: &str, field: &str) -> f64 {
    strsim::jaro_winkler(field, &given.replace('_', "-"))
}

/// Whether a name was perhaps meant to be this field's.
fn is_alike(given: &str, field: &str) -> bool {
    likeness(given, field) > 0.8
}

/// A field's name as TOML writes it.
fn written(field: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match !field.is_empty() && field.bytes().all(is_bare) {
        true => field.to_owned(),
        false => format!("{field:?}"),
    }
}

/// What leads to a field: `provider acme: hmac-sha256.header`.
fn path(table: &str, field: &str) -> String {
    let field = written(field);
    match table {
        "" => field,
        called if called.ends_with(':') => format!("{called} {field}"),
        table => format!("{table}.{field}"),
    }
}

fn in_table(name: &str, says: impl Display) -> String {
    match name {
        "" => says.to_string(),
        called if called.ends_with(':') => format!("{called} {says}"),
        table => format!("{table}: {says}"),
    }
}
