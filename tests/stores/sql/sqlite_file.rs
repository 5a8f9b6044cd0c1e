//! SQLite: how a file of the store's own is laid out, and that a pool of the user's is left alone.

use countersign::{Claimed, Settled, Store};
use countersign_sqlx::SqliteStore;
use sqlx::SqlitePool;

use super::{DAY, Folder, LEASE, new_key, token};

async fn page_size(pool: &SqlitePool) -> u32 {
    sqlx::query_scalar("PRAGMA page_size").fetch_one(pool).await.unwrap()
}

/// What a page of 4 KiB and SQLite's own 1 000 pages would make 4 MiB as well.
const LOG: u64 = 4 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_its_own_has_small_pages_and_a_log_that_stays_small() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.file()).await.unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..200 {
                    let (key, mine) = (new_key(), token());
                    assert_eq!(store.claim(key, mine, LEASE).await.unwrap(), Claimed::Fresh);
                    let settled = store.complete(key, mine, DAY).await.unwrap();
                    assert_eq!(settled, Settled::Settled);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let log = folder.file().with_extension("db-wal").metadata().unwrap().len();
    // The log is full when a commit finds it so, with what that commit writes in it.
    assert!(log > LOG / 2 && log < LOG + LOG / 4, "{log} bytes");
    assert_eq!(page_size(&folder.pool(1)).await, 1024);
}

#[tokio::test]
async fn a_pool_of_the_users_keeps_its_page_size() {
    let folder = Folder::new();
    let pool = folder.pool(1);
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.unwrap();
    assert_eq!(page_size(&pool).await, 4096);
}

/// A file that is there keeps its pages, and works.
#[tokio::test]
async fn a_file_with_other_pages_is_opened() {
    let folder = Folder::new();
    let pool = folder.pool(1);
    SqliteStore::new(pool.clone()).migrate().await.unwrap();
    let store = SqliteStore::open(folder.file()).await.unwrap();
    assert_eq!(store.claim(new_key(), token(), LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(page_size(&pool).await, 4096);
}
