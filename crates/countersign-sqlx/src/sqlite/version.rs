//! The version of the table, which is looked at before the store first writes, and again by a migration.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::statements::Statements;
use crate::error::Failure;
use crate::schema::{SchemaState, Stamp};

/// How the table stands to this version.
pub(super) async fn state(
    connection: &mut SqliteConnection,
    statements: &Statements,
) -> Result<SchemaState, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.version)));
    let Some(row) = query.fetch_optional(&mut *connection).await? else {
        return Ok(SchemaState::Missing);
    };
    let state = Stamp::read(row.try_get::<Option<&str>, _>(0)?).state();
    let beside = sqlx::query(AssertSqlSafe(Arc::clone(&statements.beside)));
    let beside = beside.fetch_one(connection).await?;
    Ok(state.with_beside(beside.try_get(0)?, beside.try_get(1)?))
}

/// Refuses a table that this version cannot work with.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    statements: &Statements,
) -> Result<(), Failure> {
    match state(connection, statements).await.map_err(Failure::sqlite)? {
        too_new @ SchemaState::TooNew { .. } => Err(Failure::other(too_new.to_string())),
        _ => Ok(()),
    }
}

/// Makes the table, or brings it to this version, in the transaction that the connection is in.
pub(super) async fn bring_forward(
    connection: &mut SqliteConnection,
    statements: &Statements,
) -> Result<(), sqlx::Error> {
    if !state(connection, statements).await?.needs_migration() {
        return Ok(());
    }
    // One text for all: what there is already stays.
    let sql = AssertSqlSafe(Arc::clone(&statements.schema));
    sqlx::raw_sql(sql).execute(&mut *connection).await?;
    // If there are others of these names, their columns are missed here, and not later in a handler.
    let probe = AssertSqlSafe(Arc::clone(&statements.probe));
    sqlx::raw_sql(probe).execute(connection).await.map(drop)
}
