//! Standard output: a line for each request.

mod explainer;
mod json;
mod people;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use countersign::Delivery;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::record::{Record, Recording};
use crate::stdio;
pub(crate) use explainer::Explainer;
pub(crate) use people::Look;

/// What lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Objects, for programs.
    Json,
    /// Words, for people at a terminal.
    People(Look),
}

impl Form {
    fn line(self, record: &Record, delivery: Option<&Delivery>) -> io::Result<Vec<u8>> {
        match self {
            Self::Json => json::line(record, delivery),
            Self::People(look) => Ok(people::line(record, look).into_bytes()),
        }
    }
}

/// How many lines, and how much of them, may wait for the reader before reports are dropped.
const MAX_LINES: usize = 1024;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How often it is said that reports are dropped.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Standard output. One for the process; clones are the same.
///
/// A thread of its own writes, line after line, and waits for the reader. Only the thread does:
/// anybody may send what is only reported, and must not hold up what is genuine.
#[derive(Clone)]
pub(crate) struct Output(Arc<Shared>);

struct Shared {
    form: Form,
    queue: Mutex<Queue>,
    /// A line was queued, or written.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Queued>,
    /// The size of the reports in it.
    bytes: usize,
    /// Whether a line is being written.
    writing: bool,
    /// How many reports were dropped since it was said last, and when that was.
    dropped: u64,
    said: Option<Instant>,
}

enum Queued {
    /// It may be dropped.
    Report(Vec<u8>),
    /// A delivery that is handled by being printed, and who waits for that. Always queued: it is
    /// a genuine one, and in memory for as long as it is worked on anyway.
    Handling(Delivery, Recording, oneshot::Sender<()>),
}

impl Output {
    /// Starts the thread.
    pub(crate) fn start(form: Form) -> io::Result<Self> {
        let shared = Arc::new(Shared { form, queue: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&shared);
        let stdout = stdio::stdout()?;
        thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || writer.write_lines(stdout))?;
        Ok(Self(shared))
    }

    /// Has a line written sometime, or dropped if too many wait.
    pub(crate) fn report(&self, record: &Record, delivery: Option<&Delivery>) {
        if let Ok(line) = self.0.form.line(record, delivery) {
            self.queue(line);
        }
    }

    /// The same for what is of no request. People have it in the log.
    pub(crate) fn report_json(&self, line: &impl Serialize) {
        if self.0.form == Form::Json
            && let Ok(mut line) = serde_json::to_vec(line)
        {
            line.push(b'\n');
            self.queue(line);
        }
    }

    fn queue(&self, line: Vec<u8>) {
        let mut queue = self.0.lock();
        if queue.lines.len() < MAX_LINES && queue.bytes < MAX_BYTES {
            queue.bytes += line.len();
            queue.lines.push_back(Queued::Report(line));
            drop(queue);
            self.0.changed.notify_all();
            return;
        }
        queue.dropped += 1;
        if queue.say_again_in().is_zero() {
            let dropped = queue.take_dropped();
            drop(queue);
            say_dropped(dropped);
        }
    }

    /// Prints a delivery. When this is true, its line has been written.
    ///
    /// If the future is dropped before, the line is not begun any more.
    pub(crate) async fn print(&self, delivery: &Delivery, recording: &Recording) -> bool {
        let (written, done) = oneshot::channel();
        let handling = Queued::Handling(delivery.clone(), recording.clone(), written);
        self.0.lock().lines.push_back(handling);
        self.0.changed.notify_all();
        done.await.is_ok()
    }

    /// Waits until all lines are written, but not longer than this.
    pub(crate) fn finish(&self, patience: Duration) {
        let queue = self.0.lock();
        let waited = self
            .0
            .changed
            .wait_timeout_while(queue, patience, |queue| queue.writing || !queue.lines.is_empty());
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // Of the others it is known that they are not handled.
        queue.lines.retain(|line| matches!(line, Queued::Report(_)));
        let dropped = queue.take_dropped() + queue.lines.len() as u64;
        drop(queue);
        if dropped > 0 {
            say_dropped(dropped);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lines(&self, mut stdout: impl Write) {
        // Whether the last line could not be written, so that a part of it may stand there.
        let mut failed = false;
        loop {
            let (line, waiting) = match self.next() {
                Queued::Report(line) => (Ok(line), None),
                Queued::Handling(_, _, waiting) if waiting.is_closed() => continue,
                Queued::Handling(delivery, recording, waiting) => {
                    let line = self.form.line(&recording.as_accepted(200), Some(&delivery));
                    (line, Some(waiting))
                }
            };
            let written = line.and_then(|line| write(&mut stdout, &line, failed));
            if let Err(error) = &written
                && !failed
            {
                // Said once and not for each delivery, which anybody may send.
                tracing::error!(%error, "cannot write to stdout");
            }
            failed = written.is_err();
            if let (Ok(()), Some(waiting)) = (written, waiting) {
                let _ = waiting.send(());
            }
        }
    }

    /// The next line, once there is one. The one before is written.
    fn next(&self) -> Queued {
        let mut queue = self.lock();
        queue.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                if let Queued::Report(line) = &line {
                    queue.bytes -= line.len();
                }
                queue.writing = true;
                return line;
            }
            // No line waits any more, so none is dropped for now: the last ones are said.
            let pause = if queue.dropped == 0 { Duration::MAX } else { queue.say_again_in() };
            if pause.is_zero() {
                let dropped = queue.take_dropped();
                drop(queue);
                say_dropped(dropped);
                queue = self.lock();
            } else {
                let waited = self.changed.wait_timeout(queue, pause);
                (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Queue {
    fn say_again_in(&self) -> Duration {
        self.said.map_or(Duration::ZERO, |said| SAY_EVERY.saturating_sub(said.elapsed()))
    }

    /// To be said now.
    fn take_dropped(&mut self) -> u64 {
        self.said = Some(Instant::now());
        std::mem::take(&mut self.dropped)
    }
}

fn say_dropped(lines: u64) {
    tracing::warn!(lines, "stdout is not read fast enough, lines were dropped");
}

/// Writes a line at once, and waits for the reader.
fn write(stdout: &mut impl Write, line: &[u8], begin_anew: bool) -> io::Result<()> {
    if begin_anew {
        stdout.write_all(b"\n")?;
    }
    stdout.write_all(line)?;
    stdout.flush()
}
