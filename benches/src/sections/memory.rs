//! The store in memory by the number of its keys.

use std::process::Command;
use std::time::{Duration, Instant};

use countersign::{ClaimToken, Claimed, MemoryStore, Settled, Store};

use super::{Outcome, Section};
use crate::keys::{key, ready};
use crate::plan::Plan;
use crate::results::{Row, Table, Unit, Value};
use crate::server::resident;

pub const SECTION: Section = Section {
    name: "memory",
    title: "The store in memory, by size",
    about: "\
`MemoryStore` is filled with events that were claimed and completed, in a new process each time. Bytes a key
are what the process's resident memory grows by. The time of a claim is the mean over the fill; the slowest
one is usually the one in which a part of the table grows, or which the operating system interrupts.",
    charts: &["memory.svg"],
    measure,
};

/// The argument that makes this program fill a store and print what came of it.
pub const FILL: &str = "--fill";

const METRICS: [(&str, Unit); 4] = [
    ("memory a key", Unit::Bytes),
    ("a claim", Unit::Nanoseconds),
    ("a completion", Unit::Nanoseconds),
    ("slowest claim", Unit::Nanoseconds),
];

fn measure(plan: Plan) -> Outcome {
    let mut table = Table::new("memory", "A fill", "", &METRICS);
    let sizes = [
        (10_000, "10 000"),
        (100_000, "100 000"),
        (1_000_000, "1 million"),
        (10_000_000, "10 million"),
    ];
    for (keys, at) in sizes.into_iter().take(plan.or(3, 4)) {
        let mut samples: [Vec<f64>; 4] = Default::default();
        for _ in 0..plan.rounds(if keys > 1_000_000 { 3 } else { 7 }) {
            for (samples, value) in samples.iter_mut().zip(in_a_new_process(keys)) {
                samples.push(value);
            }
        }
        let values = samples.iter().map(|samples| Some(Value::of(samples))).collect();
        let (at, side) = (format!("{at} keys"), "MemoryStore".to_owned());
        table.rows.push(Row { at, x: keys as f64, side, values });
    }
    Outcome { tables: vec![table], left_out: Vec::new() }
}

fn in_a_new_process(keys: u64) -> Vec<f64> {
    let program = std::env::current_exe().expect("this program");
    let said = Command::new(program).args([FILL, &keys.to_string()]).output().expect("it runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

/// Fills a store and prints a number for each metric.
pub fn fill(keys: u64) {
    const LEASE: Duration = Duration::from_secs(300);
    const RETENTION: Duration = Duration::from_secs(86_400);
    let store = MemoryStore::builder().capacity(usize::MAX).build();
    let token = ClaimToken::random().expect("randomness");
    let (mut claims, mut completions, mut slowest) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let before = resident("self");
    for number in 0..keys {
        let key = key(number);
        let start = Instant::now();
        let claimed = ready(store.claim(key, token, LEASE)).expect("there is room");
        let claim = start.elapsed();
        let settled = ready(store.complete(key, token, RETENTION)).expect("it is claimed");
        completions += start.elapsed() - claim;
        assert_eq!((claimed, settled), (Claimed::Fresh, Settled::Settled));
        claims += claim;
        slowest = slowest.max(claim);
    }
    let bytes = resident("self").saturating_sub(before) as f64 / keys as f64;
    assert_eq!(store.len() as u64, keys);
    let each = |all: Duration| all.as_nanos() as f64 / keys as f64;
    println!("{bytes} {} {} {}", each(claims), each(completions), slowest.as_nanos());
}
