//! `BENCHMARKS.md`, from what was measured.

use std::fmt::Write as _;

use crate::results::{Measured, Results, Table};
use crate::sections::{ALL, Section};

const INTRODUCTION: &str = "\
# Benchmarks

What countersign costs, beside other crates and beside code written by hand. This page and its charts are
written by one command, which measures everything again:

```sh
cd benches
cargo run --release --features peers-heavy
```

[benches/README.md](benches/README.md) says what it needs, and how to measure a part.

How to read it: all sides of a table are measured in turns within one run, so that whatever slows the machine
slows all of them. A time is the median of the turns. **×1.25** means: in the median of the turns this side
took 1.25 times as long as the side that it is compared with; in brackets are the quartiles of that ratio.
Where there is no ratio, the quartiles are those of the number itself. Ratios can be compared between
machines, times cannot.

";

/// The page. `versions` are the crates that were measured.
pub fn write(results: &Results, versions: &[(String, String)], charts: &str) -> String {
    let mut page = INTRODUCTION.to_owned();
    machine(&mut page, results, versions);
    for section in &ALL {
        let Some(measured) = results.section(section.name) else { continue };
        write_section(&mut page, section, measured, charts);
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn machine(page: &mut String, results: &Results, versions: &[(String, String)]) {
    page.push_str("## The machine\n\n");
    if let Some(measured) = results.sections.last() {
        let _ = writeln!(page, "{}.\n", measured.machine.describe());
    }
    page.push_str(
        "How quiet it was, before and after each section: the load average of the last minute, and how much \
         of the\nprocessors' time a program gets that asks for all of it (100 % on an idle machine).\n\n",
    );
    page.push_str("| section | date | took | load | free |\n|---|---|---|---|---|\n");
    for Measured { name, machine, seconds, .. } in &results.sections {
        let (before, after) = (machine.before, machine.after);
        let _ = writeln!(
            page,
            "| {name} | {} | {seconds:.0} s | {:.2}, {:.2} | {:.1} %, {:.1} % |",
            machine.date,
            before.load,
            after.load,
            before.free * 100.0,
            after.free * 100.0
        );
    }
    let versions: Vec<String> =
        versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let _ = writeln!(page, "\nVersions: {}.\n", versions.join(", "));
}

fn write_section(page: &mut String, section: &Section, measured: &Measured, charts: &str) {
    let _ = writeln!(page, "## {}\n\n{}\n", section.title, section.about);
    for chart in section.charts {
        let _ = writeln!(page, "![{}: {chart}]({charts}/{chart})\n", section.title);
    }
    for left_out in &measured.left_out {
        let _ = writeln!(page, "Not measured: {left_out}\n");
    }
    for table in &measured.tables {
        if measured.tables.len() > 1 {
            let _ = writeln!(page, "### {}\n", table.title);
        }
        if !table.base.is_empty() {
            let _ = writeln!(page, "× beside {}.\n", table.base);
        }
        // A table by size has a column for each side; one with several metrics a column for each.
        if table.metrics.len() == 1 && table.situations().len() > 1 {
            by_side(page, table);
        } else {
            by_metric(page, table);
        }
    }
}

fn by_side(page: &mut String, table: &Table) {
    let sides = table.sides();
    line(page, std::iter::once("").chain(sides.iter().copied()));
    rule(page, sides.len() + 1);
    for at in table.situations() {
        let cells = sides.iter().map(|side| {
            let value = table.value(at, side, 0);
            value.map_or_else(String::new, |value| value.write_all(table.metrics[0].unit))
        });
        line(page, std::iter::once(at.to_owned()).chain(cells));
    }
    page.push('\n');
}

fn by_metric(page: &mut String, table: &Table) {
    let several = table.situations().len() > 1;
    let one_side = table.sides().len() == 1;
    let mut heads: Vec<&str> = Vec::new();
    if several {
        heads.push("");
    }
    if !one_side {
        heads.push("");
    }
    heads.extend(table.metrics.iter().map(|metric| &*metric.name));
    line(page, heads.iter().copied());
    rule(page, heads.len());
    let mut before = "";
    for row in &table.rows {
        let mut cells = Vec::new();
        if several {
            cells.push(if row.at == before { String::new() } else { row.at.clone() });
            before = &row.at;
        }
        if !one_side {
            cells.push(row.side.clone());
        }
        for (place, metric) in table.metrics.iter().enumerate() {
            let value = row.values.get(place).copied().flatten();
            cells.push(value.map_or_else(String::new, |value| value.write_all(metric.unit)));
        }
        line(page, cells);
    }
    page.push('\n');
}

fn line(page: &mut String, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    page.push('|');
    for cell in cells {
        let _ = write!(page, " {} |", cell.as_ref());
    }
    page.push('\n');
}

fn rule(page: &mut String, columns: usize) {
    page.push('|');
    page.push_str(&"---|".repeat(columns));
    page.push('\n');
}
