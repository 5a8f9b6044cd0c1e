//! The statements, made once for a table. Each serves any number of calls at once.
//!
//! `?1` is a JSON array of `[key, owner, milliseconds]`, key and owner in hexadecimal digits. Times
//! are milliseconds since 1970.
//!
//! That a token was released is a row of the same table, under a key that no event has: the event's
//! key with the owner after it, twice as long. The two lie side by side, so that a claim finds in the
//! page that it writes to whether there is such a row. It never holds up another token.

mod attempts;

use std::sync::Arc;

use crate::schema::{ATTEMPTS, Stamp, WATERMARKS};

pub(super) struct Statements {
    pub(super) claim: Arc<str>,
    pub(super) look: Arc<str>,
    pub(super) complete: Arc<str>,
    pub(super) complete_once: Arc<str>,
    pub(super) completed: Arc<str>,
    pub(super) release: Arc<str>,
    /// `?1` key, `?2` owner, `?3` entity, `?4` version, `?5` for how many milliseconds it is kept.
    pub(super) newest_in: Arc<str>,
    pub(super) remember: Arc<str>,
    /// `?1` is a key, `?2` for how many milliseconds its owner is remembered as released.
    pub(super) forget: Arc<str>,
    /// As `sqlite/statements/attempts.rs` says, of a table that one of an older version does not have.
    pub(super) attempt: Arc<str>,
    pub(super) uncount: Arc<str>,
    pub(super) note: Arc<str>,
    pub(super) park: Arc<str>,
    pub(super) is_parked: Arc<str>,
    pub(super) forget_attempts: Arc<str>,
    pub(super) parked: Arc<str>,
    pub(super) parked_count: Arc<str>,
    /// `?1` is a key.
    pub(super) state: Arc<str>,
    pub(super) stats: Arc<str>,
    pub(super) purge: Arc<str>,
    /// The same for the tables beside it, which a table of an older version does not have.
    pub(super) purge_beside: [Arc<str>; 2],
    /// Which of these there are.
    pub(super) beside: Arc<str>,
    /// Makes the tables, or brings older ones forward.
    pub(super) schema: Arc<str>,
    /// The text of the view that says the version, and of what it is in, if they are there.
    pub(super) version: Arc<str>,
    /// Asks the tables beside it for their columns, and for no row.
    pub(super) probe: Arc<str>,
}

/// The database's clock, the same for all of a statement.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

impl Statements {
    /// The name must have been checked.
    pub(super) fn new(table: &str) -> Self {
        let quoted = format!("\"{table}\"");
        let attempts = format!("\"{table}{ATTEMPTS}\"");
        let watermarks = format!("\"{table}{WATERMARKS}\"");
        Self {
            claim: claim(&quoted).into(),
            look: look(&quoted).into(),
            complete: complete(&quoted, "").into(),
            complete_once: complete(&quoted, "AND NOT held.done").into(),
            completed: completed(&quoted).into(),
            release: release(&quoted).into(),
            newest_in: newest_in(&quoted, &watermarks).into(),
            remember: remember(&quoted).into(),
            forget: forget(&quoted).into(),
            attempt: attempts::attempt(&quoted, &attempts).into(),
            uncount: attempts::uncount(&attempts).into(),
            note: attempts::note(&quoted, &attempts).into(),
            park: attempts::park(&quoted).into(),
            is_parked: attempts::is_parked(&quoted, &attempts).into(),
            forget_attempts: attempts::forget(&attempts).into(),
            parked: attempts::parked(&quoted, &attempts).into(),
            parked_count: attempts::parked_count(&quoted, &attempts).into(),
            state: state(&quoted).into(),
            stats: stats(&quoted).into(),
            purge: purge(&quoted, "key").into(),
            purge_beside: [purge(&attempts, "key").into(), purge(&watermarks, "entity").into()],
            beside: beside(table).into(),
            schema: create(&quoted, table, &attempts, &watermarks).into(),
            version: version(table).into(),
            probe: probe(&attempts, &watermarks).into(),
        }
    }
}

/// A token's own key, which is there once it was released.
const RELEASED: &str = "unhex((value ->> 0) || (value ->> 1))";

/// Gives back what was claimed.
fn claim(table: &str) -> String {
    format!(
        "INSERT INTO {table} AS held (key, owner, done, expires_at) \
        SELECT unhex(value ->> 0), unhex(value ->> 1), 0, {NOW} + (value ->> 2) \
        FROM json_each(?1) WHERE NOT EXISTS \
            (SELECT 1 FROM {table} WHERE key = {RELEASED} AND expires_at > {NOW}) \
        ON CONFLICT (key) DO UPDATE \
        SET owner = excluded.owner, done = 0, expires_at = excluded.expires_at \
        WHERE held.expires_at <= {NOW} OR held.owner = excluded.owner AND NOT held.done \
        RETURNING key, owner"
    )
}

/// What is known of keys that were not claimed.
fn look(table: &str) -> String {
    format!(
        "SELECT key, done, expires_at - {NOW} FROM {table} \
        WHERE key IN (SELECT unhex(value ->> 0) FROM json_each(?1)) AND expires_at > {NOW}"
    )
}

/// Gives back what was completed, now or before.
fn complete(table: &str, and: &str) -> String {
    format!(
        "UPDATE {table} AS held \
        SET done = 1, expires_at = CASE WHEN done THEN expires_at ELSE {NOW} + ask.millis END \
        FROM (SELECT unhex(value ->> 0) AS event, unhex(value ->> 1) AS claimant, \
            value ->> 2 AS millis FROM json_each(?1)) AS ask \
        WHERE held.key = ask.event AND held.owner = ask.claimant AND held.expires_at > {NOW} \
        {and} RETURNING key, owner"
    )
}

/// Gives back what is completed.
fn completed(table: &str) -> String {
    format!(
        "SELECT key, owner FROM {table} \
        WHERE key IN (SELECT unhex(value ->> 0) FROM json_each(?1)) \
        AND (key, owner) IN (SELECT unhex(value ->> 0), unhex(value ->> 1) FROM json_each(?1)) \
        AND done AND expires_at > {NOW}"
    )
}

/// Gives back what was released.
fn release(table: &str) -> String {
    format!(
        "DELETE FROM {table} \
        WHERE key IN (SELECT unhex(value ->> 0) FROM json_each(?1)) \
        AND (key, owner) IN (SELECT unhex(value ->> 0), unhex(value ->> 1) FROM json_each(?1)) \
        AND NOT done AND expires_at > {NOW} \
        RETURNING key, owner"
    )
}

/// Moves the watermark if the claim is held. Gives back whether a newer one is there, and whether it is
/// this event's. What has run out and was not purged still counts: an older version is older.
fn newest_in(table: &str, watermarks: &str) -> String {
    format!(
        "INSERT INTO {watermarks} (entity, version, key, expires_at) \
        SELECT ?3, ?4, ?1, {NOW} + ?5 WHERE EXISTS \
            (SELECT 1 FROM {table} WHERE key = ?1 AND owner = ?2 AND expires_at > {NOW}) \
        ON CONFLICT (entity) DO UPDATE SET \
            version = max(version, excluded.version), \
            key = CASE WHEN version < excluded.version THEN excluded.key ELSE key END, \
            expires_at = max(expires_at, excluded.expires_at) \
        RETURNING version > ?4, key = ?1"
    )
}

/// Keeps released tokens from claiming their keys, for the milliseconds that are given.
fn remember(table: &str) -> String {
    format!(
        "INSERT INTO {table} (key, owner, done, expires_at) \
        SELECT {RELEASED}, unhex(value ->> 1), 1, {NOW} + (value ->> 2) \
        FROM json_each(?1) WHERE true \
        ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at"
    )
}

/// The row of a handled event becomes the row that says that its owner was released: in one step the
/// event is free, and the token that had completed it never claims it again.
fn forget(table: &str) -> String {
    format!(
        "UPDATE OR REPLACE {table} \
        SET key = unhex(hex(key) || hex(owner)), done = 1, expires_at = {NOW} + ?2 \
        WHERE key = ?1 AND done AND expires_at > {NOW} RETURNING 1"
    )
}

/// Of the event if it is known, and else of a token of its that was released: whether it is the event's
/// row, whether it is handled, and how many milliseconds are left. Tokens lie behind their event, and
/// before the next key of 16 bytes.
fn state(table: &str) -> String {
    format!(
        "SELECT length(key) = 16, done, expires_at - {NOW} FROM {table} \
        WHERE key >= ?1 AND key <= unhex(hex(?1) || '{owner}') AND expires_at > {NOW} \
        ORDER BY key LIMIT 1",
        owner = "F".repeat(32)
    )
}

/// How many are claimed, handled, released, and have run out.
fn stats(table: &str) -> String {
    format!(
        "SELECT count(*) FILTER (WHERE lives AND length(key) = 16 AND NOT done), \
            count(*) FILTER (WHERE lives AND length(key) = 16 AND done), \
            count(*) FILTER (WHERE lives AND length(key) > 16), \
            count(*) FILTER (WHERE NOT lives) \
        FROM (SELECT key, done, expires_at > {NOW} AS lives FROM {table})"
    )
}

/// `?1` is how many keys to drop.
fn purge(table: &str, key: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE {key} IN \
        (SELECT {key} FROM {table} WHERE expires_at <= {NOW} ORDER BY expires_at LIMIT ?1)"
    )
}

/// For each table beside it whether it is there.
fn beside(table: &str) -> String {
    let is_there = |suffix: &str| {
        format!(
            "EXISTS (SELECT 1 FROM sqlite_schema \
            WHERE type = 'table' AND name = '{table}{suffix}' COLLATE NOCASE)"
        )
    };
    format!("SELECT {}, {}", is_there(ATTEMPTS), is_there(WATERMARKS))
}

fn probe(attempts: &str, watermarks: &str) -> String {
    format!(
        "SELECT key, owner, attempts, first_at, parked_at, note, expires_at \
        FROM {attempts} WHERE false; \
        SELECT entity, version, key, expires_at FROM {watermarks} WHERE false"
    )
}

fn create(quoted: &str, table: &str, attempts: &str, watermarks: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {quoted} (\n    \
            key BLOB PRIMARY KEY NOT NULL,\n    \
            owner BLOB NOT NULL,\n    \
            done INTEGER NOT NULL,\n    \
            expires_at INTEGER NOT NULL\n\
        ) STRICT, WITHOUT ROWID;\n\
        CREATE INDEX IF NOT EXISTS \"{table}_expires_at\" ON {quoted} (expires_at);\n\
        CREATE TABLE IF NOT EXISTS {attempts} (\n    \
            key BLOB PRIMARY KEY NOT NULL,\n    \
            owner BLOB NOT NULL,\n    \
            attempts INTEGER NOT NULL,\n    \
            first_at INTEGER NOT NULL,\n    \
            parked_at INTEGER,\n    \
            note TEXT,\n    \
            expires_at INTEGER NOT NULL\n\
        ) STRICT, WITHOUT ROWID;\n\
        CREATE INDEX IF NOT EXISTS \"{table}_a_expires\" ON {attempts} (expires_at);\n\
        CREATE INDEX IF NOT EXISTS \"{table}_parked_at\" ON {attempts} (parked_at) \
        WHERE parked_at IS NOT NULL;\n\
        CREATE TABLE IF NOT EXISTS {watermarks} (\n    \
            entity BLOB PRIMARY KEY NOT NULL,\n    \
            version BLOB NOT NULL,\n    \
            key BLOB NOT NULL,\n    \
            expires_at INTEGER NOT NULL\n\
        ) STRICT, WITHOUT ROWID;\n\
        CREATE INDEX IF NOT EXISTS \"{table}_w_expires\" ON {watermarks} (expires_at);\n\
        DROP VIEW IF EXISTS \"{table}_schema\";\n\
        CREATE VIEW \"{table}_schema\" AS\n    SELECT '{}' AS version;\n",
        Stamp::CURRENT
    )
}

/// One row if the table is there. Names are equal whatever their case.
fn version(table: &str) -> String {
    format!(
        "SELECT (SELECT sql FROM sqlite_schema \
            WHERE type = 'view' AND name = '{table}_schema' COLLATE NOCASE) \
        FROM sqlite_schema WHERE type = 'table' AND name = '{table}' COLLATE NOCASE"
    )
}
