//! The errors of a database, as the store contract's errors.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use countersign::{StoreError, StoreErrorKind};

/// What went wrong. Every call that waits for the same commit gets a copy.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: StoreErrorKind,
    /// What to do about it, where that is known.
    hint: Option<Cow<'static, str>>,
    source: Option<Arc<sqlx::Error>>,
}

impl Failure {
    /// Something that the database did not say itself.
    pub(crate) fn other(hint: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: StoreErrorKind::Unavailable, hint: Some(hint.into()), source: None }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn is_full(&self) -> bool {
        self.kind == StoreErrorKind::Full
    }

    /// What PostgreSQL said.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres(error: sqlx::Error) -> Self {
        let (kind, hint) = match code(&error).as_deref() {
            Some("53100") => (StoreErrorKind::Full, None),
            Some("42P01" | "3F000") => (StoreErrorKind::Unavailable, Some(NO_TABLE)),
            Some("26000" | "42P05" | "08P01") => (StoreErrorKind::Unavailable, Some(PREPARED)),
            Some("25006") => (StoreErrorKind::Unavailable, Some("is this a read-only standby?")),
            _ => (StoreErrorKind::Unavailable, None),
        };
        Self { kind, hint: hint.map(Cow::Borrowed), source: Some(Arc::new(error)) }
    }

    /// PostgreSQL has no such table.
    #[cfg(feature = "postgres")]
    pub(crate) fn no_table(table: &str) -> Self {
        Self::other(format!("there is no table {table}: {NO_TABLE}"))
    }

    /// What PostgreSQL said to counting attempts, and to what is parked.
    #[cfg(feature = "postgres")]
    pub(crate) fn attempts(error: sqlx::Error) -> Self {
        let hint = match code(&error).as_deref() {
            Some("42P01") => Some(Cow::Borrowed(NO_ATTEMPTS)),
            Some("42501") => Some(Cow::Borrowed(NO_RIGHT_TO_ATTEMPTS)),
            _ => None,
        };
        let failure = Self::postgres(error);
        Self { hint: hint.or(failure.hint), ..failure }
    }

    /// What PostgreSQL said in a transaction of the user's.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres_in(error: sqlx::Error) -> Self {
        let hint = match code(&error).as_deref() {
            Some("40001" | "40P01") => Some(Cow::Borrowed(RUN_AGAIN)),
            Some("42P01" | "3F000") => Some(Cow::Borrowed(ELSEWHERE)),
            _ => None,
        };
        let failure = Self::postgres(error);
        Self { hint: hint.or(failure.hint), ..failure }
    }

    /// What PostgreSQL said to a watermark in a transaction of the user's.
    #[cfg(feature = "postgres")]
    pub(crate) fn watermark_in(error: sqlx::Error) -> Self {
        let hint = match code(&error).as_deref() {
            Some("40001" | "40P01" | "55P03") => Some(Cow::Borrowed(ORDER_AGAIN)),
            Some("42P01" | "3F000") => Some(Cow::Borrowed(NO_WATERMARKS)),
            Some("42501") => Some(Cow::Borrowed(NO_RIGHT)),
            _ => None,
        };
        let failure = Self::postgres_in(error);
        Self { hint: hint.or(failure.hint), ..failure }
    }

    /// The database file is not the one that was opened.
    #[cfg(feature = "sqlite")]
    pub(crate) fn moved(path: &std::path::Path) -> Self {
        Self::other(format!(
            "the database file {} was moved, deleted or replaced while it was open, so other \
             processes would not see what is written: restart this process",
            path.display()
        ))
    }

    /// What SQLite said to a watermark.
    #[cfg(feature = "sqlite")]
    pub(crate) fn watermark(error: sqlx::Error) -> Self {
        let failure = Self::sqlite(error);
        match failure.hint.as_deref() {
            Some(NO_TABLE) => Self { hint: Some(Cow::Borrowed(NO_WATERMARKS)), ..failure },
            _ => failure,
        }
    }

    /// What SQLite said.
    #[cfg(feature = "sqlite")]
    pub(crate) fn sqlite(error: sqlx::Error) -> Self {
        let code = code(&error).and_then(|code| code.parse::<i32>().ok());
        let (kind, hint) = match code.map(|code| (code, code & 0xff)) {
            // The second is what it says where the log's index cannot grow.
            Some((_, 13) | (4874, _)) => (StoreErrorKind::Full, None),
            Some((517, _)) => (StoreErrorKind::Unavailable, Some(STALE_SNAPSHOT)),
            Some((_, 5)) => (StoreErrorKind::Unavailable, Some(LOCKED)),
            Some((_, 1)) if error.to_string().contains("no such table") => {
                (StoreErrorKind::Unavailable, Some(NO_TABLE))
            }
            _ => (StoreErrorKind::Unavailable, None),
        };
        Self { kind, hint: hint.map(Cow::Borrowed), source: Some(Arc::new(error)) }
    }
}

pub(crate) const NO_TRANSACTION: &str = "the connection is not in a transaction that sqlx began, so the mark and what the handler \
     writes would not commit together";
pub(crate) const NO_ATTEMPTS: &str = "there is no table to count attempts and park events in: bring the store's tables to this version \
     with `migrate()`, `schema_sql()` or `countersign store STORE migrate`";
const NO_TABLE: &str = "create the table with `migrate()`, from `schema_sql()`, or with `countersign store \
                        STORE migrate`";
#[cfg(feature = "postgres")]
const RUN_AGAIN: &str = "the claim was renewed or changed after this transaction began; roll it \
                         back and run it again from its beginning";
const NO_WATERMARKS: &str = "the order of events needs the tables of schema version 3: run \
                             `migrate()`, or `countersign store STORE migrate`; or is the \
                             transaction in another database than the store?";
#[cfg(feature = "postgres")]
const NO_RIGHT: &str = "the role needs the right to select, insert and update in the table of \
                        watermarks, as in the store's own";
#[cfg(feature = "postgres")]
const NO_RIGHT_TO_ATTEMPTS: &str = "the role needs the right to select, insert, update and delete in \
                                    the table of attempts, as in the store's own";
#[cfg(feature = "postgres")]
const ORDER_AGAIN: &str = "another transaction has changed the entity's watermark, or holds what \
                           this one waited for; roll it back and run it again from its beginning";
#[cfg(feature = "postgres")]
const ELSEWHERE: &str = "is the transaction in the store's database?";
#[cfg(feature = "postgres")]
const PREPARED: &str = "behind a pooler that does not keep prepared statements apart, set \
                        `prepared_statements(false)`";
#[cfg(feature = "sqlite")]
const LOCKED: &str = "another connection held the write lock for longer than `busy_timeout`";
#[cfg(feature = "sqlite")]
const STALE_SNAPSHOT: &str = "another connection wrote since this transaction first read; begin \
                              transactions that write with `BEGIN IMMEDIATE`";

/// SQLSTATE, or SQLite's extended result code.
pub(crate) fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hint.as_deref().unwrap_or("the database failed"))
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure { kind, hint: None, source: Some(error) } => Self::new(kind, error),
            failure => Self::new(failure.kind, failure),
        }
    }
}
