//! Any number of sides measured in turns, so that whatever slows the machine slows all of them. What
//! counts is the ratio of two sides within one round.

use std::time::Duration;

use crate::results::{Row, Table, Value};

/// One of the things that are compared.
pub struct Side<'a> {
    pub name: String,
    work: Box<dyn FnMut(u64) -> Turn + 'a>,
}

/// What a side says of one of its turns.
pub struct Turn {
    /// How long the turn took; from this follows how often the work fits into a turn.
    pub took: Duration,
    /// What is recorded: a number for each metric of the table.
    pub values: Vec<f64>,
}

impl<'a> Side<'a> {
    /// `work` is given how often to do its work.
    pub fn new(name: impl Into<String>, work: impl FnMut(u64) -> Turn + 'a) -> Self {
        Self { name: name.into(), work: Box::new(work) }
    }

    /// The same, where only the time counts: nanoseconds for each time.
    pub fn timed(name: impl Into<String>, mut work: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self::new(name, move |times| {
            let took = work(times);
            Turn { took, values: vec![took.as_secs_f64() * 1e9 / times as f64] }
        })
    }
}

/// What came of it: for each side and metric a number for each round.
pub struct Samples {
    names: Vec<String>,
    values: Vec<Vec<Vec<f64>>>,
}

/// Gives each side a turn of about this length in each round. Neither is always the first.
pub fn in_turns(rounds: usize, turn: Duration, mut sides: Vec<Side<'_>>) -> Samples {
    let times: Vec<u64> = sides.iter_mut().map(|side| fitting(turn, side)).collect();
    let mut values: Vec<Vec<Vec<f64>>> = vec![Vec::new(); sides.len()];
    for round in 0..rounds {
        for place in 0..sides.len() {
            let place = if round.is_multiple_of(2) { place } else { sides.len() - 1 - place };
            let which = (place + round / 2) % sides.len();
            let of_turn = (sides[which].work)(times[which]).values;
            values[which].resize(of_turn.len(), Vec::new());
            for (metric, value) in values[which].iter_mut().zip(of_turn) {
                metric.push(value);
            }
        }
    }
    Samples { names: sides.into_iter().map(|side| side.name).collect(), values }
}

/// How often the work fits into a turn. Finding out also warms up.
fn fitting(turn: Duration, side: &mut Side<'_>) -> u64 {
    let mut times = 1;
    loop {
        let took = (side.work)(times).took;
        if took > turn / 4 || times >= 1 << 30 {
            let fitting = times as f64 * turn.as_secs_f64() / took.as_secs_f64().max(1e-9);
            return (fitting as u64).max(1);
        }
        times *= 2;
    }
}

impl Samples {
    /// Adds a row for each side. The first is what the others are beside.
    pub fn rows(&self, table: &mut Table, at: &str, x: f64) {
        for which in 0..self.names.len() {
            self.row(table, at, x, which, 0);
        }
    }

    /// Adds a row for one side, beside another.
    pub fn row(&self, table: &mut Table, at: &str, x: f64, which: usize, base: usize) {
        let values = self.values[which].iter().enumerate().map(|(metric, samples)| {
            Some(if base == which {
                Value::of(samples)
            } else {
                Value::beside(samples, &self.values[base][metric])
            })
        });
        let (at, side, values) = (at.to_owned(), self.names[which].clone(), values.collect());
        table.rows.push(Row { at, x, side, values });
    }
}
