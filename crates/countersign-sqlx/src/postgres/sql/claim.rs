//! Claiming a key.

use super::outcome::{BUSY, DONE, FRESH, IN_FLIGHT, RELEASED};
use super::{MAY_RUN, NOBODY, TAG};

/// `held` is what this statement's snapshot shows, read without a lock, and `released` whether it
/// shows that the token was released: most duplicates end there, and nothing is written for them.
///
/// Only a key that is not there, or one whose row is `same`, is written. `free` locks the row in its
/// newest version and skips one that somebody is changing, so a claim never waits for a user's
/// transaction that has completed the key and not committed yet. `same` compares that version with
/// the snapshot's. A row that was not in the snapshot and is there when the key is inserted is not
/// touched either. All of these are [`BUSY`]: the next statement sees more.
pub(super) fn claim(table: &str) -> String {
    format!(
        "WITH held AS MATERIALIZED (\
            SELECT owner, done, expires_at, clock_timestamp() AS now FROM {table} \
            WHERE key = $1::uuid\
        ), released AS MATERIALIZED (\
            SELECT FROM {table} WHERE key = $4::uuid AND expires_at > clock_timestamp()\
        ), free AS MATERIALIZED (\
            SELECT owner, done, expires_at FROM {table} WHERE key = $1::uuid \
            AND (expires_at <= clock_timestamp() OR owner IN ($2::uuid, {NOBODY}) AND NOT done) \
            AND NOT EXISTS (SELECT FROM released) FOR UPDATE SKIP LOCKED\
        ), same AS MATERIALIZED (\
            SELECT FROM free JOIN held USING (owner, done, expires_at)\
        ), mine AS (\
            INSERT INTO {table} (key, owner, done, expires_at) \
            SELECT $1::uuid, $2::uuid, false, \
                clock_timestamp() + $3::bigint * interval '1 microsecond' \
            WHERE {MAY_RUN} AND NOT EXISTS (SELECT FROM released) \
            AND (NOT EXISTS (SELECT FROM held) OR EXISTS (SELECT FROM same)) \
            ON CONFLICT (key) DO UPDATE \
            SET owner = excluded.owner, done = false, expires_at = excluded.expires_at \
            WHERE EXISTS (SELECT FROM same) \
            RETURNING 1\
        ) \
        SELECT {TAG}, CASE WHEN EXISTS (SELECT FROM mine) THEN {FRESH} \
            WHEN expires_at > now AND done THEN {DONE} \
            WHEN expires_at > now AND owner NOT IN ($2::uuid, {NOBODY}) THEN {IN_FLIGHT} \
            WHEN EXISTS (SELECT FROM released) THEN {RELEASED} \
            ELSE {BUSY} END::int, \
            coalesce((extract(epoch FROM expires_at - now) * 1000000)::bigint, 0) \
        FROM (SELECT) AS always LEFT JOIN held ON true"
    )
}
