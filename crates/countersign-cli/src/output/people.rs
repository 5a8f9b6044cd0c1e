//! A request as one line for people at a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use countersign::diagnosis::Diagnosis;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::record::{ProgramAnswer, Record, Verdict};

/// What lines for people look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) color: bool,
    /// Where the terminal is.
    pub(crate) offset: UtcOffset,
}

/// The line, with its end: time, endpoint, type, verdict, status and duration, and why.
pub(super) fn line(record: &Record, look: Look) -> String {
    let facts = record.facts.as_deref();
    let event =
        facts.and_then(|facts| facts.event.as_deref().or(facts.unverified_event.as_deref()));
    let endpoint = record.endpoint.as_deref().map_or_else(|| "-".to_owned(), seen);
    let answer = match record.status {
        Some(status) => format!("{status} in {}", duration(record.elapsed)),
        None => format!("after {}", duration(record.elapsed)),
    };
    let event = match (event, &record.endpoint) {
        (Some(event), _) => seen(event),
        (None, Some(_)) => "-".to_owned(),
        (None, None) => format!("{} {}", seen(record.method.as_str()), seen(record.uri.path())),
    };
    let (verdict, shade) = verdict(record);
    let (on, off) = if look.color { (shade, RESET) } else { ("", "") };
    let mut line = format!(
        "{}  {endpoint:<16}  {event:<28}  {on}{verdict:<11}{off}  {answer}",
        clock(record, look.offset)
    );
    if let Some(says) = record.says.as_deref().filter(|_| is_worth_saying(record)) {
        let _ = write!(line, "  {}", seen(says));
        if let Some(code) = record.reason.filter(|_| record.verdict == Verdict::Rejected) {
            let _ = write!(line, " ({code})");
        }
    }
    line.push('\n');
    line
}

/// Why it is refused. Other lines may be before it, so it begins as that of the delivery does.
pub(super) fn why(record: &Record, diagnosis: &Diagnosis, look: Look) -> Option<String> {
    let finding = diagnosis.findings().first()?;
    let (on, off) = if look.color { (FAINT, RESET) } else { ("", "") };
    let mut says: Vec<_> =
        diagnosis.findings().iter().map(|finding| seen(finding.says())).collect();
    says.dedup();
    let endpoint = record.endpoint.as_deref().map(seen).unwrap_or_default();
    Some(format!(
        "{}  {endpoint:<16}  {on}why:{off} {} What to do: {}\n",
        clock(record, look.offset),
        says.join(" "),
        finding.remedy()
    ))
}

const RESET: &str = "\x1b[0m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const FAINT: &str = "\x1b[2m";

fn verdict(record: &Record) -> (&'static str, &'static str) {
    match record.verdict {
        Verdict::Accepted if record.unmatched => ("unmatched", YELLOW),
        Verdict::Accepted => ("accepted", GREEN),
        Verdict::Duplicate => ("duplicate", FAINT),
        Verdict::Handshake => ("handshake", GREEN),
        Verdict::Working => ("working", FAINT),
        Verdict::InFlight => ("in flight", YELLOW),
        Verdict::Parked => ("parked", RED),
        Verdict::Rejected => ("refused", RED),
        Verdict::NotFound => ("not found", RED),
        Verdict::Failed => match record.forwarded.as_ref().map(|forwarded| &forwarded.answer) {
            Some(ProgramAnswer::Unreachable(_)) => ("unreachable", RED),
            Some(ProgramAnswer::TooLate) => ("too late", RED),
            _ => ("not handled", RED),
        },
    }
}

/// The verdict says it all for the others.
fn is_worth_saying(record: &Record) -> bool {
    use Verdict::{Duplicate, Handshake, InFlight, Working};
    !matches!(record.verdict, Duplicate | Handshake | InFlight | Working)
}

/// The time of day where the terminal is.
fn clock(record: &Record, offset: UtcOffset) -> String {
    let form = format_description!("[hour]:[minute]:[second]");
    OffsetDateTime::from(record.received_at).to_offset(offset).format(&form).unwrap_or_default()
}

/// In the unit that people read it in.
fn duration(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.1} s"),
        seconds if seconds >= 0.001 => format!("{:.0} ms", seconds * 1e3),
        seconds => format!("{:.1} ms", seconds * 1e3),
    }
}

/// Text that a sender wrote, without what a terminal would obey, and not longer than a line.
fn seen(text: &str) -> String {
    const MOST: usize = 200;
    let mut out = String::new();
    for (nth, character) in text.chars().enumerate() {
        match character {
            _ if nth == MOST => {
                out.push('…');
                break;
            }
            character if character.is_control() || is_of_direction(character) => {
                out.extend(character.escape_unicode());
            }
            character => out.push(character),
        }
    }
    out
}

/// Characters that turn the direction of what follows.
fn is_of_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
