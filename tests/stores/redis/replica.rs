//! A server that has become a replica.

use countersign::{Claimed, Settled, Store, StoreErrorKind};

use super::proxy::Proxy;
use super::server::Server;
use super::{DAY, LEASE, failure, key, patient, token};

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_unavailable_and_its_word_is_not_taken() {
    let server = Server::start(&[]);
    let store = server.store().await;
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.release(key(4), token()).await.unwrap(), Settled::Lost);
    assert_eq!(store.claim(key(5), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.complete(key(5), mine, DAY).await.unwrap(), Settled::Settled);
    server.tell(&["REPLICAOF", "127.0.0.1", "1"]);

    for answer in [
        failure(store.claim(key(2), token(), LEASE).await),
        failure(store.complete(key(1), mine, DAY).await),
        failure(store.release(key(1), mine).await),
        // Not there on this replica says nothing of the primary.
        failure(store.complete(key(3), token(), DAY).await),
        failure(store.release(key(3), token()).await),
        failure(store.complete(key(4), token(), DAY).await),
        failure(store.release(key(4), token()).await),
        failure(store.forget(key(3)).await),
        failure(store.forget(key(4)).await),
        failure(store.forget(key(5)).await),
    ] {
        assert_eq!(answer.0, StoreErrorKind::Unavailable, "{}", answer.1);
        assert!(answer.1.contains("ReadOnly"), "{}", answer.1);
    }
    assert_eq!(store.check().await.unwrap().replica, Some(true));

    server.tell(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_moved_to_the_new_primary_is_followed() {
    let (old, new) = (Server::start(&[]), Server::start(&[]));
    let proxy = Proxy::to(old.port()).await;
    let store = patient().connect(proxy.url()).await.unwrap();
    assert_eq!(store.claim(key(1), token(), LEASE).await.unwrap(), Claimed::Fresh);
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;

    // The old primary lives on as a replica, so nobody closes the connection to it.
    old.tell(&["REPLICAOF", "127.0.0.1", "1"]);
    proxy.move_to(new.port());
    assert_eq!(store.claim(key(2), token(), LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(new.ask::<u32>(&["EXISTS", &format!("countersign:{}", key(2))]), 1);
}
