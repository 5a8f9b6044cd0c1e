//! Numbers as people read them.

use crate::results::{Unit, Value};

impl Unit {
    /// The number with its unit, three digits that count.
    pub fn write(self, value: f64) -> String {
        let scaled = |steps: &[(f64, &str)]| {
            // 999.7 ns is written as 1.00 µs.
            let step =
                steps.iter().rev().find(|(from, _)| value >= from * 0.9995).unwrap_or(&steps[0]);
            format!("{} {}", three_digits(value / step.0), step.1)
        };
        match self {
            Self::Nanoseconds => scaled(&[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")]),
            Self::Bytes => {
                scaled(&[(1.0, "B"), (1024.0, "KiB"), (1048576.0, "MiB"), (1073741824.0, "GiB")])
            }
            Self::PerSecond => format!("{}/s", grouped(rounded(value))),
            Self::Count if value.fract().abs() < 0.005 => format!("{value:.0}"),
            Self::Count => format!("{value:.1}"),
        }
    }

    pub fn lower_is_better(self) -> bool {
        self != Self::PerSecond
    }
}

impl Value {
    /// The median, and the ratio beside it.
    pub fn write(&self, unit: Unit) -> String {
        let median = unit.write(self.median);
        match self.ratio {
            Some(ratio) => format!("{median} ×{}", ratio_text(ratio.median)),
            None => median,
        }
    }

    /// The same with quartiles: of the ratio where there is one, which is what counts.
    pub fn write_all(&self, unit: Unit) -> String {
        let median = unit.write(self.median);
        if self.low == self.high {
            return median;
        }
        match self.ratio {
            Some(ratio) => format!(
                "{median} **×{}** ({}–{})",
                ratio_text(ratio.median),
                ratio_text(ratio.low),
                ratio_text(ratio.high)
            ),
            None => format!("{median} ({}–{})", unit.write(self.low), unit.write(self.high)),
        }
    }
}

pub fn ratio_text(ratio: f64) -> String {
    if ratio >= 10.0 { format!("{ratio:.1}") } else { format!("{ratio:.2}") }
}

fn three_digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Three digits and zeros.
fn rounded(value: f64) -> u64 {
    let digits = value.max(1.0).log10().floor() as i32 - 2;
    let unit = 10_f64.powi(digits.max(0));
    ((value / unit).round() * unit) as u64
}

/// 1234567 as `1 234 567`, with spaces that do not break.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}
