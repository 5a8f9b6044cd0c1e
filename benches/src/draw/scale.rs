//! Axes: from a number to a place, and where the lines of the grid are.

/// An axis from `from` to `to`, drawn from `start` to `end`.
#[derive(Clone, Copy)]
pub struct Scale {
    /// The distance of the lines; none on a logarithmic axis.
    step: Option<f64>,
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// From nothing to this, or somewhat more, with about so many lines. They are at round multiples of
    /// `unit`.
    pub fn linear(to: f64, unit: f64, lines: f64, start: f64, end: f64) -> Self {
        let step = step(to / unit / lines) * unit;
        Self { step: Some(step), from: 0.0, to: (to / step).ceil() * step, start, end }
    }

    /// From and to exactly these.
    pub fn between(from: f64, to: f64, start: f64, end: f64) -> Self {
        Self { step: None, from, to, start, end }
    }

    /// From a round number below to a round number above.
    pub fn logarithmic(from: f64, to: f64, start: f64, end: f64) -> Self {
        let below = rounds(from).into_iter().rfind(|round| *round <= from).unwrap_or(from);
        let above = rounds(to).into_iter().find(|round| *round >= to).unwrap_or(to);
        Self::between(below, above, start, end)
    }

    pub fn at(&self, value: f64) -> f64 {
        let part = if self.step.is_none() {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.start + part * (self.end - self.start)
    }

    /// The values that get a line.
    pub fn lines(&self) -> Vec<f64> {
        if let Some(step) = self.step {
            let count = (self.to / step).round() as u32;
            return (0..=count).map(|line| f64::from(line) * step).collect();
        }
        let wide = self.to / self.from > 1e3;
        let all = (-1..12).flat_map(|power| rounds(10_f64.powi(power)));
        let mut lines: Vec<f64> = all
            .filter(|line| (self.from * 0.999..self.to * 1.001).contains(line))
            .filter(|line| !wide || (line.log10() - line.log10().round()).abs() < 1e-9)
            .collect();
        lines.dedup_by(|one, other| (*one / *other - 1.0).abs() < 1e-9);
        lines
    }
}

/// The round numbers of this power of ten: 1, 2, 5 and 10 times it.
fn rounds(value: f64) -> [f64; 4] {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|round| round * power)
}

/// A round number of about this size.
fn step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|nice| nice * power >= rough * 0.999);
    nice.unwrap_or(10.0) * power
}
