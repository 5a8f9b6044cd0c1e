//! The charts, as SVG, from what was measured.

mod bars;
mod charts;
mod dots;
mod lines;
mod scale;
mod svg;

pub use charts::all;

/// What every chart says in words.
pub struct Words {
    pub title: String,
    /// The unit, and what is better.
    pub reading: String,
    /// Date and machine.
    pub foot: String,
}

/// A number with what is written beside it.
pub struct Mark {
    pub label: String,
    pub value: f64,
    pub low: f64,
    pub high: f64,
    pub text: String,
    pub class: usize,
}

/// Marks that stand together under a heading.
pub struct Panel {
    pub heading: String,
    pub marks: Vec<Mark>,
}

/// The colour of a side, the same in every chart.
pub fn class(side: &str) -> usize {
    match side {
        "countersign" | "MemoryStore" => 0,
        "bare HMAC" | "by hand" | "a 404" | "Redis, two SET NX PX" => 1,
        "octoevents" | "SqliteStore" => 2,
        "webhook-verify" | "RedisStore" => 3,
        "octocrab" | "PostgresStore" => 4,
        "standardwebhooks" | "axum-standardwebhooks" => 5,
        "svix" => 6,
        "countersign, whole body" => 8,
        _ => 7,
    }
}

/// What a reader who does not see the chart is told: each number once.
fn describe<'a>(words: &Words, panels: impl IntoIterator<Item = &'a Panel>) -> String {
    let mut text = format!("{}.", words.reading);
    for panel in panels {
        let mark = |mark: &Mark| format!("{} {}", mark.label, mark.text);
        let marks: Vec<String> = panel.marks.iter().map(mark).collect();
        text.push_str(&format!(" {}: {}.", panel.heading, marks.join(", ")));
    }
    text
}
