//! Which charts there are, and what of the results each shows.

use super::bars::bars;
use super::dots::dots;
use super::lines::{Axes, Line, LinePanel, lines};
use super::{Mark, Panel, Words, class};
use crate::results::{Measured, Results, Row, Table, Unit};

/// Every chart for which there are results: file and content.
pub fn all(results: &Results) -> Vec<(&'static str, String)> {
    let make: [(&'static str, fn(&Results) -> Option<String>); 9] = [
        ("proof.svg", proof),
        ("proof-by-size.svg", proof_by_size),
        ("candidates.svg", candidates),
        ("requests.svg", requests),
        ("latency.svg", latency),
        ("floods.svg", floods),
        ("slow.svg", slow),
        ("stores.svg", stores),
        ("memory.svg", memory),
    ];
    make.into_iter().filter_map(|(file, make)| Some((file, make(results)?))).collect()
}

fn words(section: &Measured, title: &str, reading: &str) -> Words {
    let machine = &section.machine;
    let foot = format!(
        "{}. {} processors ({}), {}",
        machine.date, machine.processors, machine.processor, machine.kernel
    );
    Words { title: title.to_owned(), reading: reading.to_owned(), foot }
}

/// The sides of a table in one situation, by one metric.
fn panel(table: &Table, at: &str, metric: usize, heading: &str) -> Panel {
    let unit = table.metrics[metric].unit;
    let rows = table.rows.iter().filter(|row| row.at == at);
    let marks = rows.filter_map(|row| {
        let value = row.values.get(metric).copied().flatten()?;
        Some(Mark {
            label: row.side.clone(),
            value: value.median,
            low: value.low,
            high: value.high,
            text: value.write(unit),
            class: class(&row.side),
        })
    });
    Panel { heading: heading.to_owned(), marks: marks.collect() }
}

const SCHEMES: [(&str, &str); 3] =
    [("github", "GitHub"), ("standard", "Standard Webhooks"), ("stripe", "Stripe")];

fn proof(results: &Results) -> Option<String> {
    let (section, _) = results.table("proof-github")?;
    let words = words(
        section,
        "Proving a delivery of 1 KiB",
        "Time from the headers and the body to “genuine”, lower is better. × beside the bare HMAC",
    );
    let panels = SCHEMES.iter().filter_map(|(id, name)| {
        let (_, table) = results.table(&format!("proof-{id}"))?;
        let mut panel = panel(table, "1 KiB", 0, name);
        for mark in &mut panel.marks {
            if let Some((name, _)) = mark.label.split_once(", its reading") {
                mark.label = format!("{name}, reading alone");
            }
        }
        Some(panel)
    });
    Some(bars(&words, Unit::Nanoseconds, &[panels.collect()], 250.0))
}

fn proof_by_size(results: &Results) -> Option<String> {
    let (section, _) = results.table("proof-github")?;
    let words = words(
        section,
        "Proving a delivery, by the size of its body",
        "Time divided by that of a bare HMAC over the same bytes (1 is the least), lower is better",
    );
    let mut panels = Vec::new();
    let mut data = Vec::new();
    for (id, name) in SCHEMES {
        let Some((_, table)) = results.table(&format!("proof-{id}")) else { continue };
        let of_side = |side: &&str| {
            let rows = table.rows.iter().filter(|row| row.side == **side);
            let points = rows.filter_map(|row| {
                let ratio = row.values.first()?.as_ref()?.ratio?.median;
                Some((row.x, ratio))
            });
            let points: Vec<(f64, f64)> = points.collect();
            let reads = side.contains("reading");
            let line = Line { side: (*side).to_owned(), class: class(side), points };
            (!line.points.is_empty() && !reads).then_some(line)
        };
        let lines: Vec<Line> = table.sides().iter().filter_map(of_side).collect();
        panels.push(LinePanel { heading: name.to_owned(), lines });
        data.push(panel(table, "1 KiB", 0, &format!("{name}, 1 KiB")));
    }
    let places = [
        (64.0, "64 B"),
        (1024.0, "1 KiB"),
        (16384.0, "16 KiB"),
        (262_144.0, ""),
        (1_048_576.0, "1 MiB"),
    ];
    let ratios = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    let most = ratios.map(|(_, ratio)| *ratio).fold(1.0, f64::max);
    let numbers =
        [1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 50.0].map(|it| (it, format!("×{it}")));
    let shown = numbers.iter().position(|(number, _)| *number >= most).unwrap_or(numbers.len() - 1);
    let numbers: Vec<_> =
        numbers[..=shown].iter().map(|(number, text)| (*number, &**text)).collect();
    let axes = Axes { places: &places, numbers: &numbers, below: "size of the body" };
    Some(lines(&words, &axes, &panels, &data))
}

fn candidates(results: &Results) -> Option<String> {
    let (section, _) = results.table("candidates-standard")?;
    let words = words(
        section,
        "Many signatures in one header",
        "Time to verify a delivery of 1 KiB, lower is better. × beside the same crate with one signature",
    );
    let column = |id: &str, name: &str| {
        let Some((_, table)) = results.table(id) else { return Vec::new() };
        let of = |at: &str| panel(table, at, 0, &format!("{name}: {at}"));
        vec![of("1, genuine"), of("100, the last one genuine"), of("100, all forged")]
    };
    let columns =
        [column("candidates-standard", "Standard Webhooks"), column("candidates-stripe", "Stripe")];
    Some(bars(&words, Unit::Nanoseconds, &columns, 160.0))
}

/// The panels of both frameworks, a column each.
fn by_framework(results: &Results, at: &str, metric: usize) -> [Vec<Panel>; 2] {
    ["axum", "actix"].map(|framework| {
        let tables = results.section("requests").into_iter().flat_map(|section| &section.tables);
        let own = tables.filter(|table| table.title.starts_with(framework));
        own.map(|table| panel(table, at, metric, &table.title)).collect()
    })
}

fn requests(results: &Results) -> Option<String> {
    let words = words(
        results.section("requests")?,
        "A whole request: the server's processor time",
        "1 KiB, 16 sockets, lower is better. × beside a handler written by hand, which does not deduplicate",
    );
    let columns = by_framework(results, "16 sockets, 1 KiB", 1);
    Some(bars(&words, Unit::Nanoseconds, &columns, 175.0))
}

fn latency(results: &Results) -> Option<String> {
    let section = results.section("requests")?;
    let words = words(
        section,
        "A whole request: latency",
        "From sending to the answer, 1 KiB, 16 sockets: p50 / p90 / p99, lower is better",
    );
    let panels = section.tables.iter().map(|table| {
        let mut marks = Vec::new();
        let percentiles =
            [2, 3, 4].map(|metric| panel(table, "16 sockets, 1 KiB", metric, "").marks);
        for (which, side) in table.sides().iter().enumerate() {
            for marks_of in &percentiles {
                let Some(mark) = marks_of.get(which) else { continue };
                let text = Unit::Nanoseconds.write(mark.value);
                let (value, class) = (mark.value, mark.class);
                marks.push(Mark {
                    label: (*side).to_owned(),
                    value,
                    low: value,
                    high: value,
                    text,
                    class,
                });
            }
        }
        Panel { heading: table.title.clone(), marks }
    });
    Some(dots(&words, Unit::Nanoseconds, &panels.collect::<Vec<_>>(), 175.0, 190.0))
}

fn floods(results: &Results) -> Option<String> {
    let words = words(
        results.section("floods")?,
        "Refusing requests without a signature",
        "The server's processor time for each, lower is better. × beside a 404 of the same server",
    );
    let column = |framework: &str| {
        let table = results.table(&format!("floods-{framework}"));
        table.map(|(_, table)| panel(table, "unsigned", 1, framework)).into_iter().collect()
    };
    Some(bars(&words, Unit::Nanoseconds, &[column("axum"), column("actix")], 175.0))
}

fn slow(results: &Results) -> Option<String> {
    let words = words(
        results.section("slow")?,
        "A thousand slow senders",
        "The server's memory for each, after half of a body of 64 KiB, lower is better",
    );
    let column = |framework: &str| {
        let table = results.table(&format!("slow-{framework}"));
        let panels = table.into_iter().flat_map(|(_, table)| {
            ["with a signature", "without one"]
                .map(|at| panel(table, at, 0, &format!("{framework}, {at}")))
        });
        panels.collect()
    };
    Some(bars(&words, Unit::Bytes, &[column("axum"), column("actix")], 175.0))
}

fn stores(results: &Results) -> Option<String> {
    let (section, table) = results.table("stores")?;
    let words = words(
        section,
        "Stores: claims with completions",
        "By so many tasks at once; the axis is logarithmic, higher is better",
    );
    let panels = table.situations().into_iter().map(|at| panel(table, at, 0, at));
    Some(dots(&words, Unit::PerSecond, &panels.collect::<Vec<_>>(), 160.0, 110.0))
}

fn memory(results: &Results) -> Option<String> {
    let (section, table) = results.table("memory")?;
    let words = words(
        section,
        "The store in memory, by the number of its keys",
        "Time of a claim and of a completion; beside the number of keys, the memory that each takes. Lower is better",
    );
    let bytes = |row: &Row| row.values.first().copied().flatten();
    let panels = [(1, "a claim"), (2, "a completion"), (3, "the slowest claim of the fill")];
    let panels = panels.map(|(metric, heading)| {
        let marks = table.rows.iter().filter_map(|row| {
            let value = row.values.get(metric).copied().flatten()?;
            let label = format!("{}, {} each", row.at, Unit::Bytes.write(bytes(row)?.median));
            let (median, text) = (value.median, value.write(Unit::Nanoseconds));
            Some(Mark { label, value: median, low: value.low, high: value.high, text, class: 0 })
        });
        Panel { heading: heading.to_owned(), marks: marks.collect() }
    });
    Some(dots(&words, Unit::Nanoseconds, &panels, 225.0, 80.0))
}
