//! Calls that are written together, in one transaction.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use countersign::{Attempt, Claimed, EventKey, EventState, Forgotten, RELEASED_FOR, Settled};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::attempts::Park;
use super::statements::Statements;
use super::{attempts, look, version};
use crate::error::Failure;
use crate::room::{Call, fail, take, tell};
use crate::values::{Owner, millis};

/// A key, its owner, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) key: EventKey,
    pub(super) owner: Owner,
    pub(super) millis: i64,
}

/// Calls that nobody has been answered yet: they are concurrent, so any order is right.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) claims: Vec<Call<Ask, Claimed>>,
    pub(super) completions: Vec<Call<Ask, Settled>>,
    pub(super) releases: Vec<Call<Ask, Settled>>,
    pub(super) forgets: Vec<Call<EventKey, Forgotten>>,
    /// Answered with none where there is no table of attempts.
    pub(super) attempts: Vec<Call<Ask, Option<Attempt>>>,
    pub(super) uncounts: Vec<Call<Ask, ()>>,
    pub(super) parks: Vec<Call<Park, Option<Settled>>>,
    pub(super) purges: Vec<Call<u32, u64>>,
    pub(super) migrations: Vec<Call<(), ()>>,
    /// There is no room to remember which tokens were released.
    forgetful: bool,
}

/// Answers in the order of the calls.
pub(super) struct Answers {
    claims: Vec<Claimed>,
    completions: Vec<Settled>,
    releases: Vec<Settled>,
    forgets: Vec<Forgotten>,
    attempts: Vec<Option<Attempt>>,
    uncounts: Vec<()>,
    parks: Vec<Option<Settled>>,
    purges: Vec<u64>,
    migrations: Vec<()>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many calls there are.
    pub(super) fn len(&self) -> usize {
        let settled = self.completions.len() + self.releases.len() + self.parks.len();
        let asked = self.forgets.len() + self.purges.len() + self.migrations.len();
        self.claims.len() + self.attempts.len() + self.uncounts.len() + settled + asked
    }

    /// Takes up to `most` of each kind.
    pub(super) fn take(&mut self, most: usize) -> Self {
        Self {
            claims: take(&mut self.claims, most),
            completions: take(&mut self.completions, most),
            releases: take(&mut self.releases, most),
            forgets: take(&mut self.forgets, most),
            attempts: take(&mut self.attempts, most),
            uncounts: take(&mut self.uncounts, most),
            parks: take(&mut self.parks, most),
            purges: take(&mut self.purges, most),
            migrations: take(&mut self.migrations, most),
            forgetful: self.forgetful,
        }
    }

    /// What to try where there is no room for all of it, the last first; or the batch itself if it
    /// is as small as it gets. On a full disk every write needs room, in the write-ahead log. Where
    /// only the database may not grow, what drops rows needs none, what changes rows rarely does, and
    /// claims of new keys do.
    pub(super) fn smaller(mut self) -> Result<Vec<Self>, Box<Self>> {
        let (completions, migrations) =
            (mem::take(&mut self.completions), mem::take(&mut self.migrations));
        let (attempts, parks) = (mem::take(&mut self.attempts), mem::take(&mut self.parks));
        let (releases, forgetful) = (mem::take(&mut self.releases), self.forgetful);
        let mut kinds = vec![
            Self { claims: mem::take(&mut self.claims), ..Self::default() },
            Self { attempts, ..Self::default() },
            Self { parks, ..Self::default() },
            Self { completions, migrations, ..Self::default() },
            Self { forgets: mem::take(&mut self.forgets), ..Self::default() },
            Self { releases, forgetful, ..Self::default() },
            Self { purges: mem::take(&mut self.purges), ..Self::default() },
        ];
        kinds.retain(|kind| !kind.is_empty());
        if kinds.len() > 1 {
            return Ok(kinds);
        }
        let mut kind = kinds.pop().unwrap_or_default();
        if !kind.releases.is_empty() && !kind.forgetful {
            kind.forgetful = true;
            return Ok(vec![kind]);
        }
        let largest =
            [kind.claims.len(), kind.completions.len(), kind.attempts.len(), kind.parks.len()];
        match largest.into_iter().max().unwrap_or(0) {
            0 | 1 => Err(Box::new(kind)),
            most => {
                let half = kind.take(most.div_ceil(2));
                Ok(vec![kind, half])
            }
        }
    }

    /// Forgets claims that nobody waits for any more. Settling is wanted all the same.
    pub(super) fn forget_cancelled_claims(&mut self) {
        self.claims.retain(|call| !call.is_cancelled());
    }

    /// Runs everything in the transaction that the connection is in.
    pub(super) async fn run(
        &self,
        connection: &mut SqliteConnection,
        statements: &Statements,
    ) -> Result<Answers, sqlx::Error> {
        if !self.migrations.is_empty() {
            version::bring_forward(connection, statements).await?;
        }
        // Settled first, a key is answered as handled, or free, rather than in flight; and a claim
        // that was overtaken by its own release finds that out.
        let asked = asks(&self.completions);
        let completions = settle(connection, &statements.complete, &asked).await?;
        let asked = asks(&self.releases);
        let releases = settle(connection, &statements.release, &asked).await?;
        if !self.forgetful {
            fetch(connection, &statements.remember, &asked).await?;
        }
        let mut forgets = Vec::with_capacity(self.forgets.len());
        for call in &self.forgets {
            forgets.push(forget(connection, statements, call.ask).await?);
        }
        let claims = claim(connection, statements, &asks(&self.claims)).await?;
        let beside = self.attempts.len() + self.uncounts.len() + self.parks.len();
        let counts = beside > 0 && attempts::is_there(connection, statements).await?;
        let (mut counted, mut parks) =
            (vec![None; self.attempts.len()], vec![None; self.parks.len()]);
        if counts {
            for (call, parked) in self.parks.iter().zip(&mut parks) {
                *parked = Some(attempts::park(connection, statements, &call.ask).await?);
            }
            for call in &self.uncounts {
                attempts::uncount(connection, statements, &call.ask).await?;
            }
            for (call, counted) in self.attempts.iter().zip(&mut counted) {
                *counted = Some(attempts::count(connection, statements, &call.ask).await?);
            }
        }
        let mut purges = Vec::with_capacity(self.purges.len());
        for call in &self.purges {
            purges.push(purge(connection, statements, call.ask).await?);
        }
        let migrations = vec![(); self.migrations.len()];
        let (attempts, uncounts) = (counted, vec![(); self.uncounts.len()]);
        Ok(Answers {
            claims,
            completions,
            releases,
            forgets,
            attempts,
            uncounts,
            parks,
            purges,
            migrations,
        })
    }

    /// Gives every call its answer, or what failed.
    pub(super) fn answer(self, answers: Result<Answers, Failure>) {
        match answers {
            Ok(answers) => {
                tell(self.claims, answers.claims);
                tell(self.completions, answers.completions);
                tell(self.releases, answers.releases);
                tell(self.forgets, answers.forgets);
                tell(self.attempts, answers.attempts);
                tell(self.uncounts, answers.uncounts);
                tell(self.parks, answers.parks);
                tell(self.purges, answers.purges);
                tell(self.migrations, answers.migrations);
            }
            Err(failure) => {
                fail(self.claims, &failure);
                fail(self.completions, &failure);
                fail(self.releases, &failure);
                fail(self.forgets, &failure);
                fail(self.attempts, &failure);
                fail(self.uncounts, &failure);
                fail(self.parks, &failure);
                fail(self.purges, &failure);
                fail(self.migrations, &failure);
            }
        }
    }
}

async fn claim(
    connection: &mut SqliteConnection,
    statements: &Statements,
    asks: &[Ask],
) -> Result<Vec<Claimed>, sqlx::Error> {
    let fresh = pairs(connection, &statements.claim, asks).await?;
    let lost: Vec<Ask> = asks.iter().filter(|ask| !fresh.contains(&pair(ask))).copied().collect();
    let mut known = HashMap::new();
    for row in fetch(connection, &statements.look, &lost).await? {
        let (key, done, left): (&[u8], bool, i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let retry_after = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        known.insert(
            key.to_vec(),
            if done { Claimed::Done } else { Claimed::InFlight { retry_after } },
        );
    }
    let answer = |ask: &Ask| match known.get(ask.key.as_bytes().as_slice()) {
        _ if fresh.contains(&pair(ask)) => Claimed::Fresh,
        Some(known) => *known,
        // The key is free, and not for this token: it was released.
        None => Claimed::InFlight { retry_after: Duration::ZERO },
    };
    Ok(asks.iter().map(answer).collect())
}

/// Forgets that an event is handled.
async fn forget(
    connection: &mut SqliteConnection,
    statements: &Statements,
    key: EventKey,
) -> Result<Forgotten, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.forget)));
    let query = query.bind(key.as_bytes().as_slice()).bind(millis(RELEASED_FOR));
    if query.fetch_optional(&mut *connection).await?.is_some() {
        if attempts::is_there(connection, statements).await? {
            attempts::forget(connection, statements, key).await?;
        }
        return Ok(Forgotten::Forgotten);
    }
    Ok(match look::state(connection, statements, key).await? {
        EventState::InFlight { left } => Forgotten::InFlight { retry_after: left },
        _ => Forgotten::NotHandled,
    })
}

/// Drops what has run out: from the store's own table first, and with what is left of the limit from
/// those beside it, as far as they are there.
async fn purge(
    connection: &mut SqliteConnection,
    statements: &Statements,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let drop_some = async |connection: &mut SqliteConnection, purge: &Arc<str>, limit: u64| {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query(AssertSqlSafe(Arc::clone(purge))).bind(limit);
        query.execute(connection).await.map(|done| done.rows_affected())
    };
    let limit = u64::from(limit);
    let mut dropped = drop_some(connection, &statements.purge, limit).await?;
    if dropped < limit {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&statements.beside)));
        let row = query.fetch_one(&mut *connection).await?;
        for (number, purge) in statements.purge_beside.iter().enumerate() {
            if row.try_get(number)? && dropped < limit {
                dropped += drop_some(connection, purge, limit.saturating_sub(dropped)).await?;
            }
        }
    }
    Ok(dropped)
}

/// Completes or releases.
async fn settle(
    connection: &mut SqliteConnection,
    statement: &Arc<str>,
    asks: &[Ask],
) -> Result<Vec<Settled>, sqlx::Error> {
    let settled = among(connection, statement, asks).await?.into_iter();
    Ok(settled.map(|settled| if settled { Settled::Settled } else { Settled::Lost }).collect())
}

/// Which of these the statement gives back.
pub(super) async fn among(
    connection: &mut SqliteConnection,
    statement: &Arc<str>,
    asks: &[Ask],
) -> Result<Vec<bool>, sqlx::Error> {
    let found = pairs(connection, statement, asks).await?;
    Ok(asks.iter().map(|ask| found.contains(&pair(ask))).collect())
}

/// A key and its owner, as the database gives them back.
type Pair = ([u8; 16], [u8; 16]);

fn pair(ask: &Ask) -> Pair {
    (*ask.key.as_bytes(), *ask.owner.as_bytes())
}

async fn pairs(
    connection: &mut SqliteConnection,
    statement: &Arc<str>,
    asks: &[Ask],
) -> Result<HashSet<Pair>, sqlx::Error> {
    let rows = fetch(connection, statement, asks).await?;
    rows.iter().map(|row| Ok((bytes(row, 0)?, bytes(row, 1)?))).collect()
}

fn bytes(row: &SqliteRow, column: usize) -> Result<[u8; 16], sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Asks nothing of the database if there is nothing to ask.
async fn fetch(
    connection: &mut SqliteConnection,
    statement: &Arc<str>,
    asks: &[Ask],
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    if asks.is_empty() {
        return Ok(Vec::new());
    }
    let query = sqlx::query(AssertSqlSafe(Arc::clone(statement)));
    query.bind(json(asks)).fetch_all(connection).await
}

fn json(asks: &[Ask]) -> String {
    let mut json = String::with_capacity(asks.len().saturating_mul(96));
    for Ask { key, owner, millis } in asks {
        json.push(if json.is_empty() { '[' } else { ',' });
        // Writing to a string cannot fail.
        let _ = write!(json, "[\"{key}\",\"{owner}\",{millis}]");
    }
    json.push(']');
    json
}

fn asks<A>(calls: &[Call<Ask, A>]) -> Vec<Ask> {
    calls.iter().map(|call| call.ask).collect()
}
