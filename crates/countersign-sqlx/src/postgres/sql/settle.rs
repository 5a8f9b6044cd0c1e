//! Ending a claim, and looking whether it was completed.

use super::outcome::{BUSY, COMPLETED, COMPLETED_HERE, LOST, SETTLED};
use super::{LOCK_TIMEOUT, MAY_RUN, NOBODY, TAG, released_until};

/// The claim is the caller's, handled or not.
pub(super) const HELD_BY: &str =
    "key = $1::uuid AND owner = $2::uuid AND expires_at > clock_timestamp()";

/// What a transaction has completed, in a setting that ends with it and goes back with a savepoint.
pub(super) const COMPLETED_IN: &str = "countersign.completed";

/// Completing again changes nothing and is settled again.
///
/// Like a claim, it skips a row that somebody is changing and answers [`BUSY`]. It would wait for a
/// transaction of the user's otherwise: one that completed the claim and was left open would take a
/// connection for each settlement that was given up.
pub(super) fn complete(table: &str) -> String {
    format!(
        "WITH free AS MATERIALIZED (\
            SELECT FROM {table} WHERE {HELD_BY} AND {MAY_RUN} FOR UPDATE SKIP LOCKED\
        ), mine AS (\
            UPDATE {table} SET done = true, expires_at = CASE WHEN done THEN expires_at \
                ELSE clock_timestamp() + $3::bigint * interval '1 microsecond' END \
            WHERE {HELD_BY} AND EXISTS (SELECT FROM free) RETURNING 1\
        ) \
        SELECT {TAG}, CASE WHEN EXISTS (SELECT FROM mine) THEN {SETTLED} \
            WHEN EXISTS (SELECT FROM {table} WHERE {HELD_BY}) THEN {BUSY} \
            ELSE {LOST} END::int, 0::bigint, NULL::uuid"
    )
}

/// In a transaction of the user's, and once. It waits for the transaction before it, if that one is
/// still open; what became of it is for [`look`] to say, which has a snapshot of its own at
/// `READ COMMITTED`.
pub(super) fn complete_in(table: &str) -> String {
    format!(
        "WITH mine AS (\
            UPDATE {table} SET done = true, \
                expires_at = clock_timestamp() + $3::bigint * interval '1 microsecond' \
            WHERE {HELD_BY} AND NOT done AND {MAY_RUN} \
            RETURNING set_config('{COMPLETED_IN}', \
                concat_ws(' ', current_setting('{COMPLETED_IN}', true), $1::text || $2::text), true)\
        ) \
        SELECT {TAG}, CASE WHEN EXISTS (SELECT FROM mine) THEN {COMPLETED_HERE} \
            ELSE {LOST} END::int, 0::bigint, NULL::uuid"
    )
}

/// Whether the claim is completed. It locks nothing and waits for nobody.
pub(super) fn look(table: &str) -> String {
    format!(
        "SELECT {TAG}, CASE WHEN NOT EXISTS (\
                SELECT FROM {table} \
                WHERE key = $1::uuid AND owner = $2::uuid AND done AND {MAY_RUN}\
            ) THEN {LOST} \
            WHEN position($1::text || $2::text IN \
                coalesce(current_setting('{COMPLETED_IN}', true), '')) > 0 THEN {COMPLETED_HERE} \
            ELSE {COMPLETED} END::int, 0::bigint, NULL::uuid"
    )
}

/// Frees the event's row if it is the caller's or nobody's, and changes it a little if it is somebody
/// else's: by a microsecond, which nobody notices but a claim that saw the row before. Together with
/// it goes the token's row. Nothing is written if that is there, or for a claim that is completed.
///
/// A row that is locked is [`BUSY`], as is one that comes while this statement inserts its own. To
/// insert, it has to wait for a claim that is inserting the same key: not for longer than
/// `lock_timeout`, or a claim whose connection stalls would take more and more of the pool.
pub(super) fn release(table: &str) -> String {
    let until = released_until();
    let completed = "done AND owner = $2::uuid AND expires_at > clock_timestamp()";
    // The time is asked for once: a lease that ends between two questions would be neither.
    let theirs = "(SELECT theirs FROM free)";
    format!(
        "WITH held AS MATERIALIZED (\
            SELECT {completed} AS completed FROM {table} WHERE key = $1::uuid\
        ), released AS MATERIALIZED (\
            SELECT FROM {table} WHERE key = $3::uuid AND expires_at > clock_timestamp()\
        ), patience AS MATERIALIZED (\
            SELECT set_config('lock_timeout', '{LOCK_TIMEOUT}', true)\
        ), free AS MATERIALIZED (\
            SELECT expires_at > clock_timestamp() AND owner = $2::uuid AND NOT done AS mine, \
                expires_at > clock_timestamp() AND owner NOT IN ($2::uuid, {NOBODY}) AS theirs \
            FROM {table} WHERE key = $1::uuid AND NOT ({completed}) \
            AND {MAY_RUN} AND NOT EXISTS (SELECT FROM released) FOR UPDATE SKIP LOCKED\
        ), freed AS (\
            INSERT INTO {table} AS t (key, owner, done, expires_at) \
            SELECT $1::uuid, {NOBODY}, false, {until} FROM patience \
            WHERE {MAY_RUN} AND NOT EXISTS (SELECT FROM released) \
            AND (NOT EXISTS (SELECT FROM held) OR EXISTS (SELECT FROM free)) \
            ON CONFLICT (key) DO UPDATE SET \
                owner = CASE WHEN {theirs} THEN t.owner ELSE excluded.owner END, \
                done = t.done AND {theirs}, \
                expires_at = CASE WHEN {theirs} THEN t.expires_at + interval '1 microsecond' \
                    WHEN t.owner = {NOBODY} \
                    THEN greatest(excluded.expires_at, t.expires_at + interval '1 microsecond') \
                    ELSE excluded.expires_at END \
            WHERE EXISTS (SELECT FROM free) \
            RETURNING 1\
        ), token AS (\
            INSERT INTO {table} (key, owner, done, expires_at) \
            SELECT $3::uuid, {NOBODY}, true, {until} FROM freed \
            ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at \
            RETURNING 1\
        ) \
        SELECT {TAG}, CASE WHEN EXISTS (SELECT FROM token) \
                THEN CASE WHEN EXISTS (SELECT FROM free WHERE mine) THEN {SETTLED} ELSE {LOST} END \
            WHEN EXISTS (SELECT FROM released) OR EXISTS (SELECT FROM held WHERE completed) \
                THEN {LOST} \
            ELSE {BUSY} END::int, 0::bigint, NULL::uuid"
    )
}
