//! Counting attempts, and parking. `?1` is a key, `?2` an owner, `?3` how many milliseconds something is
//! kept.

use super::NOW;

/// A claim that is held.
const HELD: &str = "key = ?1 AND owner = ?2 AND NOT done AND expires_at >";

/// A count that has run out or was taken back to zero, or one of an event that was parked and whose own row was
/// removed by hand.
fn over() -> String {
    format!("(a.expires_at <= {NOW} OR a.parked_at IS NOT NULL OR a.attempts = 0)")
}

/// Gives the number and the milliseconds since the first attempt, if the claim is held.
pub(super) fn attempt(table: &str, attempts: &str) -> String {
    let over = over();
    format!(
        "INSERT INTO {attempts} AS a (key, owner, attempts, first_at, expires_at) \
        SELECT key, owner, 1, {NOW}, {NOW} + ?3 FROM {table} WHERE {HELD} {NOW} \
        ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, \
            attempts = CASE WHEN {over} THEN 1 \
                WHEN a.owner = excluded.owner OR a.attempts = 4294967295 THEN a.attempts \
                ELSE a.attempts + 1 END, \
            first_at = CASE WHEN {over} THEN excluded.first_at ELSE a.first_at END, \
            parked_at = NULL, note = NULL, expires_at = excluded.expires_at \
        RETURNING attempts, max({NOW} - first_at, 0)"
    )
}

/// Takes back what was counted for `?2`, if it was counted last. No owner is zero, so it is not taken back twice.
pub(super) fn uncount(attempts: &str) -> String {
    format!(
        "UPDATE {attempts} SET attempts = attempts - 1, owner = zeroblob(16) \
        WHERE key = ?1 AND owner = ?2 AND parked_at IS NULL AND attempts > 0 AND ?3 = 0 RETURNING 1"
    )
}

/// Records the event as parked with the note `?4`, if the claim is held; gives back a row then.
pub(super) fn note(table: &str, attempts: &str) -> String {
    let over = over();
    format!(
        "INSERT INTO {attempts} AS a (key, owner, attempts, first_at, parked_at, note, expires_at) \
        SELECT key, owner, 0, {NOW}, {NOW}, ?4, {NOW} + ?3 FROM {table} WHERE {HELD} {NOW} \
        ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, \
            attempts = CASE WHEN {over} THEN 0 ELSE a.attempts END, \
            parked_at = excluded.parked_at, note = excluded.note, expires_at = excluded.expires_at \
        RETURNING 1"
    )
}

/// Completes the claim that was found held in this transaction; its lease may have ended since.
pub(super) fn park(table: &str) -> String {
    format!(
        "UPDATE {table} SET done = 1, expires_at = {NOW} + ?3 WHERE key = ?1 AND owner = ?2 \
        RETURNING 1"
    )
}

/// Gives back a row if this owner has parked the event before.
pub(super) fn is_parked(table: &str, attempts: &str) -> String {
    format!(
        "SELECT ?3 FROM {table} AS t JOIN {attempts} AS a USING (key, owner) \
        WHERE key = ?1 AND owner = ?2 AND t.done AND t.expires_at > {NOW} \
        AND a.parked_at IS NOT NULL AND a.expires_at > {NOW}"
    )
}

pub(super) fn forget(attempts: &str) -> String {
    format!("DELETE FROM {attempts} WHERE key = ?1")
}

/// How many are parked.
pub(super) fn parked_count(table: &str, attempts: &str) -> String {
    format!("SELECT count(*) FROM {}", records(table, attempts))
}

/// `?1` is a key or NULL for all, `?2` how many.
pub(super) fn parked(table: &str, attempts: &str) -> String {
    format!(
        "SELECT key, note, attempts, parked_at FROM {} AND (?1 IS NULL OR key = ?1) \
        ORDER BY parked_at, key LIMIT ?2",
        records(table, attempts)
    )
}

/// A record counts as long as the event's own row is still that of its owner: a program of an older version,
/// which knows of no records, may have forgotten the event, and it may have been handled since.
fn records(table: &str, attempts: &str) -> String {
    format!(
        "{attempts} AS a WHERE parked_at IS NOT NULL AND expires_at > {NOW} \
        AND EXISTS (SELECT 1 FROM {table} AS t WHERE t.key = a.key AND t.owner = a.owner \
            AND t.done AND t.expires_at > {NOW})"
    )
}
