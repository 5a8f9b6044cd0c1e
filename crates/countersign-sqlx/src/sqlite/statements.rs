//! The statements, made once for a table. Each serves any number of calls at once.
//!
//! `?1` is a JSON array of `[key, owner, milliseconds]`, key and owner in hexadecimal digits. Times
//! are milliseconds since 1970.
//!
//! That a token was released is a row of the same table, under a key that no event has: the event's
//! key with the owner after it, twice as long. The two lie side by side, so that a claim finds in the
//! page that it writes to whether there is such a row. It never holds up another token.

use std::sync::Arc;

pub(super) struct Statements {
    pub(super) claim: Arc<str>,
    pub(super) look: Arc<str>,
    pub(super) complete: Arc<str>,
    pub(super) complete_once: Arc<str>,
    pub(super) completed: Arc<str>,
    pub(super) release: Arc<str>,
    pub(super) remember: Arc<str>,
    pub(super) purge: Arc<str>,
    pub(super) schema: Arc<str>,
}

/// The database's clock, the same for all of a statement.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

impl Statements {
    /// The name must have been checked.
    pub(super) fn new(table: &str) -> Self {
        let quoted = format!("\"{table}\"");
        Self {
            claim: claim(&quoted).into(),
            look: look(&quoted).into(),
            complete: complete(&quoted, "").into(),
            complete_once: complete(&quoted, "AND NOT held.done").into(),
            completed: completed(&quoted).into(),
            release: release(&quoted).into(),
            remember: remember(&quoted).into(),
            purge: purge(&quoted).into(),
            schema: create(&quoted, table).into(),
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

/// Keeps released tokens from claiming their keys, for the milliseconds that are given.
fn remember(table: &str) -> String {
    format!(
        "INSERT INTO {table} (key, owner, done, expires_at) \
        SELECT {RELEASED}, unhex(value ->> 1), 1, {NOW} + (value ->> 2) \
        FROM json_each(?1) WHERE true \
        ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at"
    )
}

/// `?1` is how many keys to drop.
fn purge(table: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE key IN \
        (SELECT key FROM {table} WHERE expires_at <= {NOW} ORDER BY expires_at LIMIT ?1)"
    )
}

fn create(quoted: &str, table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {quoted} (\n    \
            key BLOB PRIMARY KEY NOT NULL,\n    \
            owner BLOB NOT NULL,\n    \
            done INTEGER NOT NULL,\n    \
            expires_at INTEGER NOT NULL\n\
        ) STRICT, WITHOUT ROWID;\n\
        CREATE INDEX IF NOT EXISTS \"{table}_expires_at\" ON {quoted} (expires_at);\n"
    )
}
