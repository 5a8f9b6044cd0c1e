//! What is measured: a section each.

mod allocations;
mod candidates;
mod floods;
pub mod memory;
mod proof;
mod requests;
mod slow;
mod stores;

use crate::plan::Plan;
use crate::results::Table;

/// A part of the page that can be measured alone.
pub struct Section {
    pub name: &'static str,
    pub title: &'static str,
    /// What is measured, and what to know before reading the figures.
    pub about: &'static str,
    /// The charts that belong to it: files and what they show.
    pub charts: &'static [&'static str],
    pub measure: fn(Plan) -> Outcome,
}

/// What came of a section.
#[derive(Default)]
pub struct Outcome {
    pub tables: Vec<Table>,
    /// What could not be measured, and why: sentences.
    pub left_out: Vec<String>,
}

/// In the order of the page.
pub const ALL: [Section; 8] = [
    proof::SECTION,
    allocations::SECTION,
    candidates::SECTION,
    requests::SECTION,
    floods::SECTION,
    slow::SECTION,
    stores::SECTION,
    memory::SECTION,
];

impl From<Vec<Table>> for Outcome {
    fn from(tables: Vec<Table>) -> Self {
        Self { tables, left_out: left_out() }
    }
}

/// What is missing without the other crates.
fn left_out() -> Vec<String> {
    let all = [
        (cfg!(feature = "peers"), "the other crates"),
        (cfg!(feature = "stripe"), "`async-stripe-webhook`"),
        (cfg!(feature = "svix"), "`svix`"),
    ];
    let missing: Vec<&str> =
        all.iter().filter(|(there, _)| !there).map(|(_, name)| *name).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    vec![format!("{} (feature `peers-heavy`).", missing.join(", "))]
}

/// A size as people write it.
fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
