//! Claiming a key.

use super::outcome::{BUSY, DONE, FRESH, IN_FLIGHT, RELEASED};
use super::{MAY_RUN, NOBODY, TAG};

/// `seen` is what this statement's snapshot shows, read without a lock: the event's row, if there is
/// one, and whether the token was released. Most duplicates end there, and nothing is written for them.
///
/// Only a key that is not there, or one whose row is `free`, is written. `free` locks the row in its
/// newest version, if that is still the one in the snapshot, and skips one that somebody is changing:
/// a claim never waits for a user's transaction that has completed the key and not committed yet. A
/// row that was not in the snapshot and is there when the key is inserted is not touched either. All
/// of these are [`BUSY`]: the next statement sees more.
pub(super) fn claim(table: &str) -> String {
    format!(
        "WITH seen AS MATERIALIZED (\
            SELECT owner, done, expires_at, clock_timestamp() AS now, EXISTS (\
                SELECT FROM {table} WHERE key = $4::uuid AND expires_at > clock_timestamp()\
            ) AS released FROM (SELECT) AS always LEFT JOIN {table} ON key = $1::uuid\
        ), free AS MATERIALIZED (\
            SELECT FROM {table} AS t JOIN seen USING (owner, done, expires_at) \
            WHERE key = $1::uuid AND NOT released \
            AND (expires_at <= clock_timestamp() OR owner IN ($2::uuid, {NOBODY}) AND NOT done) \
            FOR UPDATE OF t SKIP LOCKED\
        ), mine AS (\
            INSERT INTO {table} (key, owner, done, expires_at) \
            SELECT $1::uuid, $2::uuid, false, \
                clock_timestamp() + $3::bigint * interval '1 microsecond' FROM seen \
            WHERE {MAY_RUN} AND NOT released AND (owner IS NULL OR EXISTS (SELECT FROM free)) \
            ON CONFLICT (key) DO UPDATE \
            SET owner = excluded.owner, done = false, expires_at = excluded.expires_at \
            WHERE EXISTS (SELECT FROM free) \
            RETURNING 1\
        ) \
        SELECT {TAG}, CASE WHEN EXISTS (SELECT FROM mine) THEN {FRESH} \
            WHEN expires_at > now AND done THEN {DONE} \
            WHEN expires_at > now AND owner NOT IN ($2::uuid, {NOBODY}) THEN {IN_FLIGHT} \
            WHEN released THEN {RELEASED} ELSE {BUSY} END::int, \
            coalesce((extract(epoch FROM expires_at - now) * 1000000)::bigint, 0), \
            owner \
        FROM seen"
    )
}
