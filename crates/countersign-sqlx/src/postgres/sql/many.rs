//! The same steps for many keys in one statement. No key is asked about twice in it.
//!
//! The values are arrays, so that the text is the same for any number of keys. Each key's rows are
//! looked up in a subquery of their own: a join would be planned for the table as it was when the
//! statement was prepared, and read all of a table that was small then.
//!
//! What is written is written in the order of the keys. So of two statements that insert the same keys
//! only one ever waits for the other.

use super::outcome::{BUSY, COMPLETED, DONE, FRESH, IN_FLIGHT, LOST, RELEASED, SETTLED};
use super::{LOCK_TIMEOUT, MAY_RUN, NOBODY, TAG, released_until};

/// To insert a key, a statement waits for another one that is inserting it. Not for long, because of
/// the other keys.
fn patience() -> String {
    format!("SELECT set_config('lock_timeout', '{LOCK_TIMEOUT}', true)")
}

/// As [`super::claim::claim`], for arrays of the values.
pub(super) fn claims(table: &str) -> String {
    let patience = patience();
    format!(
        "WITH patience AS MATERIALIZED ({patience}), \
        asked AS MATERIALIZED (\
            SELECT event, claimant, micros, token FROM patience, \
                unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[]) \
                AS a (event, claimant, micros, token) \
            ORDER BY event\
        ), seen AS MATERIALIZED (\
            SELECT event, claimant, micros, owner, done, expires_at, clock_timestamp() AS now, \
                is_released IS NOT NULL AS released \
            FROM asked LEFT JOIN LATERAL (\
                SELECT owner, done, expires_at FROM {table} WHERE key = event LIMIT 1\
            ) AS it ON true LEFT JOIN LATERAL (\
                SELECT true AS is_released FROM {table} \
                WHERE key = token AND expires_at > clock_timestamp() LIMIT 1\
            ) AS released ON true\
        ), free AS MATERIALIZED (\
            SELECT event FROM seen, LATERAL (\
                SELECT FROM {table} AS t WHERE t.key = event \
                AND t.owner = seen.owner AND t.done = seen.done AND t.expires_at = seen.expires_at \
                AND (t.expires_at <= clock_timestamp() \
                    OR t.owner IN (claimant, {NOBODY}) AND NOT t.done) \
                FOR UPDATE SKIP LOCKED\
            ) AS locked WHERE owner IS NOT NULL AND NOT released\
        ), mine AS (\
            INSERT INTO {table} (key, owner, done, expires_at) \
            SELECT event, claimant, false, \
                clock_timestamp() + micros * interval '1 microsecond' FROM seen \
            WHERE {MAY_RUN} AND NOT released \
            AND (owner IS NULL OR event IN (SELECT event FROM free)) \
            ORDER BY event \
            ON CONFLICT (key) DO UPDATE \
            SET owner = excluded.owner, done = false, expires_at = excluded.expires_at \
            WHERE excluded.key IN (SELECT event FROM free) \
            RETURNING key\
        ) \
        SELECT {TAG}, CASE WHEN mine.key IS NOT NULL THEN {FRESH} \
            WHEN expires_at > now AND done THEN {DONE} \
            WHEN expires_at > now AND owner NOT IN (claimant, {NOBODY}) THEN {IN_FLIGHT} \
            WHEN released THEN {RELEASED} ELSE {BUSY} END::int, \
            coalesce((extract(epoch FROM expires_at - now) * 1000000)::bigint, 0), \
            owner, event \
        FROM seen LEFT JOIN mine ON mine.key = event"
    )
}

/// As [`super::settle::complete`], for arrays of the values.
pub(super) fn completions(table: &str) -> String {
    format!(
        "WITH asked AS MATERIALIZED (\
            SELECT event, claimant, micros \
            FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS a (event, claimant, micros) \
            ORDER BY event\
        ), free AS MATERIALIZED (\
            SELECT event FROM asked, LATERAL (\
                SELECT FROM {table} WHERE key = event AND owner = claimant \
                AND expires_at > clock_timestamp() AND {MAY_RUN} FOR UPDATE SKIP LOCKED\
            ) AS locked\
        ), mine AS (\
            UPDATE {table} AS t SET done = true, expires_at = CASE WHEN t.done THEN t.expires_at \
                ELSE clock_timestamp() + micros * interval '1 microsecond' END \
            FROM asked WHERE t.key = ANY (ARRAY(SELECT event FROM free)) AND t.key = event \
            AND t.owner = claimant AND t.expires_at > clock_timestamp() RETURNING t.key\
        ) \
        SELECT {TAG}, CASE WHEN mine.key IS NOT NULL THEN {SETTLED} \
            WHEN held.is_held THEN {BUSY} ELSE {LOST} END::int, 0::bigint, \
            NULL::uuid, event \
        FROM asked LEFT JOIN mine ON mine.key = event LEFT JOIN LATERAL (\
            SELECT true AS is_held FROM {table} WHERE mine.key IS NULL AND key = event \
            AND owner = claimant AND expires_at > clock_timestamp() LIMIT 1\
        ) AS held ON true"
    )
}

/// As [`super::settle::release`], for arrays of the values.
pub(super) fn releases(table: &str) -> String {
    let (patience, until) = (patience(), released_until());
    let completed = "done AND owner = claimant AND expires_at > clock_timestamp()";
    let theirs = "(excluded.key IN (SELECT event FROM free WHERE theirs))";
    format!(
        "WITH patience AS MATERIALIZED ({patience}), \
        asked AS MATERIALIZED (\
            SELECT event, claimant, token FROM patience, \
                unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS a (event, claimant, token) \
            ORDER BY event\
        ), seen AS MATERIALIZED (\
            SELECT event, claimant, token, completed, is_released IS NOT NULL AS released \
            FROM asked LEFT JOIN LATERAL (\
                SELECT {completed} AS completed FROM {table} WHERE key = event LIMIT 1\
            ) AS it ON true LEFT JOIN LATERAL (\
                SELECT true AS is_released FROM {table} \
                WHERE key = token AND expires_at > clock_timestamp() LIMIT 1\
            ) AS released ON true\
        ), free AS MATERIALIZED (\
            SELECT event, mine, theirs FROM seen, LATERAL (\
                SELECT expires_at > clock_timestamp() AND owner = claimant AND NOT done AS mine, \
                    expires_at > clock_timestamp() AND owner NOT IN (claimant, {NOBODY}) AS theirs \
                FROM {table} WHERE key = event AND NOT ({completed}) AND {MAY_RUN} \
                FOR UPDATE SKIP LOCKED\
            ) AS locked WHERE NOT released\
        ), freed AS (\
            INSERT INTO {table} AS t (key, owner, done, expires_at) \
            SELECT event, {NOBODY}, false, {until} FROM seen \
            WHERE {MAY_RUN} AND NOT released \
            AND (completed IS NULL OR event IN (SELECT event FROM free)) \
            ORDER BY event \
            ON CONFLICT (key) DO UPDATE SET \
                owner = CASE WHEN {theirs} THEN t.owner ELSE excluded.owner END, \
                done = t.done AND {theirs}, \
                expires_at = CASE WHEN {theirs} THEN t.expires_at + interval '1 microsecond' \
                    WHEN t.owner = {NOBODY} \
                    THEN greatest(excluded.expires_at, t.expires_at + interval '1 microsecond') \
                    ELSE excluded.expires_at END \
            WHERE excluded.key IN (SELECT event FROM free) \
            RETURNING key\
        ), token AS (\
            INSERT INTO {table} (key, owner, done, expires_at) \
            SELECT token, {NOBODY}, true, {until} FROM seen JOIN freed ON freed.key = event \
            ORDER BY token \
            ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at \
            RETURNING key\
        ) \
        SELECT {TAG}, CASE WHEN token.key IS NOT NULL THEN \
                CASE WHEN event IN (SELECT event FROM free WHERE mine) THEN {SETTLED} ELSE {LOST} END \
            WHEN released OR completed THEN {LOST} ELSE {BUSY} END::int, 0::bigint, \
            NULL::uuid, event \
        FROM seen LEFT JOIN token ON token.key = seen.token"
    )
}

/// As [`super::settle::look`] where no transaction of the user's is, for arrays of the values.
pub(super) fn looks(table: &str) -> String {
    format!(
        "SELECT {TAG}, CASE WHEN it.is_completed THEN {COMPLETED} ELSE {LOST} END::int, 0::bigint, \
            NULL::uuid, event \
        FROM unnest($1::uuid[], $2::uuid[]) AS a (event, claimant) LEFT JOIN LATERAL (\
            SELECT true AS is_completed FROM {table} \
            WHERE key = event AND owner = claimant AND done AND {MAY_RUN} LIMIT 1\
        ) AS it ON true"
    )
}
