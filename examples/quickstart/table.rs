//! The table of what was sent and what came of it.

use std::iter::zip;

/// One line: what was sent, what it led to, and what was promised.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) provider: String,
    pub(crate) sent: &'static str,
    pub(crate) answered: String,
    pub(crate) promised: String,
    /// The types of the events that handlers got.
    pub(crate) handled: Vec<String>,
    pub(crate) promised_handled: Vec<String>,
}

impl Row {
    fn kept(&self) -> bool {
        self.answered == self.promised && self.handled == self.promised_handled
    }

    fn cells(&self) -> [String; 5] {
        let verdict = if self.kept() {
            "ok".to_owned()
        } else {
            format!("NOT as promised: {}, {}", self.promised, times(&self.promised_handled))
        };
        [
            self.provider.clone(),
            self.sent.to_owned(),
            self.answered.clone(),
            times(&self.handled),
            verdict,
        ]
    }
}

/// Prints the table and tells whether every promise was kept.
pub(crate) fn print(rows: &[Row]) -> bool {
    let titles = ["provider", "sent", "answered", "handler ran", "as promised"].map(String::from);
    let mut lines = vec![titles];
    lines.extend(rows.iter().map(Row::cells));
    let mut widths = [0; 5];
    for line in &lines {
        for (width, cell) in zip(&mut widths, line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in &lines {
        let cells = zip(line, widths).map(|(cell, width)| format!("{cell:width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }

    let kept = rows.iter().filter(|row| row.kept()).count();
    println!("\n{kept} of {} as promised.", rows.len());
    if kept == rows.len() {
        println!(
            "Every genuine event was handled to its end exactly once; nothing forged, stale or \
             handled before came to a handler."
        );
    }
    kept == rows.len()
}

/// How often handlers ran, and for which type of event.
fn times(handled: &[String]) -> String {
    match handled {
        [] => "no".to_owned(),
        [event] => format!("once: {event}"),
        [event, _] => format!("twice: {event}"),
        [event, ..] => format!("{} times: {event}", handled.len()),
    }
}
