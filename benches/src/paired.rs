//! Two things measured in turns, so that whatever slows the machine slows both.

use std::time::Duration;

/// How often each side is measured.
const ROUNDS: usize = 101;

/// What came of it: medians, and the quartiles of the ratio.
pub struct Ratio {
    pub base: Duration,
    pub ours: Duration,
    pub quartiles: [f64; 3],
}

/// Measures `base` and `ours` in turns. Each is given how often to do its work and tells how long
/// that took; a turn takes about `turn`.
pub fn measure(
    turn: Duration,
    mut base: impl FnMut(u64) -> Duration,
    mut ours: impl FnMut(u64) -> Duration,
) -> Ratio {
    let mut times = 1;
    loop {
        let took = base(times).min(ours(times));
        if took > turn / 2 || times > 1 << 40 {
            break;
        }
        times *= 2;
    }
    let mut samples = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        // Neither side always goes first.
        let (first, second);
        if round.is_multiple_of(2) {
            first = base(times);
            second = ours(times);
        } else {
            second = ours(times);
            first = base(times);
        }
        samples.push((first.as_secs_f64() / times as f64, second.as_secs_f64() / times as f64));
    }
    let quantile = |of: &dyn Fn(&(f64, f64)) -> f64, part: f64| {
        let mut values: Vec<f64> = samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[((values.len() - 1) as f64 * part) as usize]
    };
    let ratio = |part| quantile(&|(base, ours)| ours / base, part);
    Ratio {
        base: Duration::from_secs_f64(quantile(&|(base, _)| *base, 0.5)),
        ours: Duration::from_secs_f64(quantile(&|(_, ours)| *ours, 0.5)),
        quartiles: [ratio(0.25), ratio(0.5), ratio(0.75)],
    }
}

impl Ratio {
    /// A line of the table.
    pub fn print(&self, name: &str) {
        let [low, middle, high] = self.quartiles;
        let (base, ours) = (self.base.as_secs_f64() * 1e9, self.ours.as_secs_f64() * 1e9);
        println!("{name:<60} {base:>9.0} ns {ours:>9.0} ns  ×{middle:.3}  ({low:.3}–{high:.3})");
    }
}
