//! Many calls of a kind in one statement.

use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::call::{Answer, Ask, Rest, Wrong, read};
use super::sql::{Statement, Statements};
use super::uuid::Uuid;

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
    let rows = fetch(&Values::of(asks), many, connection, prepared).await.map_err(Wrong::Said)?;
    let mut answers = HashMap::with_capacity(rows.len());
    for row in &rows {
        let (answer, key) = read(row, &many.tag, |row| Uuid::read(&row.try_get_raw(4).ok()?))?;
        answers.insert(key, answer);
    }
    let answers = asks.iter().map(|ask| answers.remove(&Uuid::from(ask.key)));
    answers.collect::<Option<_>>().ok_or(Wrong::OtherStatement)
}

/// In one message, the values are hexadecimal digits and integers: there is nothing to escape.
async fn fetch(
    values: &Values,
    statement: &Statement,
    connection: &mut PgConnection,
    prepared: bool,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let Values { keys, owners, micros, tokens } = values;
    if prepared {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.prepared)));
        let query = query.bind(keys).bind(owners);
        let query = if micros.is_empty() { query } else { query.bind(micros) };
        let query = if tokens.is_empty() { query } else { query.bind(tokens) };
        return query.bind(&statement.tag).fetch_all(connection).await;
    }
    let rest = [array(micros), array(tokens)].into_iter().filter(|array| array != EMPTY);
    let mut sql = statement.plain.to_string();
    for (array, number) in [array(keys), array(owners)].into_iter().chain(rest).zip(1..) {
        sql = sql.replace(&format!("${number}"), &format!("'{array}'"));
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await
}

/// The values in the order in which a statement numbers them. Not every kind of call has the last two.
struct Values {
    keys: Vec<Uuid>,
    owners: Vec<Uuid>,
    micros: Vec<i64>,
    tokens: Vec<Uuid>,
}

impl Values {
    fn of(asks: &[Ask]) -> Self {
        let micros = asks.iter().filter_map(|ask| match ask.rest {
            Rest::Micros(micros) | Rest::MicrosAndReleased(micros, _) => Some(micros),
            _ => None,
        });
        let tokens = asks.iter().filter_map(|ask| match ask.rest {
            Rest::Released(token) | Rest::MicrosAndReleased(_, token) => Some(token.into()),
            _ => None,
        });
        Self {
            keys: asks.iter().map(|ask| ask.key.into()).collect(),
            owners: asks.iter().map(|ask| ask.owner.into()).collect(),
            micros: micros.collect(),
            tokens: tokens.collect(),
        }
    }
}

const EMPTY: &str = "{}";

fn array<V: Display>(values: &[V]) -> String {
    let mut array = String::with_capacity(values.len().saturating_mul(33).saturating_add(2));
    for value in values {
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
