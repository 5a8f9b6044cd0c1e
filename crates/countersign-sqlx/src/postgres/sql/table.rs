//! The table: its name, how it is made and found, and what is dropped from it.

use crate::schema::{ATTEMPTS, Stamp, WATERMARKS};

/// A table, with names that have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::postgres) struct Table {
    pub(in crate::postgres) schema: Option<String>,
    pub(in crate::postgres) name: String,
}

/// What [`Table::find_sql`] answers, column by column, if the table is there: its schema, `p` for a
/// table that survives a crash, the connection's `synchronous_commit`, and the table's comment. For a
/// table with a partition that does not survive a crash, it is [`PARTITION`] instead of `p`, and with
/// such a table beside it, [`BESIDE`]. Then whether the table of attempts is there, and that of watermarks.
pub(in crate::postgres) type Found = (String, String, String, Option<String>, bool, bool);

/// What a store does with its tables; `DELETE` is for the purge.
const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

pub(in crate::postgres) const PARTITION: &str = "partition";
pub(in crate::postgres) const BESIDE: &str = "beside";

impl Table {
    /// As it is written in SQL. Without a schema, it is what the connection's `search_path` makes of it.
    pub(in crate::postgres) fn quoted(&self) -> String {
        self.beside("")
    }

    /// The table of attempts beside it, in the same schema.
    pub(in crate::postgres) fn attempts(&self) -> String {
        self.beside(ATTEMPTS)
    }

    /// The table of watermarks beside it.
    pub(in crate::postgres) fn watermarks(&self) -> String {
        self.beside(WATERMARKS)
    }

    fn beside(&self, suffix: &str) -> String {
        let name = &self.name;
        match &self.schema {
            Some(schema) => format!("\"{schema}\".\"{name}{suffix}\""),
            None => format!("\"{name}{suffix}\""),
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
            {}\
            COMMENT ON TABLE {quoted} IS '{}';\n",
            self.create_beside_sql(),
            Stamp::CURRENT
        )
    }

    /// The tables beside it. Their indexes have short names, because PostgreSQL cuts long ones.
    fn create_beside_sql(&self) -> String {
        let (name, attempts, watermarks) = (&self.name, self.attempts(), self.watermarks());
        format!(
            "CREATE TABLE IF NOT EXISTS {attempts} (\n    \
                key uuid PRIMARY KEY,\n    \
                owner uuid NOT NULL,\n    \
                attempts integer NOT NULL,\n    \
                first_at timestamptz NOT NULL,\n    \
                parked_at timestamptz,\n    \
                note text,\n    \
                expires_at timestamptz NOT NULL\n\
            );\n\
            CREATE INDEX IF NOT EXISTS \"{name}_a_expires\" ON {attempts} (expires_at);\n\
            CREATE INDEX IF NOT EXISTS \"{name}_parked_at\" ON {attempts} (parked_at) \
            WHERE parked_at IS NOT NULL;\n\
            CREATE TABLE IF NOT EXISTS {watermarks} (\n    \
                entity uuid PRIMARY KEY,\n    \
                version bytea NOT NULL,\n    \
                key uuid NOT NULL,\n    \
                expires_at timestamptz NOT NULL\n\
            );\n\
            CREATE INDEX IF NOT EXISTS \"{name}_w_expires\" ON {watermarks} (expires_at);\n"
        )
    }

    /// Brings the table from the version before to this one. Nothing for a version that only
    /// [says](Self::say_sql) so.
    ///
    /// To 3: the tables beside it. If there are others of these names, their columns are missed here, and
    /// not later in a handler.
    pub(in crate::postgres) fn step_sql(&self, to: u32) -> Option<String> {
        let (attempts, watermarks) = (self.attempts(), self.watermarks());
        (to == 3).then(|| {
            format!(
                "{} SELECT key, owner, attempts, first_at, parked_at, note, expires_at \
                FROM {attempts} WHERE false; \
                SELECT entity, version, key, expires_at FROM {watermarks} WHERE false",
                self.create_beside_sql()
            )
        })
    }

    /// Says the version, in the table's comment. That may say other things, which stay.
    pub(in crate::postgres) fn say_sql(&self) -> String {
        let (quoted, said) = (self.quoted(), Stamp::PATTERN);
        format!(
            "DO $countersign$ DECLARE says text := obj_description('{quoted}'::regclass, 'pg_class'); \
            BEGIN EXECUTE format('COMMENT ON TABLE %s IS %L', '{quoted}'::regclass, \
                CASE WHEN says ~ '{said}' THEN regexp_replace(says, '{said}', '{stamp}') \
                ELSE concat_ws(E'\\n', says, '{stamp}') END); \
            END $countersign$",
            stamp = Stamp::CURRENT
        )
    }

    /// Makes processes that start together create the table one after the other: `IF NOT EXISTS`
    /// alone lets two of them try. It also looks in the first schema of the `search_path` only, so the table is
    /// looked for after this.
    pub(in crate::postgres) fn lock_sql(&self) -> String {
        format!(
            "SET LOCAL client_min_messages = warning; \
            SELECT pg_advisory_xact_lock(hashtextextended('countersign {}', 0))",
            self.quoted()
        )
    }

    pub(in crate::postgres) fn find_sql(&self) -> String {
        let (quoted, name) = (self.quoted(), &self.name);
        format!(
            "SELECT s.nspname::text, CASE WHEN t.relpersistence <> 'p' THEN t.relpersistence::text \
                WHEN EXISTS (\
                    SELECT FROM pg_partition_tree(t.oid) AS part \
                    JOIN pg_catalog.pg_class AS p ON p.oid = part.relid \
                    WHERE p.oid <> t.oid AND p.relpersistence <> 'p'\
                ) THEN '{PARTITION}' \
                WHEN EXISTS (\
                    SELECT FROM pg_catalog.pg_class AS b WHERE b.relnamespace = t.relnamespace \
                    AND b.relname IN ('{name}{ATTEMPTS}', '{name}{WATERMARKS}') \
                    AND b.relpersistence <> 'p'\
                ) THEN '{BESIDE}' ELSE 'p' END, \
                current_setting('synchronous_commit'), obj_description(t.oid, 'pg_class'), \
                {}, {} \
            FROM pg_catalog.pg_class AS t \
            JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace \
            WHERE t.oid = to_regclass('{quoted}')",
            self.has_beside_sql(ATTEMPTS),
            self.has_beside_sql(WATERMARKS)
        )
    }

    /// Whether there is something of this name beside the table `t`.
    fn has_beside_sql(&self, suffix: &str) -> String {
        let name = &self.name;
        format!(
            "EXISTS (SELECT FROM pg_catalog.pg_class AS b \
            WHERE b.relnamespace = t.relnamespace AND b.relname = '{name}{suffix}')"
        )
    }

    /// The statement that would give the connection's role the rights that it lacks to the tables; no row
    /// where it lacks none.
    pub(in crate::postgres) fn missing_rights_sql(&self) -> String {
        let (quoted, name) = (self.quoted(), &self.name);
        let has = |right: &&str| format!("has_table_privilege(b.oid, '{right}')");
        let has_all = RIGHTS.iter().map(has).collect::<Vec<_>>().join(" AND ");
        format!(
            "SELECT format('GRANT {} ON %s TO %I', \
                string_agg(format('%I.%I', s.nspname, b.relname), ', ' ORDER BY b.relname), current_user) \
            FROM pg_catalog.pg_class AS t \
            JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace \
            JOIN pg_catalog.pg_class AS b ON b.relnamespace = t.relnamespace \
                AND b.relname IN ('{name}', '{name}{ATTEMPTS}', '{name}{WATERMARKS}') \
            WHERE t.oid = to_regclass('{quoted}') AND NOT ({has_all}) \
            HAVING count(*) > 0",
            RIGHTS.join(", "),
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
pub(super) fn purge(table: &str, key: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE {key} = ANY (ARRAY(\
            SELECT {key} FROM {table} WHERE expires_at <= (SELECT clock_timestamp()) \
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED\
        )) AND expires_at <= clock_timestamp()"
    )
}

/// For each table beside it whether it is there, and may be purged.
pub(super) fn beside(table: &Table) -> String {
    let may = |table: String| {
        ["SELECT", "UPDATE", "DELETE"]
            .map(|right| format!("has_table_privilege(to_regclass('{table}'), '{right}')"))
            .join(" AND ")
    };
    let (attempts, watermarks) = (may(table.attempts()), may(table.watermarks()));
    format!("SELECT coalesce({attempts}, false), coalesce({watermarks}, false)")
}
