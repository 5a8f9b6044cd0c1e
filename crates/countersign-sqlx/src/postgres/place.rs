//! Where the table is, and whether what is written there lasts.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::sync::OnceCell;

use super::sql::{Found, PARTITION, Statements, Table};
use crate::error::Failure;

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

    /// Creates the table where it is missing.
    pub(super) async fn migrate(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        let is_new = self.create(connection).await.map_err(Failure::postgres)?;
        let found = find(&self.table, connection).await?;
        if is_new && self.table.schema.is_none() {
            warn_of_namesakes(&found, connection).await.map_err(Failure::postgres)?;
        }
        Ok(())
    }

    /// Tells whether it was missing.
    async fn create(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let mut tx = connection.begin().await?;
        let lock = AssertSqlSafe(self.table.lock_sql());
        let rows = sqlx::raw_sql(lock).fetch_all(&mut *tx).await?;
        let exists = rows.last().is_some_and(|row| row.try_get("exists").unwrap_or(false));
        if !exists {
            sqlx::raw_sql(AssertSqlSafe(self.table.create_sql())).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(!exists)
    }
}

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

async fn find(table: &Table, connection: &mut PgConnection) -> Result<Table, Failure> {
    let row = sqlx::raw_sql(AssertSqlSafe(table.find_sql())).fetch_optional(connection).await;
    let row = row.map_err(Failure::postgres)?;
    let Some(row) = row else { return Err(Failure::no_table(&table.quoted())) };
    let read = || -> Result<Found, sqlx::Error> {
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
    };
    let (schema, persistence, synchronous_commit) = read().map_err(Failure::postgres)?;
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
