//! A server without room.

use std::time::Duration;

use countersign::{Claimed, RejectionKind, Settled, Store, StoreErrorKind};

use super::server::Server;
use super::{DAY, LEASE, failure, key, token};
use crate::sql::receiver::Bench;

#[tokio::test]
async fn a_full_server_refuses_new_events_and_settles_the_ones_it_has() {
    let server = Server::start(&[]);
    let store = server.store().await;
    let (first, second, third, fifth) = (token(), token(), token(), token());
    for (number, owner) in [(1, first), (2, second), (3, third), (5, fifth)] {
        assert_eq!(store.claim(key(number), owner, LEASE).await.unwrap(), Claimed::Fresh);
    }
    assert_eq!(store.complete(key(3), third, DAY).await.unwrap(), Settled::Settled);
    server.tell(&["CONFIG", "SET", "maxmemory", "1"]);

    let (kind, text) = failure(store.claim(key(4), token(), LEASE).await);
    assert_eq!(kind, StoreErrorKind::Full, "{text}");
    assert!(matches!(store.claim(key(1), token(), LEASE).await, Ok(Claimed::InFlight { .. })));
    assert_eq!(store.claim(key(1), first, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(3), token(), LEASE).await.unwrap(), Claimed::Done);

    // A handler that has run must not be told that there is no room to remember it.
    assert_eq!(store.complete(key(1), first, DAY).await.unwrap(), Settled::Settled);
    assert_eq!(store.complete(key(1), first, DAY).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), token(), LEASE).await.unwrap(), Claimed::Done);
    let left: i64 = server.ask(&["PTTL", &format!("countersign:{}", key(1))]);
    assert!((86_000_000..=86_400_000).contains(&left), "{left}");
    assert_eq!(store.release(key(2), second).await.unwrap(), Settled::Settled);
    // It is as free as an event that nobody has seen, and its release is remembered.
    let (kind, text) = failure(store.claim(key(2), token(), LEASE).await);
    assert_eq!(kind, StoreErrorKind::Full, "{text}");
    assert_ne!(store.claim(key(2), second, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.release(key(5), fifth).await.unwrap(), Settled::Settled);
    assert_eq!(store.release(key(6), token()).await.unwrap(), Settled::Lost);

    server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(store.claim(key(4), token(), LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(2), token(), LEASE).await.unwrap(), Claimed::Fresh);
    assert_ne!(store.claim(key(2), second, LEASE).await.unwrap(), Claimed::Fresh);
}

#[tokio::test]
async fn a_full_server_settles_what_was_released_before() {
    let server = Server::start(&[]);
    let store = server.store().await;
    let (completes, releases) = (token(), token());
    for (number, owner) in [(1, completes), (2, releases)] {
        assert_eq!(store.release(key(number), token()).await.unwrap(), Settled::Lost);
        assert_eq!(store.claim(key(number), owner, LEASE).await.unwrap(), Claimed::Fresh);
    }
    server.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    for (number, owner) in [(1, completes), (2, releases)] {
        assert_eq!(store.claim(key(number), owner, LEASE).await.unwrap(), Claimed::Fresh);
    }
    assert_eq!(store.complete(key(1), completes, DAY).await.unwrap(), Settled::Settled);
    assert_eq!(store.release(key(2), releases).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), token(), LEASE).await.unwrap(), Claimed::Done);
    server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(store.claim(key(2), token(), LEASE).await.unwrap(), Claimed::Fresh);
}

/// Not even with what was released, which a server remembers also when it is full.
#[tokio::test]
async fn who_repeats_a_delivery_does_not_fill_a_full_server_further() {
    let server = Server::start(&[]);
    let bench = Bench::new(server.store().await);
    server.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..20 {
        let refused = bench.is_let_in("event").await.unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::StoreFull);
    }
    // What goes on in the background.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.ask::<i64>(&["DBSIZE"]), 0);
    server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(bench.is_let_in("event").await.unwrap(), 200);
}
