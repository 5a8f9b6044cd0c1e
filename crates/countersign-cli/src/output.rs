//! Standard output: one JSON object for each delivery and line.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use countersign::{Delivery, FromDelivery as _, Outcome, Reason, Report};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::stdio;

/// What is printed of one delivery.
#[derive(Serialize)]
struct Line<'a> {
    outcome: &'static str,
    provider: &'a str,
    status: Option<u16>,
    event: Option<&'a str>,
    id: Option<&'a str>,
    key: Option<String>,
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unverified: Option<Claims<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
}

/// What headers claim outside of the proof.
#[derive(Serialize)]
struct Claims<'a> {
    event: Option<&'a str>,
    id: Option<&'a str>,
}

/// What a body holds: the JSON as it was sent, the fields of a form, or the text that it is instead.
#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(Cow<'a, RawValue>),
    Form(Value),
    Text(Cow<'a, str>),
}

impl<'a> Line<'a> {
    /// The line of a delivery that is handled by being printed.
    fn accepted(delivery: &'a Delivery, status: u16) -> Self {
        Self {
            outcome: Outcome::Accepted.as_str(),
            // The endpoint is named like the provider on the command line.
            provider: delivery.endpoint(),
            status: Some(status),
            event: delivery.event_type(),
            id: delivery.id(),
            key: Some(delivery.key().to_string()),
            reason: None,
            unverified: Claims::of(delivery),
            payload: Some(Payload::of(delivery)),
        }
    }

    /// The line of a delivery that has come to its end.
    fn reported(report: &Report<'a>) -> Self {
        let accepted = report.delivery.filter(|_| report.outcome == Outcome::Accepted);
        Self {
            outcome: report.outcome.as_str(),
            provider: report.endpoint,
            status: report.status,
            event: report.delivery.and_then(Delivery::event_type),
            id: report.delivery.and_then(Delivery::id),
            key: report.delivery.map(|delivery| delivery.key().to_string()),
            reason: report.reason.map(Reason::as_str),
            unverified: report.delivery.and_then(Claims::of),
            payload: accepted.map(Payload::of),
        }
    }

    fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl<'a> Claims<'a> {
    fn of(delivery: &'a Delivery) -> Option<Self> {
        let claims = delivery.unverified();
        let (event, id) = (claims.event_type(), claims.id());
        (event.is_some() || id.is_some()).then_some(Self { event, id })
    }
}

impl<'a> Payload<'a> {
    fn of(delivery: &'a Delivery) -> Self {
        match delivery.payload() {
            countersign::Payload::Json(json) => Self::written(json),
            countersign::Payload::Form(form) => match Value::from_delivery(delivery) {
                Ok(fields) => Self::Form(fields),
                Err(_) => Self::written(form),
            },
            _ => Self::written(delivery.body()),
        }
    }

    fn written(text: &'a [u8]) -> Self {
        match serde_json::from_slice::<&RawValue>(text) {
            Ok(json) => Self::Json(on_one_line(json)),
            Err(_) => Self::Text(String::from_utf8_lossy(text)),
        }
    }
}

/// JSON without its line breaks. Inside of strings there are none, for there they are escaped.
fn on_one_line(json: &RawValue) -> Cow<'_, RawValue> {
    let breaks = ['\n', '\r'];
    if !json.get().contains(breaks) {
        return Cow::Borrowed(json);
    }
    match RawValue::from_string(json.get().replace(breaks, "")) {
        Ok(json) => Cow::Owned(json),
        Err(_) => Cow::Borrowed(json),
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
    Handling(Delivery, oneshot::Sender<()>),
}

impl Output {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&shared);
        let stdout = stdio::stdout()?;
        thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || writer.write_lines(stdout))?;
        Ok(Self(shared))
    }

    /// Has a line written sometime, or dropped if too many wait.
    pub(crate) fn report(&self, report: &Report<'_>) {
        let Ok(line) = Line::reported(report).to_bytes() else { return };
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
    pub(crate) async fn print(&self, delivery: &Delivery) -> bool {
        let (written, done) = oneshot::channel();
        self.0.lock().lines.push_back(Queued::Handling(delivery.clone(), written));
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
                Queued::Handling(_, waiting) if waiting.is_closed() => continue,
                Queued::Handling(delivery, waiting) => {
                    let line = Line::accepted(&delivery, StatusCode::OK.as_u16()).to_bytes();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_one_line_of_json_whatever_the_body() {
        for (body, printed) in [
            (&b" {\"z\": 1.10,\r\n\"a\": \"\\n\"}\n"[..], r#"{"z": 1.10,"a": "\n"}"#),
            (b"1\n", "1"),
            (b"not\njson", r#""not\njson""#),
            (b"{} {}", r#""{} {}""#),
            (b"\"a\nb\"", r#""\"a\nb\"""#),
            (b"\xff", "\"\u{fffd}\""),
            (b"", r#""""#),
        ] {
            assert_eq!(serde_json::to_string(&Payload::written(body)).unwrap(), printed);
        }
    }
}
