//! Counting attempts, and parking. These are sent as one message with their values in them: a key, an
//! owner and a note in hexadecimal digits, and an integer.
//!
//! They write beside a claim that they have locked, so it is neither settled nor taken over meanwhile, and
//! wait for no lock: a claim that is locked is [`BUSY`].

use super::outcome::{BUSY, LOST, SETTLED};

/// `$1` the event, `$2` its owner.
const HELD: &str = "key = $1::uuid AND owner = $2::uuid AND expires_at > clock_timestamp()";

/// A count that has run out or was taken back to zero, or one of an event that was parked and whose own row was
/// removed by hand.
const OVER: &str =
    "(a.expires_at <= clock_timestamp() OR a.parked_at IS NOT NULL OR a.attempts = 0)";

/// `$3` for how many microseconds the count is kept. Answers how it ended, the number, and the
/// microseconds since the first.
pub(super) fn attempt(table: &str, attempts: &str) -> String {
    format!(
        "WITH held AS MATERIALIZED (\
            SELECT clock_timestamp() AS now FROM {table} WHERE {HELD} AND NOT done \
            FOR UPDATE SKIP LOCKED\
        ), counted AS (\
            INSERT INTO {attempts} AS a (key, owner, attempts, first_at, expires_at) \
            SELECT $1::uuid, $2::uuid, 1, now, now + $3 * interval '1 microsecond' FROM held \
            ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, \
                attempts = CASE WHEN {OVER} THEN 1 \
                    WHEN a.owner = excluded.owner OR a.attempts = 2147483647 THEN a.attempts \
                    ELSE a.attempts + 1 END, \
                first_at = CASE WHEN {OVER} THEN excluded.first_at ELSE a.first_at END, \
                parked_at = NULL, note = NULL, expires_at = excluded.expires_at \
            RETURNING attempts, first_at\
        ) \
        SELECT CASE WHEN EXISTS (SELECT FROM counted) THEN {SETTLED} \
                WHEN EXISTS (SELECT FROM {table} WHERE {HELD} AND NOT done) THEN {BUSY} \
                ELSE {LOST} END::int, \
            coalesce((SELECT attempts FROM counted), 0), \
            coalesce((SELECT (extract(epoch FROM clock_timestamp() - first_at) * 1000000)::bigint \
                FROM counted), 0)"
    )
}

/// Takes back what was counted for `$2`, if it was counted last. Answers how it ended.
pub(super) fn uncount(attempts: &str) -> String {
    // No owner is zero, so it is not taken back twice.
    let zero = "'00000000-0000-0000-0000-000000000000'::uuid";
    let counted = "key = $1::uuid AND owner = $2::uuid AND parked_at IS NULL AND attempts > 0";
    format!(
        "WITH free AS MATERIALIZED (\
            SELECT FROM {attempts} WHERE {counted} FOR UPDATE SKIP LOCKED\
        ), less AS (\
            UPDATE {attempts} SET attempts = attempts - 1, owner = {zero} \
            WHERE {counted} AND EXISTS (SELECT FROM free) RETURNING 1\
        ) \
        SELECT CASE WHEN EXISTS (SELECT FROM less) THEN {SETTLED} \
            WHEN EXISTS (SELECT FROM {attempts} WHERE {counted}) THEN {BUSY} \
            ELSE {LOST} END::int"
    )
}

/// `$3` for how many microseconds all is kept, `$4` the note. Answers how it ended.
pub(super) fn park(table: &str, attempts: &str) -> String {
    format!(
        "WITH free AS MATERIALIZED (\
            SELECT FROM {table} WHERE {HELD} AND NOT done FOR UPDATE SKIP LOCKED\
        ), mine AS (\
            UPDATE {table} SET done = true, \
                expires_at = clock_timestamp() + $3 * interval '1 microsecond' \
            WHERE {HELD} AND NOT done AND EXISTS (SELECT FROM free) RETURNING expires_at\
        ), noted AS (\
            INSERT INTO {attempts} AS a \
                (key, owner, attempts, first_at, parked_at, note, expires_at) \
            SELECT $1::uuid, $2::uuid, 0, clock_timestamp(), clock_timestamp(), \
                convert_from(decode('$4', 'hex'), 'UTF8'), expires_at FROM mine \
            ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, \
                attempts = CASE WHEN {OVER} THEN 0 ELSE a.attempts END, \
                parked_at = excluded.parked_at, note = excluded.note, \
                expires_at = excluded.expires_at \
            RETURNING 1\
        ) \
        SELECT CASE WHEN EXISTS (SELECT FROM noted) THEN {SETTLED} \
            WHEN EXISTS (SELECT FROM {table} WHERE {HELD} AND NOT done) THEN {BUSY} \
            WHEN EXISTS (SELECT FROM {table} WHERE {HELD}) AND EXISTS (\
                SELECT FROM {attempts} WHERE {HELD} AND parked_at IS NOT NULL) THEN {SETTLED} \
            ELSE {LOST} END::int"
    )
}

/// How many are parked.
pub(super) fn parked_count(table: &str, attempts: &str) -> String {
    format!("SELECT count(*) FROM {}", records(table, attempts))
}

/// What is parked: key, note, attempts, and when in microseconds since 1970. `and` narrows it down.
pub(super) fn parked(table: &str, attempts: &str, and: &str) -> String {
    format!(
        "SELECT key, note, attempts, (extract(epoch FROM parked_at) * 1000000)::bigint FROM {} {and}",
        records(table, attempts)
    )
}

/// A record counts as long as the event's own row is still that of its owner: a program of an older version,
/// which knows of no records, may have forgotten the event, and it may have been handled since.
fn records(table: &str, attempts: &str) -> String {
    format!(
        "{attempts} AS a WHERE parked_at IS NOT NULL AND expires_at > clock_timestamp() \
        AND EXISTS (\
            SELECT FROM {table} AS t WHERE t.key = a.key AND t.owner = a.owner \
            AND t.done AND t.expires_at > clock_timestamp()\
        )"
    )
}
