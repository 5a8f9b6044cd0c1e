//! What is said: in words, or as JSON lines.

use std::io::{ErrorKind, Write as _};
use std::num::NonZero;
use std::time::Duration;

use countersign::{EventKey, EventState, Forgotten, Parked, StoreStats};
use countersign_sqlx::SchemaState;
use serde_json::{Map, Value, json};

use crate::json_line::harmless;
use crate::times::rfc3339;

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
    let StoreStats { in_flight, handled, parked, released, expired, .. } = stats;
    if as_json {
        let stats = json!({
            "in_flight": in_flight, "handled": handled, "parked": parked, "released": released,
            "expired": expired
        });
        return stats.to_string();
    }
    let rows = [
        (in_flight, "in flight", "being handled"),
        (handled, "handled", "and remembered"),
        (parked, "parked", "not handled, and kept for an operator"),
        (released, "released", "attempts that failed, and events forgotten, in the last 5 minutes"),
        (expired, "expired", "not needed any more, until a purge"),
    ];
    let width = rows.iter().map(|(count, ..)| count.to_string().len()).max().unwrap_or(0);
    let rows = rows.map(|(count, what, says)| format!("{what:<10} {count:>width$}  {says}"));
    rows.join("\n")
}

pub(super) fn state(
    key: EventKey,
    state: EventState,
    parked: Option<&Parked>,
    as_json: bool,
) -> String {
    let (code, left, says) = match state {
        EventState::InFlight { left } => (
            "in_flight",
            Some(left),
            format!("is being handled; its lease ends in {} unless it is renewed", words(left)),
        ),
        EventState::Handled { left } => match parked {
            Some(parked) => (
                "parked",
                Some(left),
                format!(
                    "is parked since {} and kept for {} more: {}; its deliveries are acknowledged and \
                     not handled until it is forgotten",
                    rfc3339(parked.parked_at),
                    words(left),
                    of(parked)
                ),
            ),
            None => (
                "handled",
                Some(left),
                format!("was handled, and is remembered for {} more", words(left)),
            ),
        },
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
        let mut all = json!({"key": key.to_string(), "state": code, "left_ms": left.map(millis)});
        if let (Some(all), Some(parked), "parked") = (all.as_object_mut(), parked, code) {
            all.extend(fields(parked));
        }
        return harmless(all.to_string());
    }
    format!("{key} {says}")
}

/// A parked event, in one line.
pub(super) fn parked(parked: &Parked, as_json: bool) -> String {
    if as_json {
        return harmless(Value::Object(fields(parked)).to_string());
    }
    format!("{} {} {}", parked.key, rfc3339(parked.parked_at), of(parked))
}

/// What is known of a parked event, for people: what handlers and senders wrote must not write to the
/// terminal.
fn of(Parked { note, attempts, .. }: &Parked) -> String {
    let shown = |text: &Option<String>| {
        text.as_ref().map_or_else(String::new, |text| format!(" {}", text.escape_debug()))
    };
    let unverified = match &note.unverified_event_type {
        Some(_) => shown(&note.unverified_event_type) + " (unverified)",
        None => String::new(),
    };
    format!(
        "{}{}{}{unverified}{}, attempts: {attempts}: {}",
        note.endpoint.escape_debug(),
        shown(&note.tenant),
        shown(&note.event_type),
        shown(&note.event_id),
        note.reason.escape_debug()
    )
}

fn fields(Parked { key, note, attempts, parked_at, .. }: &Parked) -> Map<String, Value> {
    let fields = [
        ("key", json!(key.to_string())),
        ("parked_at", json!(rfc3339(*parked_at))),
        ("attempts", json!(attempts)),
        ("endpoint", json!(note.endpoint)),
        ("tenant", json!(note.tenant)),
        ("event", json!(note.event_type)),
        ("unverified_event", json!(note.unverified_event_type)),
        ("id", json!(note.event_id)),
        ("reason", json!(note.reason)),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

pub(super) fn there_may_be_more(limit: NonZero<u32>) -> String {
    format!("There may be more: {limit} are listed at most, unless --limit says otherwise.")
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

/// How the schema is, or what was done to it; and the statement that gives rights that are missing.
pub(super) fn schema(
    state: Option<SchemaState>,
    done: bool,
    rights: Option<&str>,
    as_json: bool,
) -> String {
    if as_json {
        return harmless(schema_json(state, done, rights).to_string());
    }
    let current = SchemaState::CURRENT;
    let mut said = match state {
        None => "the keys in Redis have no schema: there is nothing to migrate".to_owned(),
        Some(SchemaState::Missing) if done => {
            format!("the table was made, of schema version {current}")
        }
        Some(SchemaState::Older { version }) if done => {
            format!("the table was brought from schema version {version} to {current}")
        }
        Some(SchemaState::Incomplete { missing }) if done => {
            format!("what was missing beside the table ({missing}) was made")
        }
        Some(state) => state.to_string(),
    };
    if let Some(grant) = rights {
        let grant = grant.escape_debug();
        said.push_str(&format!("\nthis role lacks rights; as the tables' owner, run: {grant};"));
    }
    said
}

fn schema_json(state: Option<SchemaState>, done: bool, rights: Option<&str>) -> Value {
    let (code, version) = match state {
        None => ("none", None),
        Some(SchemaState::Missing) => ("missing", None),
        Some(SchemaState::Older { version }) => ("older", Some(version)),
        Some(SchemaState::Incomplete { .. }) => ("incomplete", Some(SchemaState::CURRENT)),
        Some(SchemaState::Current) => ("current", Some(SchemaState::CURRENT)),
        Some(SchemaState::Newer { version }) => ("newer", Some(version)),
        Some(SchemaState::TooNew { version, .. }) => ("too_new", Some(version)),
        Some(_) => ("unknown", None),
    };
    let current = state.map(|_| SchemaState::CURRENT);
    json!({
        "schema": code, "version": version, "current": current, "migrated": done, "missing_rights": rights
    })
}

/// In whole seconds, or less where it is less than one.
fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds == 0 {
        return format!("{}ms", time.as_millis());
    }
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let shown = units.into_iter().filter(|(number, _)| *number > 0);
    shown.map(|(number, unit)| format!("{number}{unit}")).collect::<Vec<_>>().join(" ")
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
