//! What it was measured on, and how quiet that was.

use std::fs;
use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The machine as a section found it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub date: String,
    pub processor: String,
    pub processors: usize,
    pub sha_instructions: bool,
    pub memory_gib: f64,
    pub kernel: String,
    pub rustc: String,
    pub before: Quiet,
    pub after: Quiet,
}

/// How much of the machine was free.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Quiet {
    /// The load average of the last minute.
    pub load: f64,
    /// See [`free`].
    pub free: f64,
}

impl Machine {
    /// Looks before the section is measured; [`Machine::measured`] looks again.
    pub fn now() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpu.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let rustc = Command::new("rustc").arg("--version").output().map(|said| said.stdout);
        let before = Quiet::now();
        Self {
            date: OffsetDateTime::now_utc().date().to_string(),
            processor: field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            processors: processors(),
            sha_instructions: field("flags").is_some_and(|flags| flags.contains("sha_ni")),
            memory_gib: memory.unwrap_or_default() / 1024.0 / 1024.0,
            kernel: format!("Linux {}", kernel.trim()),
            rustc: String::from_utf8_lossy(&rustc.unwrap_or_default()).trim().to_owned(),
            before,
            after: before,
        }
    }

    #[must_use]
    pub fn measured(self) -> Self {
        Self { after: Quiet::now(), ..self }
    }

    /// One line.
    pub fn describe(&self) -> String {
        let sha = if self.sha_instructions { "with" } else { "without" };
        format!(
            "{} processors ({}, {sha} SHA instructions), {:.0} GiB, {}, {}",
            self.processors, self.processor, self.memory_gib, self.kernel, self.rustc
        )
    }

    /// Whether figures of the two can stand on one page.
    pub fn is_like(&self, other: &Self) -> bool {
        let of =
            |it: &Self| (it.processor.clone(), it.processors, it.kernel.clone(), it.rustc.clone());
        of(self) == of(other)
    }
}

impl Quiet {
    fn now() -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default();
        Self { load, free: free() }
    }
}

pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How much of the processors' time this process gets if it asks for all of it, from 0 to 1.
///
/// One thread for each processor does the same small piece of work over and over. Had it always taken as
/// long as the quickest one, the whole would have taken this part of what it took.
fn free() -> f64 {
    let (threads, spin) = (processors(), Duration::from_millis(500));
    let start = Barrier::new(threads);
    let measure = || {
        start.wait();
        let (begin, mut slices) = (Instant::now(), Vec::with_capacity(10_000));
        while begin.elapsed() < spin {
            let slice = Instant::now();
            work();
            slices.push(slice.elapsed().as_secs_f64());
        }
        // The second percentile: the quickest of all may be a moment of a higher clock.
        slices.sort_by(f64::total_cmp);
        slices[slices.len() / 50] * slices.len() as f64 / slices.iter().sum::<f64>()
    };
    let shares: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(measure)).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    (shares.iter().sum::<f64>() / shares.len() as f64).min(1.0)
}

/// About 50 microseconds of arithmetic.
fn work() {
    let mut value = 1_u64;
    for number in 0..25_000_u64 {
        value = std::hint::black_box(value.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    }
}
