//! What is said: in words, or as JSON lines.

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use countersign::{EventKey, EventState, Forgotten, StoreStats};
use countersign_sqlx::SchemaState;
use serde_json::{Value, json};

/// Prints a line.
pub(super) fn line(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        // A reader may have read enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write to stdout: {error}"))
        }
        _ => Ok(()),
    }
}

pub(super) fn stats(stats: StoreStats, as_json: bool) -> String {
    let StoreStats { in_flight, handled, released, expired, .. } = stats;
    if as_json {
        let stats = json!({
            "in_flight": in_flight, "handled": handled, "released": released, "expired": expired
        });
        return stats.to_string();
    }
    let rows = [
        (in_flight, "in flight", "being handled"),
        (handled, "handled", "and remembered"),
        (released, "released", "attempts that failed, and events forgotten, in the last 5 minutes"),
        (expired, "expired", "not needed any more, until a purge"),
    ];
    let width = rows.iter().map(|(count, ..)| count.to_string().len()).max().unwrap_or(0);
    let rows = rows.map(|(count, what, says)| format!("{what:<10} {count:>width$}  {says}"));
    rows.join("\n")
}

pub(super) fn state(key: EventKey, state: EventState, as_json: bool) -> String {
    let (code, left, says) = match state {
        EventState::InFlight { left } => (
            "in_flight",
            Some(left),
            format!("is being handled; its lease ends in {} unless it is renewed", words(left)),
        ),
        EventState::Handled { left } => (
            "handled",
            Some(left),
            format!("was handled, and is remembered for {} more", words(left)),
        ),
        EventState::Released => (
            "released",
            None,
            "is not handled: in the last 5 minutes an attempt failed, or it was forgotten; its \
             next delivery is handled"
                .to_owned(),
        ),
        _ => (
            "unknown",
            None,
            "is not known: it never came, or is not remembered any more; its next delivery is \
             handled"
                .to_owned(),
        ),
    };
    if as_json {
        let left = left.map(millis);
        return json!({"key": key.to_string(), "state": code, "left_ms": left}).to_string();
    }
    format!("{key} {says}")
}

pub(super) fn forgotten(key: EventKey, forgotten: Forgotten, as_json: bool) -> String {
    let (code, retry_after, says) = match forgotten {
        Forgotten::Forgotten => ("forgotten", None, "is forgotten".to_owned()),
        Forgotten::InFlight { retry_after } => (
            "in_flight",
            Some(retry_after),
            format!(
                "is being handled, and was not forgotten; its lease ends in {} unless it is renewed",
                words(retry_after)
            ),
        ),
        _ => ("not_handled", None, "was not remembered as handled".to_owned()),
    };
    if as_json {
        let retry_after = retry_after.map(millis);
        let key = key.to_string();
        return json!({"key": key, "result": code, "retry_after_ms": retry_after}).to_string();
    }
    format!("{key} {says}")
}

/// What an operator has to know then.
pub(super) const WHAT_NEXT: &str = "The next delivery of each forgotten event is handled again. The \
    provider was told that they are handled, and sends them only if you ask for it: \"resend\" or \
    \"redeliver\" in its console, or its API. A delivery that is older than the replay window is \
    refused, so let the provider sign it anew.";

pub(super) fn purged(dropped: Option<u64>, as_json: bool) -> String {
    match dropped {
        _ if as_json => json!({ "dropped": dropped.unwrap_or(0) }).to_string(),
        Some(dropped) => format!("dropped {dropped}"),
        None => "Redis drops by itself what has run out: there is nothing to purge".to_owned(),
    }
}

/// How the schema is, or what was done to it.
pub(super) fn schema(state: Option<SchemaState>, done: bool, as_json: bool) -> String {
    if as_json {
        return schema_json(state, done).to_string();
    }
    let current = SchemaState::CURRENT;
    match state {
        None => "the keys in Redis have no schema: there is nothing to migrate".to_owned(),
        Some(SchemaState::Missing) if done => {
            format!("the table was made, of schema version {current}")
        }
        Some(SchemaState::Older { version }) if done => {
            format!("the table was brought from schema version {version} to {current}")
        }
        Some(state) => state.to_string(),
    }
}

fn schema_json(state: Option<SchemaState>, done: bool) -> Value {
    let (code, version) = match state {
        None => ("none", None),
        Some(SchemaState::Missing) => ("missing", None),
        Some(SchemaState::Older { version }) => ("older", Some(version)),
        Some(SchemaState::Current) => ("current", Some(SchemaState::CURRENT)),
        Some(SchemaState::Newer { version }) => ("newer", Some(version)),
        Some(SchemaState::TooNew { version, .. }) => ("too_new", Some(version)),
        Some(_) => ("unknown", None),
    };
    let current = state.map(|_| SchemaState::CURRENT);
    json!({"schema": code, "version": version, "current": current, "migrated": done})
}

/// In whole seconds, or less where it is less than one.
fn words(time: Duration) -> String {
    let whole = match time.as_secs() {
        0 => Duration::from_millis(time.as_millis().try_into().unwrap_or(0)),
        seconds => Duration::from_secs(seconds),
    };
    humantime::format_duration(whole).to_string()
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
