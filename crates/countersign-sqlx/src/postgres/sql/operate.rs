//! What operators ask.

use super::outcome::{BUSY, IN_FLIGHT, LOST, SETTLED};
use super::{MAY_RUN, NOBODY, TAG, released_until};

/// Frees the row of an event that this owner has handled, and releases the owner with it, as
/// [`super::settle::release`] does for a claim. What is not handled by this owner any more, or is
/// claimed, stays as it is.
///
/// A row that is locked is [`BUSY`], unless it is claimed: the user's transaction that has completed a claim
/// and is still open does not matter then. Where the lease is over, it does.
///
/// Its count of attempts and its record, if there is a table of them, end in the same step.
pub(super) fn forget(table: &str, attempts: Option<&str>) -> String {
    let until = released_until();
    let counts = attempts.map_or_else(String::new, |attempts| {
        format!(
            ", uncounted AS (\
                UPDATE {attempts} SET parked_at = NULL, note = NULL, expires_at = clock_timestamp() \
                WHERE key = $1::uuid AND EXISTS (SELECT FROM freed)\
            )"
        )
    });
    let mine = "key = $1::uuid AND owner = $2::uuid";
    format!(
        "WITH seen AS MATERIALIZED (\
            SELECT done, expires_at, clock_timestamp() AS now FROM {table} WHERE {mine}\
        ), unlocked AS MATERIALIZED (\
            SELECT done AND expires_at > clock_timestamp() AS handled FROM {table} \
            WHERE {mine} AND (done OR expires_at <= clock_timestamp()) AND {MAY_RUN} \
            FOR UPDATE SKIP LOCKED\
        ), freed AS (\
            UPDATE {table} SET owner = {NOBODY}, done = false, expires_at = {until} \
            WHERE {mine} AND done AND EXISTS (SELECT FROM unlocked WHERE handled) RETURNING 1\
        ), token AS (\
            INSERT INTO {table} (key, owner, done, expires_at) \
            SELECT $3::uuid, {NOBODY}, true, {until} FROM freed \
            ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at \
            RETURNING 1\
        ){counts} \
        SELECT {TAG}, CASE WHEN EXISTS (SELECT FROM token) THEN {SETTLED} \
            WHEN EXISTS (SELECT FROM seen WHERE NOT done AND expires_at > now) THEN {IN_FLIGHT} \
            WHEN EXISTS (SELECT FROM seen) AND NOT EXISTS (SELECT FROM unlocked) THEN {BUSY} \
            ELSE {LOST} END::int, coalesce((SELECT greatest(\
                (extract(epoch FROM expires_at - now) * 1000000)::bigint, 0) FROM seen), 0), \
            NULL::uuid"
    )
}

/// The row's owner, whether it is handled, how many microseconds are left, and whether there is a table of
/// attempts.
pub(super) fn state(table: &str, attempts: &str) -> String {
    format!(
        "SELECT owner, done, \
            (extract(epoch FROM expires_at - clock_timestamp()) * 1000000)::bigint, \
            to_regclass('{attempts}') IS NOT NULL \
        FROM {table} WHERE key = $1::uuid"
    )
}

/// How many are claimed, handled, released, and have run out. The event of a released token may have a
/// row of its own, which counts as nothing.
pub(super) fn stats(table: &str) -> String {
    format!(
        "SELECT count(*) FILTER (WHERE lives AND NOT nobody AND NOT done), \
            count(*) FILTER (WHERE lives AND NOT nobody AND done), \
            count(*) FILTER (WHERE lives AND nobody AND done), \
            count(*) FILTER (WHERE NOT lives) \
        FROM (SELECT done, owner = {NOBODY} AS nobody, \
                expires_at > (SELECT clock_timestamp()) AS lives FROM {table}) AS t"
    )
}
