//! Many calls of a kind in one statement.

use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::sync::Arc;

use countersign::EventKey;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::call::{Answer, Ask, Rest, Wrong, read, uuid};
use super::sql::{Statement, Statements};

/// Runs them, to the end of their transaction. No key may be twice among them, and they must be of
/// one kind. The answers are in their order. One that is asked alone, because it failed together with
/// others, is asked as those were: then it waits for no lock for long.
pub(super) async fn run(
    asks: &[Ask],
    alone: bool,
    statements: &Statements,
    connection: &mut PgConnection,
    prepared: bool,
) -> Result<Vec<Answer>, Wrong> {
    let Some(first) = asks.first() else { return Ok(Vec::new()) };
    let (one, many) = match first.rest {
        Rest::None => (&statements.look, &statements.looks),
        Rest::Micros(_) => (&statements.complete, &statements.completions),
        Rest::Released(_) => (&statements.release, &statements.releases),
        Rest::MicrosAndReleased(..) => (&statements.claim, &statements.claims),
    };
    if asks.len() == 1 && !alone {
        return Ok(vec![first.run(one, connection, prepared).await?]);
    }
    let rows = fetch(&arrays(asks), many, connection, prepared).await.map_err(Wrong::Said)?;
    let mut answers = HashMap::with_capacity(rows.len());
    for row in &rows {
        let (answer, key) = read(row, &many.tag, key)?;
        answers.insert(key, answer);
    }
    let answers = asks.iter().map(|ask| answers.remove(&ask.key));
    answers.collect::<Option<_>>().ok_or(Wrong::OtherStatement)
}

/// The values are hexadecimal digits and integers: there is nothing to escape.
async fn fetch(
    arrays: &[String],
    statement: &Statement,
    connection: &mut PgConnection,
    prepared: bool,
) -> Result<Vec<PgRow>, sqlx::Error> {
    if prepared {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.prepared)));
        let query = arrays.iter().fold(query, |query, array| query.bind(array));
        return query.bind(&statement.tag).fetch_all(connection).await;
    }
    let mut sql = statement.plain.to_string();
    for (array, number) in arrays.iter().zip(1..) {
        sql = sql.replace(&format!("${number}"), &format!("'{array}'"));
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await
}

/// The values as the statement numbers them, each as the text of an array.
fn arrays(asks: &[Ask]) -> Vec<String> {
    let mut arrays = vec![array(asks, |ask| Some(ask.key)), array(asks, |ask| Some(ask.owner))];
    let micros = array(asks, |ask| match ask.rest {
        Rest::Micros(micros) | Rest::MicrosAndReleased(micros, _) => Some(micros),
        _ => None,
    });
    let tokens = array(asks, |ask| match ask.rest {
        Rest::Released(token) | Rest::MicrosAndReleased(_, token) => Some(token),
        _ => None,
    });
    arrays.extend([micros, tokens].into_iter().filter(|array| array != EMPTY));
    arrays
}

const EMPTY: &str = "{}";

fn array<V: Display>(asks: &[Ask], value: impl Fn(&Ask) -> Option<V>) -> String {
    let mut array = String::with_capacity(asks.len().saturating_mul(33).saturating_add(2));
    for value in asks.iter().filter_map(value) {
        array.push(if array.is_empty() { '{' } else { ',' });
        // Writing to a string cannot fail.
        let _ = write!(array, "{value}");
    }
    if array.is_empty() {
        array.push('{');
    }
    array.push('}');
    array
}

/// The key that a row answers for.
fn key(row: &PgRow) -> Option<EventKey> {
    Some(EventKey::from_bytes(uuid(row.try_get(4).ok()?)?))
}
