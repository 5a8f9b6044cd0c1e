//! SQLite: the store works on a thread of its own, which no runtime of a caller's stops.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use countersign::{Claimed, Settled, Store};
use countersign_sqlx::SqliteStore;
use sqlx::SqlitePool;
use tokio::runtime::{Builder, Runtime};

use super::{DAY, Folder, LEASE, key, look, promptly, token};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A runtime on a thread of its own that asks for a claim, which cannot be made yet, and then does
/// what it is given.
fn caller(
    store: &SqliteStore,
    then: impl FnOnce(Runtime) + Send + 'static,
) -> std::thread::JoinHandle<()> {
    let (store, (queued, is_queued)) = (store.clone(), mpsc::channel());
    let thread = std::thread::spawn(move || {
        let runtime = runtime();
        runtime.block_on(async {
            tokio::spawn(async move { store.claim(key(1), token(), LEASE).await });
            tokio::time::sleep(Duration::from_millis(50)).await;
        });
        queued.send(()).unwrap();
        then(runtime);
    });
    is_queued.recv_timeout(Duration::from_secs(10)).unwrap();
    thread
}

async fn locked(pool: &SqlitePool) -> sqlx::Transaction<'static, sqlx::Sqlite> {
    pool.begin_with("BEGIN IMMEDIATE").await.unwrap()
}

/// As in actix, where each worker has a runtime and one may be at something long.
#[test]
fn a_caller_that_blocks_its_runtime_stops_nobody_else() {
    let runtime = runtime();
    let (_folder, store, pool) = runtime.block_on(Folder::migrated());
    let lock = runtime.block_on(locked(&pool));
    let (done, is_done) = mpsc::channel::<()>();
    let blocked = caller(&store, move |runtime| {
        runtime.block_on(async {
            let _ = is_done.recv_timeout(Duration::from_secs(20));
        });
    });
    runtime.block_on(async {
        lock.rollback().await.unwrap();
        let mine = token();
        let claimed = promptly(store.claim(key(2), mine, LEASE)).await.unwrap();
        assert_eq!(claimed, Claimed::Fresh);
        let settled = promptly(store.complete(key(2), mine, DAY)).await.unwrap();
        assert_eq!(settled, Settled::Settled);
        assert!(promptly(store.is_completed(key(2), mine)).await.unwrap());
    });
    done.send(()).unwrap();
    blocked.join().unwrap();
}

#[test]
fn a_runtime_that_ends_strands_nobody_else() {
    let runtime = runtime();
    let (_folder, store, pool) = runtime.block_on(Folder::migrated());
    let lock = runtime.block_on(locked(&pool));
    let ended = caller(&store, drop);
    runtime.block_on(async {
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { look(&store, key(2)).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        ended.join().unwrap();
        lock.rollback().await.unwrap();
        assert_eq!(promptly(waiting).await.unwrap(), Claimed::Fresh);
    });
}

#[test]
fn no_runtime_is_needed_to_call() {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut open = std::pin::pin!(async {
        let folder = Folder::new();
        let store = SqliteStore::open(folder.file()).await.unwrap();
        assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
        drop(store);
        folder
    });
    let deadline = Instant::now() + Duration::from_secs(20);
    while open.as_mut().poll(&mut context).is_pending() {
        assert!(Instant::now() < deadline, "nobody answers");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// SQLite removes its log when the last connection is closed, and then the thread has ended.
#[tokio::test]
async fn the_thread_ends_with_the_store_when_all_is_written() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.file()).await.unwrap();
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert!(!store.is_completed(key(1), mine).await.unwrap());
    let log = folder.file().with_extension("db-wal");
    assert!(log.exists());
    // Nobody waits for this.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let pending = Box::pin(store.complete(key(1), mine, DAY)).as_mut().poll(&mut context);
    assert!(pending.is_pending());
    drop(store);
    let deadline = Instant::now() + Duration::from_secs(20);
    while log.exists() {
        assert!(Instant::now() < deadline, "the file is still open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let store = SqliteStore::open(folder.file()).await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Done);
}
