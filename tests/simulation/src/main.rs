//! `simulate [--seeds N] [--from S] [--seed S] [--fault NAME] [--threads N] [--go-on] [--list-faults]`

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use countersign_simulation::faults::Fault;
use countersign_simulation::run::{Wanted, run};
use countersign_simulation::shrink::shrink;
use countersign_simulation::tape::Tape;

struct Asked {
    seeds: u64,
    from: u64,
    seed: Option<u64>,
    fault: Option<Fault>,
    threads: usize,
    /// Whether to go on after a promise was broken.
    go_on: bool,
}

fn main() -> ExitCode {
    // Handlers panic on purpose.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&"as planned") {
            usual(panic);
        }
    }));
    if std::env::args().nth(1).as_deref() == Some("--list-faults") {
        Fault::ALL.iter().for_each(|fault| println!("{fault:?}"));
        return ExitCode::SUCCESS;
    }
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(what) => {
            eprintln!(
                "{what}\nusage: simulate [--seeds N] [--from S] [--seed S] [--fault NAME] [--threads N]"
            );
            return ExitCode::from(2);
        }
    };
    match asked.seed {
        Some(seed) => one(seed, asked.fault),
        None => many(&asked),
    }
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut asked =
        Asked { seeds: 100_000, from: 0, seed: None, fault: None, threads, go_on: false };
    while let Some(option) = words.next() {
        if option == "--go-on" {
            asked.go_on = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{option} needs a value"))?;
        let number = || {
            value.replace('_', "").parse().map_err(|_| format!("{option}: {value} is not a number"))
        };
        match option.as_str() {
            "--seeds" => asked.seeds = number()?,
            "--from" => asked.from = number()?,
            "--seed" => asked.seed = Some(number()?),
            "--threads" => asked.threads = number()? as usize,
            "--fault" => {
                let names = || format!("{:?}", Fault::ALL);
                asked.fault = Some(
                    Fault::named(&value).ok_or_else(|| format!("--fault is one of {}", names()))?,
                );
            }
            _ => return Err(format!("{option} is not an option")),
        }
    }
    Ok(asked)
}

/// Runs a seed, makes it as simple as it gets if it breaks a promise, and prints what happens.
fn one(seed: u64, fault: Option<Fault>) -> ExitCode {
    let wanted = Wanted { fault, log: true, coverage: false };
    let ended = run(Tape::seeded(seed), wanted);
    let Some(broken) = ended.broken else {
        ended.log.iter().for_each(|line| println!("{line}"));
        println!("seed {seed}: every promise was kept, in {} steps", ended.steps);
        return ExitCode::SUCCESS;
    };
    let tape = shrink(ended.tape, &broken, wanted, 4_000);
    let simple = run(Tape::given(tape), wanted);
    simple.log.iter().for_each(|line| println!("{line}"));
    println!("seed {seed}: {broken}");
    println!("made simple, in {} steps: {}", simple.steps, simple.broken.unwrap_or_default());
    ExitCode::FAILURE
}

/// A fault: which call, and its fate.
type Met = (&'static str, &'static str);

/// In how many worlds two faults met.
fn print_pairs(faults: usize, pairs: &BTreeMap<(Met, Met), u64>) {
    let all = faults * faults.saturating_sub(1) / 2;
    println!("{} of {all} pairs of these faults met in one world; the rarest:", pairs.len());
    let mut rarest: Vec<_> = pairs.iter().map(|(pair, count)| (count, pair)).collect();
    rarest.sort_unstable();
    for (count, ((call, fate), (other, other_fate))) in rarest.into_iter().take(5) {
        println!("  {call} {fate} and {other} {other_fate}: {count}");
    }
}

fn many(asked: &Asked) -> ExitCode {
    let started = Instant::now();
    let (next, failed) = (AtomicU64::new(asked.from), AtomicBool::new(false));
    let (found, coverage) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    let pairs = Mutex::new(BTreeMap::new());
    let (steps, troubles) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = asked.from.saturating_add(asked.seeds);
    std::thread::scope(|scope| {
        for _ in 0..asked.threads.max(1) {
            scope.spawn(|| {
                let (mut covered, mut pairs_here) = (BTreeMap::new(), BTreeMap::new());
                while !failed.load(Ordering::Relaxed) || asked.go_on {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let wanted = Wanted { fault: asked.fault, log: false, coverage: !asked.go_on };
                    let ended = run(Tape::seeded(seed), wanted);
                    steps.fetch_add(ended.steps, Ordering::Relaxed);
                    troubles.fetch_add(u64::from(ended.troubles), Ordering::Relaxed);
                    let faults: Vec<_> = ended.coverage.keys().copied().collect();
                    for (number, fault) in faults.iter().enumerate() {
                        for other in &faults[..number] {
                            *pairs_here.entry((*other, *fault)).or_insert(0_u64) += 1;
                        }
                    }
                    for (what, count) in ended.coverage {
                        *covered.entry(what).or_insert(0_u64) += count;
                    }
                    if let Some(broken) = ended.broken {
                        failed.store(true, Ordering::Relaxed);
                        found.lock().expect("no panics").push((seed, broken));
                    }
                }
                let mut coverage = coverage.lock().expect("no panics");
                for (what, count) in covered {
                    *coverage.entry(what).or_insert(0) += count;
                }
                let mut pairs = pairs.lock().expect("no panics");
                for (pair, count) in pairs_here {
                    *pairs.entry(pair).or_insert(0) += count;
                }
            });
        }
    });
    let (found, seconds) =
        (found.into_inner().expect("no panics"), started.elapsed().as_secs_f64());
    let ran = next.into_inner().min(end) - asked.from;
    println!(
        "{ran} seeds in {seconds:.1} s ({:.0} an hour), {} steps, {} troubles besides messages",
        ran as f64 / seconds * 3_600.0,
        steps.into_inner(),
        troubles.into_inner()
    );
    if !asked.go_on {
        let coverage = coverage.into_inner().expect("no panics");
        for ((call, fate), count) in &coverage {
            println!("  {call} {fate}: {count}");
        }
        print_pairs(coverage.len(), &pairs.into_inner().expect("no panics"));
    }
    if let Some((seed, broken)) = found.iter().min() {
        println!("{} seeds break a promise; seed {seed}: {broken}", found.len());
        if !asked.go_on {
            return one(*seed, asked.fault);
        }
        return ExitCode::FAILURE;
    }
    println!("every promise was kept");
    ExitCode::SUCCESS
}
