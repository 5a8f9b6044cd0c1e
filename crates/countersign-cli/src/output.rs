//! Standard output: one JSON object for each delivery and line.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use countersign::{Delivery, Outcome, Report};
use serde::Serialize;
use serde_json::value::RawValue;

/// What is printed of one delivery.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    outcome: &'static str,
    provider: &'a str,
    status: Option<u16>,
    event: Option<&'a str>,
    key: Option<String>,
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
}

/// A body: the JSON as it was sent, or the text that it is instead.
#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(Cow<'a, RawValue>),
    Text(Cow<'a, str>),
}

impl<'a> Line<'a> {
    /// The line of a delivery that is handled by being printed.
    pub(crate) fn accepted(delivery: &'a Delivery, status: u16) -> Self {
        Self {
            outcome: Outcome::Accepted.as_str(),
            // The endpoint is named like the provider on the command line.
            provider: delivery.endpoint(),
            status: Some(status),
            event: delivery.event_type(),
            key: Some(delivery.key().to_string()),
            reason: None,
            payload: Some(Payload::of(delivery.body())),
        }
    }

    /// The line of a delivery that has come to its end.
    pub(crate) fn reported(report: &Report<'a>) -> Self {
        let accepted = report.delivery.filter(|_| report.outcome == Outcome::Accepted);
        Self {
            outcome: report.outcome.as_str(),
            provider: report.endpoint,
            status: report.status,
            event: report.delivery.and_then(Delivery::event_type),
            key: report.delivery.map(|delivery| delivery.key().to_string()),
            reason: report.reason,
            payload: accepted.map(|delivery| Payload::of(delivery.body())),
        }
    }
}

impl<'a> Payload<'a> {
    fn of(body: &'a [u8]) -> Self {
        match serde_json::from_slice::<&RawValue>(body) {
            Ok(json) => Self::Json(on_one_line(json)),
            Err(_) => Self::Text(String::from_utf8_lossy(body)),
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

/// Standard output. One for the process.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Whether the last line could not be written, so that a part of it may stand there.
    failed: Mutex<bool>,
}

impl Output {
    /// Writes a line at once.
    ///
    /// It waits for whoever reads the output. Meanwhile the runtime goes on with other tasks.
    pub(crate) fn print(&self, line: &Line<'_>) -> io::Result<()> {
        tokio::task::block_in_place(|| {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bytes = if *failed { b"\n".to_vec() } else { Vec::new() };
            serde_json::to_writer(&mut bytes, line)?;
            bytes.push(b'\n');
            let mut stdout = io::stdout().lock();
            // Nothing of a line that fails stays in the buffer: it ends with a line break, and
            // such lines are passed through.
            let written = stdout.write_all(&bytes).and_then(|()| stdout.flush());
            if let Err(error) = &written
                && !*failed
            {
                // Said once and not for each delivery, which anybody may send.
                tracing::error!(%error, "cannot write to stdout");
            }
            *failed = written.is_err();
            written
        })
    }
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
            assert_eq!(serde_json::to_string(&Payload::of(body)).unwrap(), printed);
        }
    }
}
