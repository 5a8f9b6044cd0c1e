//! SQLite: a disk without room, and one that fails. The store says so, and is whole again as soon
//! as the disk is.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use countersign::{Claimed, Settled, Store, StoreErrorKind};
use countersign_sqlx::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlitePool};

use super::{DAY, Folder, LEASE, failure, key, look, token};

/// A folder on a disk of its own, of one megabyte.
struct Tiny(Folder);

impl Tiny {
    fn new() -> Self {
        let tiny = Self(Folder::new());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(tiny.path());
        assert!(
            mount.status().is_ok_and(|status| status.success()),
            "this test needs a disk that it can fill: run it as root, where mounting is permitted"
        );
        tiny
    }

    fn path(&self) -> PathBuf {
        self.0.file().parent().unwrap().to_owned()
    }

    /// Takes all room that is left.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.path().join("ballast")).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        // Lazily: the store's thread may still be closing its file.
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) && !std::thread::panicking() {
            panic!("{} stays mounted", self.path().display());
        }
    }
}

/// Claims new keys until one is refused.
async fn claim_until_full(store: &SqliteStore) -> (StoreErrorKind, String) {
    for number in 1_000..3_000 {
        if let Err(error) = store.claim(key(number), token(), LEASE).await {
            return failure::<()>(Err(error));
        }
    }
    panic!("there is no end to the room");
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_store_recovers() {
    let tiny = Tiny::new();
    let store = SqliteStore::open(tiny.0.file()).await.unwrap();
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    for _ in 0..2 {
        tiny.fill();
        let (kind, text) = claim_until_full(&store).await;
        assert_eq!(kind, StoreErrorKind::Full, "{text}");
        for number in 1..4 {
            let claim = store.claim(key(5_000 + number), token(), LEASE).await;
            assert_eq!(failure(claim).0, StoreErrorKind::Full);
        }
        tiny.make_room();
        assert_eq!(look(&store, key(6_000)).await, Claimed::Fresh);
        assert_eq!(store.release(key(6_000), token()).await.unwrap(), Settled::Lost);
        assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
        let expire = store.complete(key(6_001), token(), DAY);
        assert_eq!(expire.await.unwrap(), Settled::Lost);
        assert_eq!(store.release(key(6_001), token()).await.unwrap(), Settled::Lost);
        sweep(&tiny).await;
    }
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Settled);
}

/// The log and its index cannot even be made.
#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_said_as_well() {
    let tiny = Tiny::new();
    SqliteStore::open(tiny.0.file()).await.unwrap();
    until_closed(&tiny).await;
    tiny.fill();
    let store = SqliteStore::new(tiny.0.pool(2));
    for _ in 0..2 {
        let (kind, text) = failure(store.claim(key(1), token(), LEASE).await);
        assert_eq!(kind, StoreErrorKind::Full, "{text}");
    }
    tiny.make_room();
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
}

async fn until_closed(tiny: &Tiny) {
    for _ in 0..1_000 {
        if !tiny.0.file().with_extension("db-wal").exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the file is still open");
}

/// Forgets what is not key 1, so that the next round finds room.
async fn sweep(tiny: &Tiny) {
    let pool = tiny.0.pool(1);
    let forget = "DELETE FROM countersign WHERE key <> ?1";
    sqlx::query(forget).bind(key(1).as_bytes().to_vec()).execute(&pool).await.unwrap();
    pool.close().await;
}

/// What is written into the log moves into the database, and the log begins anew.
#[tokio::test]
async fn on_a_full_disk_settling_goes_on_where_no_new_room_is_needed() {
    let tiny = Tiny::new();
    let store = SqliteStore::open(tiny.0.file()).await.unwrap();
    let mine = token();
    for number in 0..100 {
        assert_eq!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
    }
    let pool = tiny.0.pool(1);
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&pool).await.unwrap();
    tiny.fill();
    // Much more than the log has room for.
    for round in 0..8 {
        for number in 0..50 {
            let renewed = store.claim(key(number), mine, LEASE).await;
            assert_eq!(renewed.unwrap(), Claimed::Fresh, "{round}, {number}");
        }
    }
    for number in 0..50 {
        let completed = store.complete(key(number), mine, DAY).await.unwrap();
        assert_eq!(completed, Settled::Settled);
        let released = store.release(key(number + 50), mine).await.unwrap();
        assert_eq!(released, Settled::Settled);
    }
}

/// A transaction that runs out of room, left by its handler with `?`.
async fn overflow(store: &SqliteStore, pool: &SqlitePool) {
    let mut tx = store.begin(pool).await.unwrap();
    let big = "INSERT INTO effects VALUES (randomblob(3000000))";
    let error = sqlx::query(big).execute(&mut *tx).await.unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
}

#[tokio::test]
async fn a_pool_of_the_users_recovers_with_the_store() {
    let tiny = Tiny::new();
    let pool = tiny.0.pool(2);
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.unwrap();
    sqlx::query("CREATE TABLE effects (event ANY)").execute(&pool).await.unwrap();
    for _ in 0..6 {
        overflow(&store, &pool).await;
        let _ = look(&store, key(1)).await;
    }
    // sqlx begins on neither of its connections any more, the store does.
    for number in 2..6 {
        assert_eq!(look(&store, key(number)).await, Claimed::Fresh);
        let mut tx = store.begin(&pool).await.unwrap();
        sqlx::query("INSERT INTO effects VALUES (1)").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM effects");
    assert_eq!(count.fetch_one(&pool).await.unwrap(), 4);
}

/// A transaction that sqlx does not know of, on a connection that goes back to the pool.
#[tokio::test]
async fn a_transaction_that_was_left_open_costs_one_answer() {
    let folder = Folder::new();
    let pool = folder.pool(1);
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.unwrap();
    for number in 0..2 {
        sqlx::query("BEGIN IMMEDIATE").execute(&pool).await.unwrap();
        let (_, text) = failure(store.claim(key(number), token(), LEASE).await);
        assert!(text.contains("within a transaction"), "{text}");
        assert_eq!(look(&store, key(number)).await, Claimed::Fresh);
    }
}

/// What the docs say to set on a pool on which transactions begin without the store.
#[tokio::test]
async fn a_pool_that_looks_after_its_connections_recovers_alone() {
    let tiny = Tiny::new();
    let options = SqliteConnectOptions::new()
        .filename(tiny.0.file())
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let looked_after =
        SqlitePoolOptions::new().max_connections(1).after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        });
    let (careless, careful) = (tiny.0.pool(1), looked_after.connect_lazy_with(options));
    sqlx::query("CREATE TABLE effects (event ANY)").execute(&careful).await.unwrap();
    for (pool, recovers) in [(careful, true), (careless, false)] {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let big = "INSERT INTO effects VALUES (randomblob(3000000))";
        sqlx::query(big).execute(&mut *tx).await.unwrap_err();
        drop(tx);
        let begun = pool.begin_with("BEGIN IMMEDIATE").await;
        assert_eq!(begun.is_ok(), recovers, "if sqlx does it by itself, the docs need not say it");
    }
}

/// Where the database may not grow, the keys are freed and only the tombstones are not written.
#[tokio::test]
async fn a_release_without_room_frees_its_key_all_the_same() {
    let folder = Folder::new();
    let pool = folder.pool(1);
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.unwrap();
    let mine = token();
    assert_eq!(store.claim(key(0), mine, LEASE).await.unwrap(), Claimed::Fresh);
    sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&pool).await.unwrap();
    assert_eq!(claim_until_full(&store).await.0, StoreErrorKind::Full);
    for number in 0..100 {
        assert_eq!(store.release(key(9_000 + number), token()).await.unwrap(), Settled::Lost);
    }
    let rows = "SELECT count(*) FROM countersign WHERE length(key) = 32";
    let remembered: i64 = sqlx::query_scalar(rows).fetch_one(&pool).await.unwrap();
    assert!(remembered < 100, "this test found room");
    assert_eq!(store.release(key(0), mine).await.unwrap(), Settled::Settled);
}

const IN_CHILD: &str = "COUNTERSIGN_TEST_FAILING_WRITES";

/// Files of this process may not grow beyond this, which fails a write as a broken disk does:
/// "disk I/O error". A signal comes along, which ends a process that does not ignore it.
fn limit(bytes: &str) {
    let mut limit = Command::new("prlimit");
    limit.arg(format!("--pid={}", std::process::id())).arg(format!("--fsize={bytes}:"));
    assert!(limit.status().unwrap().success(), "prlimit comes with util-linux");
}

/// Runs itself again, in a process that ignores the signal.
#[test]
fn a_failing_disk_is_said_and_the_store_recovers() {
    if std::env::var_os(IN_CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.unwrap().block_on(fail_and_recover());
    }
    let name = "sql::sqlite_full::a_failing_disk_is_said_and_the_store_recovers";
    let mut child = Command::new("sh");
    child.args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\" --nocapture"]);
    child.arg(std::env::current_exe().unwrap()).arg(name).env(IN_CHILD, "1");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

async fn fail_and_recover() {
    let (folder, store, pool) = Folder::migrated().await;
    let shared = SqliteStore::new(pool.clone());
    for store in [store, shared] {
        let mine = token();
        assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
        let log = std::fs::metadata(folder.file().with_extension("db-wal")).unwrap().len();
        limit(&(log + 100).to_string());
        for number in 0..3 {
            let claim = store.claim(key(100 + number), token(), LEASE).await;
            let (kind, text) = failure(claim);
            assert_eq!(kind, StoreErrorKind::Unavailable);
            assert!(text.contains("I/O error"), "{text}");
        }
        limit("unlimited");
        assert_eq!(look(&store, key(100)).await, Claimed::Fresh);
        assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Settled);
        let release = "DELETE FROM countersign";
        sqlx::query(release).execute(&pool).await.unwrap();
    }
}
