//! SQLite: what has queued is committed together, and nobody is answered before.

use std::time::Duration;

use countersign::{Claimed, Settled, Store};
use countersign_sqlx::SqliteStore;
use sqlx::SqlitePool;

use super::{DAY, Folder, LEASE, is_in_flight, key, look, token};

async fn rows(pool: &SqlitePool, which: &'static str) -> i64 {
    sqlx::query_scalar(which).fetch_one(pool).await.unwrap()
}

const ALL: &str = "SELECT count(*) FROM countersign";
const DONE: &str = "SELECT count(*) FROM countersign WHERE done";

/// How often the file's change counter of the write-ahead log moved: commits by others.
async fn version(connection: &mut sqlx::SqliteConnection) -> i64 {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await.unwrap()
}

/// Claims these in tasks of their own, while the write lock is held, so that they queue.
async fn queue(
    store: &SqliteStore,
    pool: &SqlitePool,
    keys: std::ops::Range<u32>,
) -> (Vec<tokio::task::JoinHandle<Claimed>>, sqlx::Transaction<'static, sqlx::Sqlite>) {
    let lock = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let claim = |number| {
        let store = store.clone();
        tokio::spawn(async move { look(&store, key(number)).await })
    };
    let claims = keys.map(claim).collect();
    // Each task begins its call, however busy the machine is.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    (claims, lock)
}

#[tokio::test]
async fn what_has_queued_is_committed_together() {
    let (_folder, store, pool) = Folder::migrated().await;
    let (claims, lock) = queue(&store, &pool, 0..300).await;
    let mut other = pool.acquire().await.unwrap();
    let before = version(&mut other).await;
    lock.rollback().await.unwrap();
    for claim in claims {
        assert_eq!(claim.await.unwrap(), Claimed::Fresh);
    }
    // The first may have been on its way alone.
    let moved = version(&mut other).await - before;
    assert!((1..=2).contains(&moved), "{moved}");
    assert_eq!(rows(&pool, ALL).await, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_comes_after_the_commit() {
    let (_folder, store, pool) = Folder::migrated().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (store, pool) = (store.clone(), pool.clone());
        tasks.spawn(async move {
            let find = "SELECT done FROM countersign WHERE key = ?1";
            let find = || {
                let query = sqlx::query_scalar::<_, i64>(find);
                query.bind(key(number).as_bytes().to_vec())
            };
            let mine = token();
            assert_eq!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
            // Another connection sees what is committed, and nothing else.
            assert_eq!(find().fetch_one(&pool).await.unwrap(), 0);
            let settled = store.complete(key(number), mine, DAY).await.unwrap();
            assert_eq!(settled, Settled::Settled);
            assert_eq!(find().fetch_one(&pool).await.unwrap(), 1);
        });
    }
    tasks.join_all().await;
    assert_eq!(rows(&pool, DONE).await, 64);
}

#[tokio::test]
async fn a_dropped_call_in_the_middle_disturbs_no_other() {
    let (_folder, store, pool) = Folder::migrated().await;
    let (claims, lock) = queue(&store, &pool, 0..100).await;
    for claim in claims.iter().skip(1).step_by(2) {
        claim.abort();
    }
    lock.rollback().await.unwrap();
    for (number, claim) in claims.into_iter().enumerate() {
        match claim.await {
            Ok(claimed) => assert_eq!(claimed, Claimed::Fresh),
            Err(error) => assert!(number % 2 == 1 && error.is_cancelled()),
        }
    }
    // A claim that nobody waited for any more is not made.
    assert_eq!(rows(&pool, ALL).await, 50);
}

#[tokio::test]
async fn a_dropped_settlement_is_written_all_the_same() {
    let (_folder, store, pool) = Folder::migrated().await;
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    let lock = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let complete = store.complete(key(1), mine, DAY);
    assert!(tokio::time::timeout(Duration::from_millis(20), complete).await.is_err());
    lock.rollback().await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Done);
}

#[tokio::test]
async fn calls_for_one_key_in_one_commit_have_one_winner() {
    let (_folder, store, pool) = Folder::migrated().await;
    let lock = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        tasks.spawn(async move { look(&store, key(1)).await });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    lock.rollback().await.unwrap();
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|claimed| **claimed == Claimed::Fresh).count(), 1);
    assert_eq!(answers.iter().filter(|claimed| is_in_flight(**claimed)).count(), 49);
}

/// A store that outlives the runtime that its writer was on.
#[test]
fn the_end_of_a_runtime_leaves_the_store_whole() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (folder, store, pool) = first.block_on(Folder::migrated());
    first.block_on(async {
        let (claims, lock) = queue(&store, &pool, 0..3).await;
        drop((claims, lock));
    });
    drop(first);
    let (claimed, _) = runtime().block_on(async {
        let store = SqliteStore::open(folder.file()).await.unwrap();
        (look(&store, key(9)).await, store)
    });
    assert_eq!(claimed, Claimed::Fresh);
}

/// The commits in the write-ahead log: the last frame of each says how large the file is then.
fn commits(folder: &Folder) -> usize {
    let log = std::fs::read(folder.file().with_extension("db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    log[32..].chunks_exact(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
}

/// Whoever was answered often asks again at once, and goes along with those who have queued. Not each
/// time, on a busy machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_waits_a_little_for_those_who_were_just_answered() {
    const ROUNDS: u32 = 40;
    // By chance it happens in one of ten.
    const WANTED: u32 = 12;
    let mut together = 0;
    for _ in 0..ROUNDS {
        let (folder, store, pool) = Folder::migrated().await;
        let before = commits(&folder);
        let lock = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let asks_again = tokio::spawn({
            let store = store.clone();
            async move { [look(&store, key(100)).await, look(&store, key(101)).await] }
        });
        // Its first claim waits for the lock alone.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let claims: Vec<_> = (0..20)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move { look(&store, key(number)).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(10)).await;
        lock.rollback().await.unwrap();
        assert_eq!(asks_again.await.unwrap(), [Claimed::Fresh; 2]);
        for claim in claims {
            assert_eq!(claim.await.unwrap(), Claimed::Fresh);
        }
        together += u32::from(commits(&folder) - before == 2);
        if together == WANTED {
            return;
        }
    }
    panic!("{together} of {ROUNDS} times");
}
