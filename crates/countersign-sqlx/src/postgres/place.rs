//! Where the table is, and whether what is written there lasts.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::sync::OnceCell;

use super::sql::{BESIDE, Found, PARTITION, Statements, Table};
use crate::error::{self, Failure};
use crate::schema::{BESIDE_SINCE, CURRENT, SchemaState, Stamp};

/// The table, found once.
///
/// A name without a schema means another table as soon as the `search_path` is another one: a
/// memory without a single handled event. So a store stays with the schema in which it found its
/// table first.
pub(super) struct Place {
    pub(super) table: Table,
    statements: OnceCell<Statements>,
}

impl Place {
    pub(super) fn new(table: Table) -> Self {
        Self { table, statements: OnceCell::new() }
    }

    /// The statements for the table, which is looked for and looked at the first time.
    pub(super) async fn statements(
        &self,
        connection: &mut PgConnection,
    ) -> Result<&Statements, Failure> {
        self.statements
            .get_or_try_init(|| async {
                Ok(Statements::new(&find(&self.table, connection).await?))
            })
            .await
    }

    /// Looks at the table and the connection's settings, also if it has been found before.
    pub(super) async fn check(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        find(&self.table, connection).await.map(drop)
    }

    /// How the table stands to this version.
    pub(super) async fn schema(
        &self,
        connection: &mut PgConnection,
    ) -> Result<SchemaState, Failure> {
        let found = look(&self.table, connection).await.map_err(Failure::postgres)?;
        Ok(found.as_ref().map_or(SchemaState::Missing, state))
    }

    /// The statement that gives the rights that are missing.
    pub(super) async fn missing_rights(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Option<String>, Failure> {
        let sql = AssertSqlSafe(self.table.missing_rights_sql());
        let row = sqlx::raw_sql(sql).fetch_optional(connection).await;
        row.and_then(|row| row.map(|row| row.try_get(0)).transpose()).map_err(Failure::postgres)
    }

    /// Creates the table where it is missing, and brings it to this version where it is older.
    pub(super) async fn migrate(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        match self.bring_forward(connection).await {
            Ok(is_new) => {
                let found = find(&self.table, connection).await?;
                if is_new && self.table.schema.is_none() {
                    warn_of_namesakes(&found, connection).await.map_err(Failure::postgres)?;
                }
                Ok(())
            }
            // The table is somebody else's, who makes it and changes it. This version works with an
            // older one.
            Err(error) if error::code(&error).as_deref() == Some(NOT_THE_OWNER) => {
                match self.schema(connection).await? {
                    SchemaState::Older { version } => {
                        let table = self.table.quoted();
                        tracing::warn!(
                            "the table {table} stays at schema version {version}, because only its \
                             owner, with the right to create tables in its schema, may bring it to \
                             version {CURRENT}; what older versions had works with both"
                        );
                        find(&self.table, connection).await.map(drop)
                    }
                    SchemaState::Incomplete { missing } => {
                        let table = self.table.quoted();
                        tracing::warn!(
                            "beside the table {table} there is no table whose name ends with {missing}, \
                             and only its owner, with the right to create tables in its schema, may make \
                             it again; what needs none works"
                        );
                        find(&self.table, connection).await.map(drop)
                    }
                    _ => Err(Failure::postgres(error)),
                }
            }
            Err(error) => Err(Failure::postgres(error)),
        }
    }

    /// One process after the other. Tells whether the table was missing.
    async fn bring_forward(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let mut tx = connection.begin().await?;
        let lock = AssertSqlSafe(self.table.lock_sql());
        sqlx::raw_sql(lock).execute(&mut *tx).await?;
        let found = look(&self.table, &mut tx).await?;
        let mut steps = Vec::new();
        match &found {
            None => steps.push(self.table.create_sql()),
            Some(found) => {
                // What is made goes to where the table is, and not to the first schema of the
                // `search_path`.
                let table = Table { schema: Some(found.0.clone()), name: self.table.name.clone() };
                match state(found) {
                    SchemaState::Older { version } => {
                        let later = version.saturating_add(1)..=CURRENT;
                        steps.extend(later.filter_map(|to| table.step_sql(to)));
                        steps.push(table.say_sql());
                    }
                    SchemaState::Incomplete { .. } => steps.extend(table.step_sql(BESIDE_SINCE)),
                    _ => {}
                }
            }
        }
        for step in steps {
            sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(found.is_none())
    }
}

/// SQLSTATE of what only a table's owner may do.
const NOT_THE_OWNER: &str = "42501";

/// Whoever starts with another `search_path` than before would handle all events again.
async fn warn_of_namesakes(made: &Table, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(made.namesakes_sql());
    for row in sqlx::raw_sql(sql).fetch_all(connection).await? {
        let other = Table { schema: Some(row.try_get(0)?), name: made.name.clone() };
        tracing::warn!(
            "made the table {}, which is empty, though there is a table {}: if that one has the \
             events that were handled, set the store's `schema`",
            made.quoted(),
            other.quoted(),
        );
    }
    Ok(())
}

/// What there is to know of the table, if it is there.
async fn look(table: &Table, connection: &mut PgConnection) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::raw_sql(AssertSqlSafe(table.find_sql())).fetch_optional(connection).await;
    let read = |row: PgRow| -> Result<Found, sqlx::Error> {
        let is_beside = (row.try_get(4)?, row.try_get(5)?);
        let (schema, persistence) = (row.try_get(0)?, row.try_get(1)?);
        Ok((schema, persistence, row.try_get(2)?, row.try_get(3)?, is_beside.0, is_beside.1))
    };
    row.and_then(|row| row.map(read).transpose())
}

/// How what was found stands to this version.
fn state((.., says, attempts, watermarks): &Found) -> SchemaState {
    Stamp::read(says.as_deref()).state().with_beside(*attempts, *watermarks)
}

async fn find(table: &Table, connection: &mut PgConnection) -> Result<Table, Failure> {
    let found = look(table, connection).await.map_err(Failure::postgres)?;
    let Some((schema, persistence, synchronous_commit, says, ..)) = found else {
        return Err(Failure::no_table(&table.quoted()));
    };
    let stamp = Stamp::read(says.as_deref());
    let state = stamp.state();
    if matches!(state, SchemaState::TooNew { .. }) {
        return Err(Failure::other(state.to_string()));
    }
    let found = Table { schema: Some(schema), name: table.name.clone() };
    let quoted = found.quoted();
    match persistence.as_str() {
        "u" => {
            return Err(Failure::other(format!(
                "the table {quoted} is UNLOGGED, and empty after a crash of the database: run `ALTER TABLE {quoted} SET LOGGED`"
            )));
        }
        PARTITION => {
            return Err(Failure::other(format!(
                "a partition of {quoted} is UNLOGGED, and empty after a crash of the database: run `ALTER TABLE … SET LOGGED` on it"
            )));
        }
        BESIDE if stamp.has_tables_beside() => {
            let (attempts, watermarks) = (found.attempts(), found.watermarks());
            return Err(Failure::other(format!(
                "{attempts} or {watermarks} is UNLOGGED, and empty after a crash of the database: run `ALTER TABLE … SET LOGGED` on it"
            )));
        }
        "t" => {
            return Err(Failure::other(format!(
                "the table {quoted} is temporary, and each connection has another one: drop it and call `migrate()`"
            )));
        }
        _ => {}
    }
    if synchronous_commit == "off" {
        return Err(Failure::other(
            "synchronous_commit is off, so a crash of the database forgets events that were handled: set it \
             to `on` for the role or in the pool's connect options",
        ));
    }
    Ok(found)
}
