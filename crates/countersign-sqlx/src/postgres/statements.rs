//! The statements, made once for a table.
//!
//! `$1` is the key and `$2` the owner, both as `uuid`; `$3` is a length of time in microseconds.

use std::sync::Arc;

pub(super) struct Statements {
    pub(super) claim: Arc<str>,
    pub(super) complete: Arc<str>,
    pub(super) complete_in: Arc<str>,
    pub(super) release: Arc<str>,
    pub(super) purge: String,
    pub(super) schema: String,
    pub(super) migrate: String,
}

/// What [`Statements::claim`] answers in its first column; the second is what is left of the lease,
/// in microseconds. No row is the same as [`BUSY`].
pub(super) const FRESH: i32 = 0;
pub(super) const IN_FLIGHT: i32 = 1;
pub(super) const DONE: i32 = 2;
/// The key could be claimed or settled, but somebody is changing it at this moment.
const BUSY: i32 = 3;

/// What [`Statements::complete`] and [`Statements::release`] answer, unless it is [`BUSY`] or, for
/// a claim that is lost, nothing.
pub(super) const SETTLED: i32 = 0;

impl Statements {
    /// The names must have been checked.
    pub(super) fn new(schema: Option<&str>, table: &str) -> Self {
        let quoted = match schema {
            Some(schema) => format!("\"{schema}\".\"{table}\""),
            None => format!("\"{table}\""),
        };
        let create = create(&quoted, table);
        Self {
            claim: claim(&quoted).into(),
            complete: settle(&quoted, HELD, &complete_in(&quoted)).into(),
            complete_in: format!("{} RETURNING {SETTLED}::int", complete_in(&quoted)).into(),
            release: settle(&quoted, IN_HAND, &release(&quoted)).into(),
            purge: purge(&quoted),
            migrate: migrate(&quoted, &create),
            schema: create,
        }
    }
}

/// `held` is what this statement's snapshot shows, read without a lock: most duplicates end there,
/// and nothing is written for them. Only a key that is not there, or that `free` got the row lock
/// of, is written. `free` skips a row that somebody is changing, so a claim never waits for a user's
/// transaction that has completed the key and not committed yet; such a row is [`BUSY`]. The conflict
/// clause judges the newest version of the row, not the snapshot's. What it finds there and may not
/// take was not in the snapshot: no row comes back, and the next statement will see it.
fn claim(table: &str) -> String {
    format!(
        "WITH held AS MATERIALIZED (\
            SELECT owner, done, expires_at, clock_timestamp() AS now FROM {table} \
            WHERE key = $1::uuid\
        ), free AS MATERIALIZED (\
            SELECT FROM {table} WHERE key = $1::uuid \
            AND (expires_at <= clock_timestamp() OR owner = $2::uuid AND NOT done) \
            FOR UPDATE SKIP LOCKED\
        ), mine AS (\
            INSERT INTO {table} AS t (key, owner, done, expires_at) \
            SELECT $1::uuid, $2::uuid, false, \
                clock_timestamp() + $3::bigint * interval '1 microsecond' \
            WHERE NOT EXISTS (SELECT FROM held) OR EXISTS (SELECT FROM free) \
            ON CONFLICT (key) DO UPDATE \
            SET owner = excluded.owner, done = false, expires_at = excluded.expires_at \
            WHERE t.expires_at <= clock_timestamp() OR t.owner = excluded.owner AND NOT t.done \
            RETURNING {FRESH}::int, 0::bigint\
        ) \
        SELECT * FROM mine UNION ALL \
        SELECT CASE WHEN expires_at <= now OR owner = $2::uuid AND NOT done THEN {BUSY} \
            WHEN done THEN {DONE} ELSE {IN_FLIGHT} END, \
            (extract(epoch FROM expires_at - now) * 1000000)::bigint \
        FROM held WHERE NOT EXISTS (SELECT FROM mine)"
    )
}

/// The claim is the caller's, handled or not.
const HELD: &str = "key = $1::uuid AND owner = $2::uuid AND expires_at > clock_timestamp()";

/// The claim is the caller's and not handled.
const IN_HAND: &str =
    "key = $1::uuid AND owner = $2::uuid AND NOT done AND expires_at > clock_timestamp()";

/// Completing again changes nothing and is settled again.
fn complete_in(table: &str) -> String {
    format!(
        "UPDATE {table} SET done = true, expires_at = CASE WHEN done THEN expires_at \
            ELSE clock_timestamp() + $3::bigint * interval '1 microsecond' END \
        WHERE {HELD}"
    )
}

fn release(table: &str) -> String {
    format!("DELETE FROM {table} WHERE {IN_HAND}")
}

/// Like a claim, a settlement skips a row that somebody is changing and answers [`BUSY`]. It would
/// wait for a transaction of the user's otherwise: one that completed the claim and was left open
/// would take a connection for each settlement that was given up.
fn settle(table: &str, held: &str, change: &str) -> String {
    format!(
        "WITH free AS MATERIALIZED (\
            SELECT FROM {table} WHERE {held} FOR UPDATE SKIP LOCKED\
        ), mine AS (\
            {change} AND EXISTS (SELECT FROM free) RETURNING {SETTLED}::int\
        ) \
        SELECT * FROM mine UNION ALL \
        SELECT {BUSY} FROM {table} WHERE {held} AND NOT EXISTS (SELECT FROM mine)"
    )
}

/// The time is asked for in a subquery because an index cannot be searched for what changes from
/// row to row. `$1` is how many keys to drop.
fn purge(table: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE key = ANY (ARRAY(\
            SELECT key FROM {table} WHERE expires_at <= (SELECT clock_timestamp()) \
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED\
        )) AND expires_at <= clock_timestamp()"
    )
}

fn create(quoted: &str, table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {quoted} (\n    \
            key uuid PRIMARY KEY,\n    \
            owner uuid NOT NULL,\n    \
            done boolean NOT NULL,\n    \
            expires_at timestamptz NOT NULL\n\
        );\n\
        CREATE INDEX IF NOT EXISTS \"{table}_expires_at\" ON {quoted} (expires_at);\n"
    )
}

/// Statements sent together are one transaction. Its lock makes processes that start together
/// create the table one after the other: `IF NOT EXISTS` alone lets two of them try.
fn migrate(quoted: &str, create: &str) -> String {
    format!(
        "SET LOCAL client_min_messages = warning; \
        SELECT pg_advisory_xact_lock(hashtextextended('countersign {quoted}', 0)); {create}"
    )
}
