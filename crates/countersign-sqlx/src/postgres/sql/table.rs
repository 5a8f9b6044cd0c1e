//! The table: its name, how it is made and found, and what is dropped from it.

use crate::schema::Stamp;

/// A table, with names that have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::postgres) struct Table {
    pub(in crate::postgres) schema: Option<String>,
    pub(in crate::postgres) name: String,
}

/// What [`Table::find_sql`] answers, column by column, if the table is there: its schema, `p` for a
/// table that survives a crash, the connection's `synchronous_commit`, and the table's comment. For a
/// table with a partition that does not survive a crash, it is [`PARTITION`] instead of `p`.
pub(in crate::postgres) type Found = (String, String, String, Option<String>);

pub(in crate::postgres) const PARTITION: &str = "partition";

impl Table {
    /// As it is written in SQL. Without a schema, it is what the connection's `search_path` makes of it.
    pub(in crate::postgres) fn quoted(&self) -> String {
        let name = &self.name;
        match &self.schema {
            Some(schema) => format!("\"{schema}\".\"{name}\""),
            None => format!("\"{name}\""),
        }
    }

    pub(in crate::postgres) fn create_sql(&self) -> String {
        let (quoted, name) = (self.quoted(), &self.name);
        format!(
            "CREATE TABLE IF NOT EXISTS {quoted} (\n    \
                key uuid PRIMARY KEY,\n    \
                owner uuid NOT NULL,\n    \
                done boolean NOT NULL,\n    \
                expires_at timestamptz NOT NULL\n\
            );\n\
            CREATE INDEX IF NOT EXISTS \"{name}_expires_at\" ON {quoted} (expires_at);\n\
            COMMENT ON TABLE {quoted} IS '{}';\n",
            Stamp::CURRENT
        )
    }

    /// Brings the table from the version before to this one. Nothing for a version that there is not.
    ///
    /// To 2: the table says its version. Its comment may say other things, which stay.
    pub(in crate::postgres) fn step_sql(&self, to: u32) -> Option<String> {
        let quoted = self.quoted();
        (to == 2).then(|| {
            format!(
                "DO $countersign$ BEGIN EXECUTE format('COMMENT ON TABLE %s IS %L', \
                    '{quoted}'::regclass, concat_ws(E'\\n', \
                    obj_description('{quoted}'::regclass, 'pg_class'), '{}')); \
                END $countersign$",
                Stamp::CURRENT
            )
        })
    }

    /// Makes processes that start together create the table one after the other: `IF NOT EXISTS`
    /// alone lets two of them try. Answers whether the table is there, because `IF NOT EXISTS` looks in
    /// the first schema of the `search_path` only, and the table's comment.
    pub(in crate::postgres) fn lock_sql(&self) -> String {
        let quoted = self.quoted();
        format!(
            "SET LOCAL client_min_messages = warning; \
            SELECT pg_advisory_xact_lock(hashtextextended('countersign {quoted}', 0)); \
            SELECT to_regclass('{quoted}') IS NOT NULL AS exists, \
                obj_description(to_regclass('{quoted}'), 'pg_class') AS says"
        )
    }

    pub(in crate::postgres) fn find_sql(&self) -> String {
        let quoted = self.quoted();
        format!(
            "SELECT s.nspname::text, CASE WHEN EXISTS (\
                    SELECT FROM pg_partition_tree(t.oid) AS part \
                    JOIN pg_catalog.pg_class AS p ON p.oid = part.relid \
                    WHERE p.oid <> t.oid AND p.relpersistence <> 'p'\
                ) THEN '{PARTITION}' ELSE t.relpersistence::text END, \
                current_setting('synchronous_commit'), obj_description(t.oid, 'pg_class') \
            FROM pg_catalog.pg_class AS t \
            JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace \
            WHERE t.oid = to_regclass('{quoted}')"
        )
    }

    /// The other schemas that have a table of this name.
    pub(in crate::postgres) fn namesakes_sql(&self) -> String {
        let name = &self.name;
        format!(
            "SELECT s.nspname::text FROM pg_catalog.pg_class AS t \
            JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace \
            WHERE t.relname = '{name}' AND t.relkind IN ('r', 'p') AND t.relpersistence = 'p' \
            AND t.oid IS DISTINCT FROM to_regclass('{}') ORDER BY 1 LIMIT 5",
            self.quoted()
        )
    }
}

/// The time is asked for in a subquery because an index cannot be searched for what changes from
/// row to row. `$1` is how many keys to drop.
pub(super) fn purge(table: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE key = ANY (ARRAY(\
            SELECT key FROM {table} WHERE expires_at <= (SELECT clock_timestamp()) \
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED\
        )) AND expires_at <= clock_timestamp()"
    )
}
