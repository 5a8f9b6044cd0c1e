//! The log, on stderr: nothing ever waits for it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{panic, thread};

use tracing_subscriber::EnvFilter;
pub(crate) use tracing_subscriber::filter::LevelFilter as Level;

use crate::stdio;

/// How many lines, and how many bytes of them, may wait for the reader of stderr.
const MAX_LINES: usize = 1024;
const MAX_BYTES: usize = 1024 * 1024;

/// The log. One for the process; clones are the same.
///
/// A thread of its own writes, line after line, and waits for the reader. While too many lines
/// wait, further ones are dropped. In their place stands how many they were.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// A line was queued, or written.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Whether a line is being written.
    writing: bool,
    /// How many lines were dropped after the last one in the queue.
    dropped: u64,
}

impl Log {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        Self::onto(stdio::stderr()?)
    }

    fn onto(stderr: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name("stderr".to_owned()).spawn(move || writer.write(stderr))?;
        Ok(Self(shared))
    }

    /// Has `tracing` write here what `RUST_LOG` asks for, and else this level. An error is one sentence.
    pub(crate) fn trace(&self, level: Level) -> Result<(), String> {
        let filter = EnvFilter::builder()
            .with_default_directive(level.into())
            .from_env()
            .map_err(|error| format!("RUST_LOG: {error}"))?;
        let log = self.clone();
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(move || log.clone())
            .with_ansi(io::stderr().is_terminal() && !is_plain())
            // It would say so on stderr, and panic if nobody reads that.
            .log_internal_errors(false)
            .init();
        Ok(())
    }

    /// Has panics written here, too: the standard library would wait for the reader of stderr.
    pub(crate) fn take_panics(&self) {
        let log = self.clone();
        panic::set_hook(Box::new(move |panic| {
            let trace = Backtrace::capture();
            let trace = match trace.status() {
                BacktraceStatus::Captured => format!("\n{trace}"),
                _ => String::new(),
            };
            log.say(&format!("countersign: {panic}{trace}"));
        }));
    }

    /// Has a line written sometime, or dropped if too many wait.
    pub(crate) fn say(&self, line: &str) {
        self.0.lock().push(format!("{line}\n").into_bytes());
        self.0.changed.notify_all();
    }

    /// Waits until all lines are written, but not longer than this.
    pub(crate) fn finish(&self, patience: Duration) {
        let unwritten =
            |queue: &mut Queue| queue.writing || !queue.lines.is_empty() || queue.dropped > 0;
        let queue = self.0.lock();
        drop(self.0.changed.wait_timeout_while(queue, patience, unwritten));
    }
}

/// Whether the user wants no colors: <https://no-color.org>.
pub(crate) fn is_plain() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// `tracing` writes each of its lines at once.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().push(line.to_vec());
        self.0.changed.notify_all();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Queue {
    fn push(&mut self, line: Vec<u8>) {
        // Once lines are dropped, that goes on until there is room again for many: what is missing
        // is said once, and not for each line that finds a place.
        let share = if self.dropped > 0 { 2 } else { 1 };
        if self.lines.len() >= MAX_LINES / share || self.bytes >= MAX_BYTES / share {
            self.dropped += 1;
            return;
        }
        if let Some(missing) = self.take_missing() {
            self.append(missing);
        }
        self.append(line);
    }

    fn append(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let line = self.lines.pop_front();
        self.bytes -= line.as_ref().map_or(0, Vec::len);
        line.or_else(|| self.take_missing())
    }

    /// What stands in the place of the lines that were dropped.
    fn take_missing(&mut self) -> Option<Vec<u8>> {
        let dropped = std::mem::take(&mut self.dropped);
        (dropped > 0).then(|| {
            format!("countersign: {dropped} log lines are missing here, stderr was not read\n")
                .into_bytes()
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes for as long as the process lives.
    fn write(&self, mut stderr: impl Write) {
        loop {
            // If it fails, there is nowhere to report it.
            let _ = stderr.write_all(&self.next());
        }
    }

    /// The next line, once there is one. The one before is written.
    fn next(&self) -> Vec<u8> {
        let mut queue = self.lock();
        queue.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(line) = queue.pop() {
                queue.writing = true;
                return line;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, pipe};

    use super::*;

    /// More than a pipe and the queue hold.
    const MANY: u64 = 20_000;

    #[test]
    fn what_is_missing_is_said_where_it_is_missing() {
        let (reader, writer) = pipe().unwrap();
        let log = Log::onto(writer).unwrap();
        for nth in 0..MANY {
            log.say(&format!("line {nth}"));
        }
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        let mut next = 0;
        while next < MANY {
            let line = lines.next().unwrap();
            match line.strip_prefix("line ") {
                Some(nth) => {
                    assert_eq!(nth.parse(), Ok(next));
                    next += 1;
                }
                None => {
                    let count: u64 = line.split(' ').nth(1).unwrap().parse().unwrap();
                    assert!(line.ends_with("missing here, stderr was not read"), "{line}");
                    assert!(next >= 1024, "{next}");
                    next += count;
                }
            }
        }
        assert_eq!(next, MANY);
        log.say("after");
        assert_eq!(lines.next().unwrap(), "after");
        log.finish(Duration::from_secs(20));
    }

    #[test]
    fn panics_are_in_the_log() {
        let (reader, writer) = pipe().unwrap();
        let before = panic::take_hook();
        Log::onto(writer).unwrap().take_panics();
        assert!(thread::spawn(|| panic!("of a test")).join().is_err());
        panic::set_hook(before);
        let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
        // The hook is the process's, so that a panic of a test beside this one may be there too.
        let mut before = String::new();
        for line in &mut lines {
            if line == "of a test" {
                break;
            }
            before = line;
        }
        assert!(before.contains("panicked at"), "{before}");
    }

    #[test]
    fn the_end_does_not_wait_long_for_a_reader() {
        let (_reader, writer) = pipe().unwrap();
        let log = Log::onto(writer).unwrap();
        // As many lines as the queue holds do not fit into a pipe.
        let line = "nobody reads this, neither now nor later; ".repeat(8);
        for _ in 0..MANY {
            log.say(&line);
        }
        log.finish(Duration::from_millis(10));
        let queue = log.0.lock();
        assert!(queue.writing || !queue.lines.is_empty());
    }
}
