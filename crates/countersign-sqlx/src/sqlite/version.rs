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
    let Some(row) = query.fetch_optional(connection).await? else {
        return Ok(SchemaState::Missing);
    };
    Ok(Stamp::read(row.try_get::<Option<&str>, _>(0)?).state())
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
    let sql = match state(connection, statements).await? {
        SchemaState::Missing => &statements.schema,
        SchemaState::Older { .. } => &statements.forward,
        _ => return Ok(()),
    };
    sqlx::raw_sql(AssertSqlSafe(Arc::clone(sql))).execute(connection).await.map(drop)
}
