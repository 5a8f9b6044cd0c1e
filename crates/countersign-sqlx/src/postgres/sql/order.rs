//! Moving an entity's watermark, in a transaction of the user's.

use super::outcome::{COMPLETED, COMPLETED_HERE, HELD, LOST, NEWEST, SAME, SUPERSEDED};
use super::settle::{COMPLETED_IN, HELD_BY};
use super::{MAY_RUN, TAG};

/// `$1` key, `$2` owner, `$3` entity, `$4` version in hexadecimal digits, `$5` how long it is kept.
///
/// It waits for a transaction that has changed the entity's row and is still open, and compares with what
/// that one leaves: `ON CONFLICT` sees the row's newest version, whatever the snapshot shows. So the row is
/// written in any case, if only with what is in it: what the statement returns is that version. And so it
/// stays locked to the end of the transaction, also for an event that is superseded.
///
/// What has run out and was not purged still counts: an older version is older.
pub(super) fn newest_in(table: &str, watermarks: &str) -> String {
    format!(
        "WITH mine AS (\
            INSERT INTO {watermarks} AS t (entity, version, key, expires_at) \
            SELECT $3::uuid, decode($4::text, 'hex'), $1::uuid, \
                clock_timestamp() + $5::bigint * interval '1 microsecond' \
            WHERE {MAY_RUN} AND EXISTS (SELECT FROM {table} WHERE {HELD_BY}) \
            ON CONFLICT (entity) DO UPDATE SET \
                version = greatest(t.version, excluded.version), \
                key = CASE WHEN t.version < excluded.version THEN excluded.key ELSE t.key END, \
                expires_at = greatest(t.expires_at, excluded.expires_at) \
            RETURNING CASE WHEN t.version > decode($4::text, 'hex') THEN {SUPERSEDED} \
                WHEN t.key = $1::uuid THEN {NEWEST} ELSE {SAME} END AS outcome\
        ) \
        SELECT {TAG}, coalesce((SELECT outcome FROM mine), {LOST})::int, 0::bigint, NULL::uuid"
    )
}

/// What became of the claim, perhaps while [`newest_in`] waited: at `READ COMMITTED`, this has a snapshot of
/// its own.
pub(super) fn fence(table: &str) -> String {
    format!(
        "SELECT {TAG}, coalesce((\
            SELECT CASE WHEN NOT done THEN {HELD} \
                WHEN position($1::text || $2::text IN \
                    coalesce(current_setting('{COMPLETED_IN}', true), '')) > 0 \
                THEN {COMPLETED_HERE} ELSE {COMPLETED} END \
            FROM {table} WHERE {HELD_BY} AND {MAY_RUN}\
        ), {LOST})::int, 0::bigint, NULL::uuid"
    )
}
