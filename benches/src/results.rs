//! What was measured: `results.json`, from which the page and the charts are made.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// Every section that was measured, in the page's order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub sections: Vec<Measured>,
}

/// One section, with the machine as it was at the time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub name: String,
    pub machine: Machine,
    pub seconds: f64,
    pub tables: Vec<Table>,
    /// What could not be measured, and why: sentences.
    pub left_out: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    pub id: String,
    pub title: String,
    /// What the ratios are beside; empty if there are none.
    pub base: String,
    pub metrics: Vec<Metric>,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metric {
    pub name: String,
    pub unit: Unit,
}

/// What a number counts, which is also how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    Nanoseconds,
    PerSecond,
    Bytes,
    Count,
}

/// One side in one situation: a value for each of the table's metrics.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The situation: a body's size, a number of tasks.
    pub at: String,
    /// The same as a number, where a chart has it as its axis.
    pub x: f64,
    pub side: String,
    pub values: Vec<Option<Value>>,
}

/// The median of the rounds with its quartiles.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Value {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    pub ratio: Option<Ratio>,
}

/// This side divided by the base, round by round: median and quartiles.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ratio {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Results {
    /// What is in the file; nothing if there is none.
    pub fn read(path: &Path) -> Result<Self, String> {
        let Ok(text) = fs::read(path) else { return Ok(Self::default()) };
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub fn write(&self, path: &Path) -> Result<(), String> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        text.push('\n');
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// In place of what was measured of this section before.
    pub fn replace(&mut self, measured: Measured, order: &[&str]) {
        self.sections.retain(|section| section.name != measured.name);
        self.sections.push(measured);
        let place = |name: &str| order.iter().position(|other| *other == name);
        self.sections.sort_by_key(|section| place(&section.name));
    }

    pub fn section(&self, name: &str) -> Option<&Measured> {
        self.sections.iter().find(|section| section.name == name)
    }

    pub fn table(&self, id: &str) -> Option<(&Measured, &Table)> {
        let mut all = self
            .sections
            .iter()
            .flat_map(|section| section.tables.iter().map(move |table| (section, table)));
        all.find(|(_, table)| table.id == id)
    }
}

impl Table {
    pub fn new(id: &str, title: &str, base: &str, metrics: &[(&str, Unit)]) -> Self {
        let metric = |(name, unit): &(&str, Unit)| Metric { name: (*name).to_owned(), unit: *unit };
        let metrics = metrics.iter().map(metric).collect();
        let (id, title, base) = (id.to_owned(), title.to_owned(), base.to_owned());
        Self { id, title, base, metrics, rows: Vec::new() }
    }

    /// The sides in the order in which they come.
    pub fn sides(&self) -> Vec<&str> {
        distinct(self.rows.iter().map(|row| &*row.side))
    }

    /// The situations in the order in which they come.
    pub fn situations(&self) -> Vec<&str> {
        distinct(self.rows.iter().map(|row| &*row.at))
    }

    pub fn value(&self, at: &str, side: &str, metric: usize) -> Option<Value> {
        let row = self.rows.iter().find(|row| row.at == at && row.side == side)?;
        row.values.get(metric).copied().flatten()
    }
}

fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

impl Value {
    /// The median and the quartiles of these.
    pub fn of(samples: &[f64]) -> Self {
        let [low, median, high] = quartiles(samples.to_vec());
        Self { median, low, high, ratio: None }
    }

    /// The same, with the ratios to `base`, which was measured in the same rounds.
    pub fn beside(samples: &[f64], base: &[f64]) -> Self {
        let ratios = samples.iter().zip(base).map(|(ours, base)| ours / base).collect();
        let [low, median, high] = quartiles(ratios);
        Self { ratio: Some(Ratio { median, low, high }), ..Self::of(samples) }
    }

    /// What is counted and has no spread.
    pub fn exact(value: f64) -> Self {
        Self { median: value, low: value, high: value, ratio: None }
    }
}

/// A lower quartile, a median and an upper quartile.
pub fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|part| sorted_quantile(&values, part))
}

/// Of values that are sorted: the one at this part of the way.
pub fn sorted_quantile<T: Copy>(values: &[T], part: f64) -> T {
    values[((values.len() - 1) as f64 * part).round() as usize]
}
