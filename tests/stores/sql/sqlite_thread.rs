//! SQLite: the store works on a thread of its own, which no runtime of a caller's stops.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use countersign::{Claimed, Settled, Store, StoreErrorKind};
use countersign_sqlx::SqliteStore;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use tokio::runtime::{Builder, Runtime};

use super::{DAY, Folder, LEASE, failure, key, look, promptly, token};

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
    let (end, is_to_end) = mpsc::channel::<()>();
    let ending = caller(&store, move |runtime| {
        let _ = is_to_end.recv_timeout(Duration::from_secs(20));
        drop(runtime);
    });
    runtime.block_on(async {
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { look(&store, key(2)).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        end.send(()).unwrap();
        ending.join().unwrap();
        lock.rollback().await.unwrap();
        assert_eq!(promptly(waiting).await.unwrap(), Claimed::Fresh);
    });
}

/// Code of the user's runs on the thread as well: hooks of the pool. A panic there costs the calls
/// that it came from, and none that is queued behind them.
#[tokio::test]
async fn a_hook_of_the_pool_that_panics_costs_one_answer() {
    const READY: u8 = 1;
    const PANICS: u8 = 2;
    const GO: u8 = 3;
    let folder = Folder::new();
    let state = Arc::new(AtomicU8::new(0));
    let hook = Arc::clone(&state);
    let pool = SqlitePoolOptions::new().max_connections(1).before_acquire(move |_, _| {
        let wait = Duration::from_millis(1);
        if hook.compare_exchange(READY, PANICS, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            while hook.load(Ordering::SeqCst) != GO {
                std::thread::sleep(wait);
            }
            panic!("as this test wants it");
        }
        Box::pin(async { Ok(true) })
    });
    let pool = pool.connect_lazy_with((*folder.pool(1).connect_options()).clone());
    let store = SqliteStore::new(pool);
    store.migrate().await.unwrap();
    for number in 0..3 {
        state.store(READY, Ordering::SeqCst);
        let claim = |number| {
            let store = store.clone();
            tokio::spawn(async move { store.claim(key(number), token(), LEASE).await })
        };
        let first = claim(2 * number);
        promptly(async {
            while state.load(Ordering::SeqCst) != PANICS {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let second = claim(2 * number + 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
        state.store(GO, Ordering::SeqCst);
        let (kind, text) = failure(promptly(first).await.unwrap());
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("thread"), "{text}");
        assert_eq!(promptly(second).await.unwrap().unwrap(), Claimed::Fresh);
        assert_eq!(promptly(look(&store, key(2 * number))).await, Claimed::Fresh);
    }
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

/// When the last connection is closed, the thread has ended.
#[tokio::test]
async fn the_thread_ends_with_the_store_when_all_is_written() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.file()).await.unwrap();
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert!(!store.is_completed(key(1), mine).await.unwrap());
    assert!(folder.file().with_extension("db-wal").exists());
    // Nobody waits for this.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let pending = Box::pin(store.complete(key(1), mine, DAY)).as_mut().poll(&mut context);
    assert!(pending.is_pending());
    drop(store);
    closed(&folder).await;
    let store = SqliteStore::open(folder.file()).await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Done);
}

#[tokio::test]
async fn a_pool_that_is_closed_leaves_no_connection_of_the_stores_open() {
    let folder = Folder::new();
    let pool = folder.pool(2);
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.unwrap();
    assert!(!store.is_completed(key(1), token()).await.unwrap());
    assert!(folder.file().with_extension("db-wal").exists());
    pool.close().await;
    closed(&folder).await;
    assert!(store.claim(key(1), token(), LEASE).await.is_err());
    assert!(store.is_completed(key(1), token()).await.is_err());
}

/// Waits until no connection to the file is open. SQLite removes the log with the last connection,
/// but not if two close at the same moment: each may take the other for one that stays. So this
/// opens one more each time, and closes it.
async fn closed(folder: &Folder) {
    let log = folder.file().with_extension("db-wal");
    let deadline = Instant::now() + Duration::from_secs(20);
    while log.exists() {
        assert!(Instant::now() < deadline, "the file is still open");
        let pool = folder.pool(1);
        sqlx::query("SELECT count(*) FROM countersign").execute(&pool).await.unwrap();
        pool.close().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
