//! The text format of Prometheus, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::registry::{Buckets, Family, Series};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All families that have a series.
pub(super) fn of(families: &BTreeMap<String, Family>) -> String {
    let mut text = String::new();
    for (name, family) in families {
        let Some(first) = family.series.values().next() else { continue };
        let kind = match first {
            Series::Counter(_) => "counter",
            Series::Gauge(_) => "gauge",
            Series::Histogram(_) => "histogram",
        };
        if !family.help.is_empty() {
            let help = family.help.replace('\\', r"\\").replace('\n', r"\n");
            line(&mut text, format_args!("# HELP {name} {help}"));
        }
        line(&mut text, format_args!("# TYPE {name} {kind}"));
        for (labels, series) in &family.series {
            let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            match series {
                Series::Counter(number) => {
                    line(&mut text, format_args!("{name}{braced} {}", number.count()));
                }
                Series::Gauge(number) => {
                    line(&mut text, format_args!("{name}{braced} {}", number.value()));
                }
                Series::Histogram(buckets) => histogram(&mut text, name, labels, &braced, buckets),
            }
        }
    }
    text
}

fn histogram(text: &mut String, name: &str, labels: &str, braced: &str, buckets: &Buckets) {
    let comma = if labels.is_empty() { "" } else { "," };
    let bounds = buckets.bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (bound, count) in bounds.zip(buckets.counts()) {
        below += count;
        line(text, format_args!(r#"{name}_bucket{{{labels}{comma}le="{bound}"}} {below}"#));
    }
    line(text, format_args!("{name}_sum{braced} {}", buckets.sum()));
    line(text, format_args!("{name}_count{braced} {below}"));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A string takes all that it is given.
    let _ = writeln!(text, "{line}");
}

/// Labels as they stand between braces.
pub(super) fn labels<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let label = |(key, value): (&str, &str)| {
        let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        // A colon is for names alone.
        format!(r#"{}="{value}""#, name(key).replace(':', "_"))
    };
    labels.map(label).collect::<Vec<_>>().join(",")
}

/// A name that Prometheus takes.
pub(super) fn name(given: &str) -> String {
    let legal = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == ':';
    let name: String = given.chars().map(|char| if legal(char) { char } else { '_' }).collect();
    match name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
        true => format!("_{name}"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use metrics::{Key, Label, Level, Metadata, Recorder as _};

    use super::super::Registry;

    const METADATA: Metadata<'static> = Metadata::new("test", Level::INFO, None);

    #[test]
    fn each_kind_is_written() {
        let registry = Registry::new();
        let odd = Label::new("endpoint", "a \"quoted\"\nback\\slash");
        let key = |name: &'static str| Key::from_parts(name, vec![odd.clone()]);
        registry.describe_counter("made_total".into(), None, "Two\nlines.".into());
        registry.register_counter(&key("made_total"), &METADATA).increment(3);
        registry.register_gauge(&key("9 odd-name"), &METADATA).set(-1.5);
        let histogram = registry.register_histogram(&Key::from_name("took_seconds"), &METADATA);
        for sample in [0.0001, 0.002, 1000.0] {
            histogram.record(sample);
        }
        let text = registry.text();
        let label = r#"endpoint="a \"quoted\"\nback\\slash""#;
        for line in [
            r"# HELP made_total Two\nlines.",
            "# TYPE made_total counter",
            &format!("made_total{{{label}}} 3"),
            &format!("_9_odd_name{{{label}}} -1.5"),
            "# TYPE took_seconds histogram",
            r#"took_seconds_bucket{le="0.0001"} 1"#,
            r#"took_seconds_bucket{le="0.001"} 1"#,
            r#"took_seconds_bucket{le="0.005"} 2"#,
            r#"took_seconds_bucket{le="+Inf"} 3"#,
            "took_seconds_sum 1000.0021",
            "took_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_name_of_another_kind_changes_nothing() {
        let registry = Registry::new();
        let key = Key::from_name("one");
        registry.register_counter(&key, &METADATA).increment(1);
        registry.register_gauge(&key, &METADATA).set(7.0);
        assert!(registry.text().contains("\none 1\n"));
    }
}
