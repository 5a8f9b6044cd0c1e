//! P4 and P5 for a store in SQLite after a power loss: what the disk was not made to keep is gone, or
//! partly there.
//!
//! A process works on a store while a preloaded library writes down what it does to the files. From that
//! follows what is on the disk at any moment, so one run is as good as many power losses. Not part of it:
//! a disk that breaks its promises (that a sync has reached it, that a sector is written whole), and a
//! folder that forgets a file.

mod disk;

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign::{ClaimToken, Claimed, EventKey, Settled, Store};
use countersign_sqlx::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Row};

use self::disk::{Change, DATABASE, Disk, LOG, Record, Unsynced};
use crate::database::unique;
use crate::{Dice, size};

/// In the process that works: where the database is.
const FILE: &str = "DISK_FILE";
const JOURNAL: &str = "DISK_JOURNAL";

const HOUR: Duration = Duration::from_secs(3_600);
const TASKS: usize = 24;

/// What the process says of an event, before a call or after its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Held,
    Completing,
    Completed,
    Releasing,
    Released,
}

const ALL: [Said; 5] =
    [Said::Held, Said::Completing, Said::Completed, Said::Releasing, Said::Released];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_power_loss() {
    if let Some(file) = std::env::var_os(FILE) {
        return work(Path::new(&file)).await;
    }
    let folder = Folder::new();
    let journal = folder.journal("what_was_answered_survives_a_power_loss");
    let records = disk::records(&journal);
    let count = |is: fn(&Record<'_>) -> bool| records.iter().filter(|record| is(record)).count();
    let first = records.iter().position(|record| matches!(record, Record::Said(_))).unwrap();
    let restarts = count(|record| matches!(record, Record::Change(LOG, Change::Write(0, _)))) - 1;
    let checkpoints = count(|record| matches!(record, Record::SyncEnds(DATABASE)));
    assert!(restarts > 0, "the log never began anew: there is less to lose than in real life");
    let mut dice = Dice::new(1);
    let losses = size(60, 2_000);
    let mut cuts: Vec<_> = (0..losses)
        .map(|number| {
            let cut = first + dice.below((records.len() - first) as u64) as usize;
            // Every second one right after an answer.
            let ahead = records[cut..].iter().position(|record| matches!(record, Record::Said(_)));
            cut + if number % 2 == 0 { ahead.map_or(0, |ahead| ahead + 1) } else { 0 }
        })
        .collect();
    cuts.sort_unstable();
    let (mut disk, mut events, mut done) = (Disk::default(), HashMap::new(), 0);
    for cut in cuts {
        for record in &records[done..cut] {
            disk.apply(record);
            if let Record::Said(said) = record {
                let (said, key) = said.split_first().unwrap();
                events.insert(<[u8; 16]>::try_from(key).unwrap(), ALL[usize::from(*said)]);
            }
        }
        done = cut;
        let ends = [
            ("lost", Unsynced::Lost),
            ("torn", Unsynced::Some(&mut dice)),
            // Only the process dies.
            ("kept", Unsynced::Kept),
        ];
        for (what, unsynced) in ends {
            let at = format!("record {cut} of {}, what was not synced is {what}", records.len());
            let left = folder.lost();
            disk.after_power_loss(&left, unsynced);
            check(&left, &events, &at).await;
            // The store closes it in its own time.
            let _ = std::fs::remove_dir_all(left.parent().unwrap());
        }
    }
    println!(
        "{losses} power losses in {} records, {checkpoints} checkpoints, {restarts} restarts of the \
         log, {} events",
        records.len(),
        events.len()
    );
}

/// The library sees all that SQLite does.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_power_loss_the_files_are_as_written_down() {
    if let Some(file) = std::env::var_os(FILE) {
        return work(Path::new(&file)).await;
    }
    let folder = Folder::new();
    let journal = folder.journal("without_a_power_loss_the_files_are_as_written_down");
    let mut disk = Disk::default();
    disk::records(&journal).iter().for_each(|record| disk.apply(record));
    let lost = folder.lost();
    disk.after_power_loss(&lost, Unsynced::Kept);
    for suffix in ["", "-wal"] {
        let read = |path: &Path| std::fs::read(format!("{}{suffix}", path.display())).unwrap();
        assert!(read(&folder.file()) == read(&lost), "webhooks.db{suffix}");
    }
}

/// And with a setting that does not wait for the disk, this way of testing finds what is lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_wait_for_the_disk_is_lost() {
    if let Some(file) = std::env::var_os(FILE) {
        let options = options(Path::new(&file)).synchronous(SqliteSynchronous::Normal);
        let mut connection = options.connect().await.unwrap();
        for sql in ["CREATE TABLE t (n)", "INSERT INTO t VALUES (1)"] {
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
        std::process::exit(0);
    }
    let folder = Folder::new();
    let journal = folder.journal("what_does_not_wait_for_the_disk_is_lost");
    let mut disk = Disk::default();
    disk::records(&journal).iter().for_each(|record| disk.apply(record));
    for (unsynced, is_there) in [(Unsynced::Kept, true), (Unsynced::Lost, false)] {
        let lost = folder.lost();
        disk.after_power_loss(&lost, unsynced);
        let mut connection = options(&lost).connect().await.unwrap();
        let row = sqlx::query("SELECT n FROM t").fetch_optional(&mut connection).await;
        assert_eq!(row.is_ok_and(|row| row.is_some()), is_there);
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    options.journal_mode(SqliteJournalMode::Wal)
}

/// A folder for the database, the journal and what a power loss leaves of it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(unique("countersign-power"));
        std::fs::create_dir_all(&folder).unwrap();
        // As SQLite names it.
        Self(folder.canonicalize().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.join("webhooks.db")
    }

    /// Where nothing has been.
    fn lost(&self) -> PathBuf {
        let folder = self.0.join(unique("lost"));
        std::fs::create_dir(&folder).unwrap();
        folder.join("webhooks.db")
    }

    /// Runs this test once more, in a process that is watched, and gives what was written down.
    fn journal(&self, test: &str) -> Vec<u8> {
        let (library, journal) = (self.0.join("journal.so"), self.0.join("journal"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/force/power/journal.c");
        // What links Rust.
        let mut cc = Command::new("cc");
        let made = cc.args(["-shared", "-fPIC", source, "-o"]).arg(&library).status().unwrap();
        assert!(made.success(), "`cc` cannot make a library");
        let output = Command::new(std::env::current_exe().unwrap())
            .args([&format!("power::{test}"), "--exact", "--nocapture"])
            .env(FILE, self.file())
            .env(JOURNAL, &journal)
            .env("LD_PRELOAD", &library)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(journal).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The other process: claims and settles, and says so in the journal.
async fn work(file: &Path) {
    let journal = File::options().append(true).create(true).open(std::env::var(JOURNAL).unwrap());
    let journal = Arc::new(journal.unwrap());
    let say = move |said: Said, key: EventKey| {
        let mut line = vec![said as u8];
        line.extend_from_slice(key.as_bytes());
        (&*journal).write_all(&disk::said(&line)).unwrap();
    };
    let store = SqliteStore::open(file).await.unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (store, say) = (store.clone(), say.clone());
            tokio::spawn(async move {
                for number in 0..200 {
                    let token = ClaimToken::random().unwrap();
                    let key = EventKey::from_bytes(*ClaimToken::random().unwrap().as_bytes());
                    assert_eq!(store.claim(key, token, HOUR).await.unwrap(), Claimed::Fresh);
                    say(Said::Held, key);
                    let (settling, settled) = match number % 5 {
                        0 => continue,
                        1 => (Said::Releasing, Said::Released),
                        _ => (Said::Completing, Said::Completed),
                    };
                    say(settling, key);
                    let answer = match settling {
                        Said::Releasing => store.release(key, token).await,
                        _ => store.complete(key, token, HOUR).await,
                    };
                    assert_eq!(answer.unwrap(), Settled::Settled);
                    say(settled, key);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // With the file open, as a kill would leave it.
    std::process::exit(0);
}

/// Opens what is left, and holds it against what was answered.
async fn check(file: &Path, events: &HashMap<[u8; 16], Said>, at: &str) {
    let store = SqliteStore::open(file).await.unwrap_or_else(|error| panic!("{at}: {error:?}"));
    let mut connection = options(file).connect().await.unwrap();
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{at}: {error}"));
    assert_eq!(sound, "ok", "{at}");
    let rows = rows(&mut connection).await;
    for (key, said) in events {
        let is_done = rows.get(key.as_slice()).copied();
        let is_right = match said {
            Said::Held => is_done == Some(false),
            Said::Completing => is_done.is_some(),
            Said::Completed => is_done == Some(true),
            Said::Releasing => is_done != Some(true),
            Said::Released => is_done.is_none(),
        };
        assert!(is_right, "{at}: {said:?} was said, and the row's `done` is {is_done:?}");
    }
    // What is remembered of a release lies behind its event's key.
    let remembered: Vec<&[u8]> =
        rows.keys().filter(|key| key.len() == 32).map(|key| &key[..16]).collect();
    let remembered: std::collections::HashSet<_> = remembered.into_iter().collect();
    for (key, _) in events.iter().filter(|(_, said)| **said == Said::Released) {
        assert!(remembered.contains(key.as_slice()), "{at}: a released token could claim again");
    }
    // And the store works on.
    let token = ClaimToken::random().unwrap();
    for (key, said) in events.iter().take(20) {
        let claimed = store.claim(EventKey::from_bytes(*key), token, HOUR).await.unwrap();
        match said {
            Said::Held => assert!(matches!(claimed, Claimed::InFlight { .. }), "{at}: {claimed:?}"),
            Said::Completed => assert_eq!(claimed, Claimed::Done, "{at}"),
            Said::Released => assert_eq!(claimed, Claimed::Fresh, "{at}"),
            Said::Completing | Said::Releasing => {}
        }
    }
}

async fn rows(connection: &mut SqliteConnection) -> HashMap<Vec<u8>, bool> {
    let rows = sqlx::query("SELECT key, done FROM countersign").fetch_all(connection).await;
    rows.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}
