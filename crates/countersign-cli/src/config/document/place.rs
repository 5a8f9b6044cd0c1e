//! Where a table was, once it is read.

use std::fmt::Display;

use countersign::ConfigError;

use super::{Mistake, in_table};
use crate::config::words;

/// Where a table and its fields are.
#[derive(Debug)]
pub(in crate::config) struct Place {
    name: String,
    at: usize,
    fields: Vec<(String, usize)>,
    known: Vec<&'static str>,
}

impl Place {
    pub(super) fn new(
        name: String,
        at: usize,
        fields: Vec<(String, usize)>,
        known: Vec<&'static str>,
    ) -> Self {
        Self { name, at, fields, known }
    }

    /// A mistake that a builder found, in the words of the file, and at the field that it names first
    /// if that is there.
    pub(in crate::config) fn builders(&self, error: &ConfigError) -> Mistake {
        let says = words::of_file(&error.to_string(), &self.known);
        // The table's name is said already.
        let says = match says.split_once("`: ") {
            Some((endpoint, says)) if endpoint.starts_with("endpoint `") => says,
            _ => &says,
        };
        let named = match error {
            ConfigError::UnusableSecret { .. } | ConfigError::AmbiguousSecret { .. } => "secrets",
            _ => says.split('`').nth(1).unwrap_or_default(),
        };
        let find = |name: &str| self.fields.iter().find(|(field, _)| field == name);
        let at = find(named).or_else(|| find(&format!("optional-{named}")));
        Mistake::new(at.map_or(self.at, |(_, at)| *at), in_table(&self.name, says))
    }

    pub(in crate::config) fn mistake(&self, says: impl Display) -> Mistake {
        Mistake::new(self.at, in_table(&self.name, says))
    }
}
