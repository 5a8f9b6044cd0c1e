//! `--inspect-file`: the history in an SQLite file, so that it is still there after a restart.
//!
//! A task of its own reads the history like any other reader, and writes what changed. No delivery waits
//! for it. What the history forgets before the task comes to it is not in the file, and the log says how
//! many these are.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign::ErrorChain;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::redact::Redaction;
use super::{Changes, History, is_over, kept};
use crate::signals::Stop;

/// So many deliveries are written in one transaction.
const BATCH: usize = 64;

/// How long to wait after an error, and with the last rows at the end.
const AFTER_ERROR: Duration = Duration::from_secs(2);
const AT_THE_END: Duration = Duration::from_secs(2);

/// Marks the file as one of these: `cnts`, and the form of its table.
const APPLICATION: i32 = 0x636e_7473;
const VERSION: i32 = 1;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY, \
                     record TEXT NOT NULL, body BLOB NOT NULL, answer BLOB NOT NULL)";

/// The file, open.
#[derive(Debug)]
pub(in super::super) struct File {
    path: PathBuf,
    connection: SqliteConnection,
    identity: Option<Identity>,
}

/// Which file it is, whatever its name.
type Identity = (u64, u64);

/// The task that writes.
#[derive(Debug)]
pub(in super::super) struct Writer(JoinHandle<()>);

impl File {
    /// Opens the file, and makes it where there is none. An error is a sentence.
    pub(in super::super) async fn open(path: &Path) -> Result<Self, String> {
        Self::connect(path).await.map_err(|error| {
            let why = match error {
                Problem::Io(error) => error.to_string(),
                Problem::Sql(error) if is_busy(&error) => "another program has it open".to_owned(),
                Problem::Sql(error) => ErrorChain::of(&error).to_string(),
                Problem::Foreign => "it is a database of another program".to_owned(),
            };
            format!("--inspect-file: cannot use {}: {why}", path.display())
        })
    }

    async fn connect(path: &Path) -> Result<Self, Problem> {
        make(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(Duration::from_secs(1))
            // Only this program writes: a second one would use the same numbers.
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Truncate)
            .disable_statement_logging();
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let application: i32 =
            sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut connection).await?;
        let version: i32 =
            sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await?;
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master")
            .fetch_one(&mut connection)
            .await?;
        match (application, version, tables) {
            (APPLICATION, VERSION, _) => {}
            (0, 0, 0) => {
                sqlx::query(TABLE).execute(&mut connection).await?;
                sqlx::query("PRAGMA application_id = 1668183155").execute(&mut connection).await?;
                sqlx::query("PRAGMA user_version = 1").execute(&mut connection).await?;
            }
            _ => return Err(Problem::Foreign),
        }
        Ok(Self { path: path.to_owned(), connection, identity: identity(path).ok() })
    }

    /// Fills the history with what is in the file. Gives the highest number.
    pub(in super::super) async fn restore(&mut self, history: &History) -> Result<u64, String> {
        let cannot = |error: sqlx::Error| {
            let why = ErrorChain::of(&error).to_string();
            format!("--inspect-file: cannot read {}: {why}", self.path.display())
        };
        let mut last = 0;
        let mut before = i64::MAX;
        let mut records = Vec::new();
        let mut bytes = 0;
        let keep = history.keep();
        // From the newest on, one by one, so that a file that is larger than allowed does not matter.
        while records.len() < keep.deliveries && bytes <= keep.bytes {
            let found = sqlx::query(
                "SELECT number, record, body, answer FROM deliveries WHERE number < ? \
                 ORDER BY number DESC LIMIT 1",
            )
            .bind(before)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(cannot)?;
            let Some(row) = found else { break };
            let number: i64 = row.try_get(0).map_err(cannot)?;
            before = number;
            let Ok(number) = u64::try_from(number) else { break };
            last = last.max(number);
            let (text, body, answer) =
                (row.try_get(1), row.try_get::<Vec<u8>, _>(2), row.try_get::<Vec<u8>, _>(3));
            let (Ok(text), Ok(body), Ok(answer)) = (text, body, answer) else { continue };
            let text: String = text;
            bytes += text.len() + body.len() + answer.len();
            records.extend(kept::record(number, &text, body, answer));
        }
        records.into_iter().rev().for_each(|record| history.restore(record));
        Ok(last)
    }

    /// Writes in a task of its own until `stop`, and then what is left.
    pub(in super::super) fn write(
        self,
        history: Arc<History>,
        redaction: Redaction,
        stop: Stop,
    ) -> Writer {
        // What is restored is there already.
        let cursor = history.sequence();
        history.is_written(cursor);
        Writer(tokio::spawn(write(self, history, redaction, cursor, stop)))
    }

    /// Writes the next changes, all or none of them. Gives the sequence number up to which the file has
    /// everything.
    async fn write_next(
        &mut self,
        history: &History,
        redaction: &Redaction,
        cursor: u64,
    ) -> Result<u64, Problem> {
        let mut cursor = cursor;
        if self.identity.is_none() || identity(&self.path).ok() != self.identity {
            let path = self.path.clone();
            tracing::warn!(path = %path.display(), "the inspector's file is gone: it is made again");
            *self = Self::connect(&path).await?;
            cursor = 0;
        }
        let Changes { cleared, entries, oldest, upto } = history.after(cursor, BATCH);
        let mut transaction = self.connection.begin().await?;
        if cleared.is_some() {
            sqlx::query("DELETE FROM deliveries").execute(&mut *transaction).await?;
        }
        for entry in &entries {
            let Some((text, body, answer)) = kept::row(&entry.record, redaction) else { continue };
            let number = i64::try_from(entry.record.number).unwrap_or(i64::MAX);
            sqlx::query(
                "INSERT OR REPLACE INTO deliveries (number, record, body, answer) \
                 VALUES (?, ?, ?, ?)",
            )
            .bind(number)
            .bind(text)
            .bind(&*body)
            .bind(&*answer)
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query("DELETE FROM deliveries WHERE number < ?")
            .bind(i64::try_from(oldest).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(upto)
    }
}

impl Writer {
    /// Waits until what is left is written, but not long.
    pub(in super::super) async fn finish(self) {
        let _ = timeout(AT_THE_END + Duration::from_secs(1), self.0).await;
    }
}

async fn write(
    mut file: File,
    history: Arc<History>,
    redaction: Redaction,
    mut cursor: u64,
    stop: Stop,
) {
    let mut changed = history.changed();
    let mut failing = false;
    let mut stopping = false;
    loop {
        match file.write_next(&history, &redaction, cursor).await {
            Ok(upto) => {
                cursor = upto;
                let missing = history.is_written(cursor);
                if missing > 0 {
                    tracing::warn!(
                        missing,
                        "the inspector's file did not follow: so many deliveries are not in it"
                    );
                }
                if failing {
                    tracing::info!("the inspector's file can be written again");
                    failing = false;
                }
            }
            Err(error) => {
                if !failing {
                    tracing::error!(
                        error = %ErrorChain::of(&error),
                        "cannot write the inspector's file; deliveries go on"
                    );
                    failing = true;
                }
                if stopping {
                    return;
                }
                tokio::select! {
                    () = sleep(AFTER_ERROR) => {}
                    () = stop.clone().stopped() => stopping = true,
                }
                continue;
            }
        }
        if *changed.borrow_and_update() > cursor {
            continue;
        }
        if stopping {
            return;
        }
        tokio::select! {
            _ = changed.changed() => {}
            () = stop.clone().stopped() => {
                // What is being handled comes to its end after this, or is cut off.
                stopping = true;
                let quiet = async {
                    while history.before(None).iter().any(|entry| !is_over(&entry.record)) {
                        sleep(Duration::from_millis(50)).await;
                    }
                };
                let _ = timeout(AT_THE_END, quiet).await;
            }
        }
    }
}

/// Makes an empty file that only its owner can read.
fn make(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<Identity> {
    std::fs::metadata(path).map(|_| (0, 0))
}

fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message().contains("locked"))
}

/// Why the file cannot be used.
#[derive(Debug)]
enum Problem {
    Io(io::Error),
    Sql(sqlx::Error),
    Foreign,
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Io(_) => "the file cannot be made",
            Self::Sql(_) => "SQLite",
            Self::Foreign => "it is a database of another program",
        })
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Sql(error) => Some(error),
            Self::Foreign => None,
        }
    }
}
