//! SQLite: a database file that is moved or replaced while it is open.

use std::os::unix::fs::MetadataExt;

use countersign::{Claimed, Delivery, ErrorChain, Store, StoreErrorKind};
use countersign_sqlx::{CompleteIn, SqliteStore};

use super::receiver::Bench;
use super::{Folder, LEASE, failure, key, look, token};

#[tokio::test]
async fn a_file_that_was_moved_or_replaced_is_noticed() {
    let (folder, store, _) = Folder::migrated().await;
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    let aside = folder.file().with_extension("aside");
    let log_before = std::fs::metadata(folder.file().with_extension("db-wal")).unwrap().ino();
    let refused = async || {
        let answers = [
            failure(store.claim(key(1), mine, LEASE).await),
            failure(store.release(key(1), mine).await),
            failure(store.is_completed(key(1), mine).await),
            failure(store.migrate().await),
        ];
        for (kind, text) in answers {
            assert_eq!(kind, StoreErrorKind::Unavailable);
            assert!(text.contains("was moved, deleted or replaced"), "{text}");
        }
    };
    std::fs::rename(folder.file(), &aside).unwrap();
    refused().await;
    // As another process would, or whoever brings back a backup.
    std::fs::copy(&aside, folder.file()).unwrap();
    refused().await;
    // Nobody has opened the new file: it would have taken the old one's log away.
    let log = folder.file().with_extension("db-wal");
    assert_eq!(std::fs::metadata(&log).unwrap().ino(), log_before);
    std::fs::rename(&aside, folder.file()).unwrap();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
}

#[tokio::test]
async fn nothing_is_completed_in_a_file_that_was_replaced() {
    let (folder, store, pool) = Folder::migrated().await;
    let file = folder.file().to_owned();
    let handler = |delivery: Delivery| async move {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let aside = file.with_extension("aside");
        std::fs::rename(&file, &aside).unwrap();
        let error = delivery.complete_in(&mut tx).await.unwrap_err();
        assert!(
            ErrorChain::of(&error).to_string().contains("was moved, deleted or replaced"),
            "{error}"
        );
        std::fs::rename(&aside, &file).unwrap();
        delivery.complete_in(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        200
    };
    assert_eq!(Bench::new(store).send("1", handler).await, Ok(200));
}

/// A file that is made, or replaced, before the store first uses it is the file.
#[tokio::test]
async fn a_file_that_comes_later_is_not_another_one() {
    let folder = Folder::new();
    let store = SqliteStore::new(folder.pool(1));
    std::fs::write(folder.file(), "").unwrap();
    std::fs::rename(folder.file(), folder.file().with_extension("aside")).unwrap();
    store.migrate().await.unwrap();
    assert_eq!(look(&store, key(1)).await, Claimed::Fresh);
}
