//! A server that is down, frozen, back again.

use std::time::{Duration, Instant};

use countersign::{Claimed, ErrorChain, Settled, Store, StoreErrorKind};
use countersign_redis::RedisStore;
use countersign_tests::quickly;

use super::proxy::Proxy;
use super::server::Server;
use super::{DAY, LEASE, failure, key, token};

const SOON: Duration = Duration::from_secs(2);

/// A claim that must be made, and soon.
async fn works_at_once(store: &RedisStore, number: u32) {
    let claim = store.claim(key(number), token(), LEASE);
    let claimed = quickly(Duration::from_millis(500), claim).await;
    assert_eq!(claimed.unwrap(), Claimed::Fresh);
}

/// A claim that must fail, and soon.
async fn fails_soon(store: &RedisStore, number: u32) -> String {
    let claim = store.claim(key(number), token(), LEASE);
    let (kind, text) = failure(quickly(SOON, claim).await);
    assert_eq!(kind, StoreErrorKind::Unavailable, "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_after_a_restart_works() {
    let mut server = Server::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    works_at_once(&store, 1).await;
    // Nobody calls while it is down.
    server.kill();
    server.start_again();
    works_at_once(&store, 2).await;
    // Many call while it is down, and then nobody for a while.
    server.kill();
    for number in 0..300 {
        fails_soon(&store, number).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.start_again();
    works_at_once(&store, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_disk_survives_a_kill() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    let (mine, other) = (token(), token());
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(2), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Settled);
    server.kill();
    server.start_again();
    let settled = loop {
        // It may still be reading the file.
        match store.claim(key(1), other, LEASE).await {
            Ok(claimed) => break claimed,
            Err(error) => {
                assert!(ErrorChain::of(&error).to_string().contains("BusyLoading"), "{error}")
            }
        }
    };
    assert_eq!(settled, Claimed::Done);
    assert!(matches!(store.claim(key(2), other, LEASE).await, Ok(Claimed::InFlight { .. })));
    assert_eq!(store.complete(key(2), mine, DAY).await.unwrap(), Settled::Settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_holds_nobody_up() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    works_at_once(&store, 1).await;
    server.freeze();
    let frozen: Vec<_> = (100..200)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let mine = token();
                let text = failure(store.claim(key(number), mine, LEASE).await).1;
                // As the core does: the claim may have been made.
                assert!(store.release(key(number), mine).await.is_err());
                text
            })
        })
        .collect();
    let all = async {
        for call in frozen {
            let text = call.await.unwrap();
            assert!(text.contains("not answered within 1.5s"), "{text}");
        }
    };
    quickly(2 * SOON, all).await;
    server.thaw();
    works_at_once(&store, 2).await;
    // What was asked of it meanwhile was carried out in order: claimed, released.
    for number in 100..200 {
        works_at_once(&store, number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_freeze_is_recovered_from() {
    let server = Server::start(&[]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    server.freeze();
    for number in 100..106 {
        fails_soon(&store, number).await;
    }
    server.thaw();
    works_at_once(&store, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_path_is_given_up() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port()).await;
    let builder = RedisStore::builder().timeout(Duration::from_millis(250));
    let store = builder.connect(proxy.url()).await.unwrap();
    works_at_once(&store, 1).await;
    proxy.go_dead();
    let start = Instant::now();
    while store.claim(key(2), token(), LEASE).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "the connection is never given up");
    }
    assert!(start.elapsed() > Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_tried_again() {
    let server = Server::start(&[]);
    let rights = ["ACL", "SETUSER", "webhooks", "on", ">right", "~*", "+@all"];
    server.tell(&rights);
    let url = server.url().replace("//", "//webhooks:right@");
    let store = RedisStore::connect(url).await.unwrap();
    works_at_once(&store, 1).await;

    server.tell(&["ACL", "SETUSER", "webhooks", "resetpass", ">other"]);
    server.tell(&["CLIENT", "KILL", "USER", "webhooks"]);
    for _ in 0..5 {
        let text = fails_soon(&store, 2).await;
        assert!(!text.contains("right"), "{text}");
    }
    server.tell(&["ACL", "SETUSER", "webhooks", "resetpass", ">right"]);
    tokio::time::sleep(Duration::from_millis(150)).await;
    works_at_once(&store, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_an_error_at_start() {
    let server = Server::start(&[]);
    let url = server.url().replace("//", "//:pass-word@");
    drop(server);
    let error = quickly(SOON, RedisStore::connect(url)).await.unwrap_err();
    assert!(!format!("{} {error:?}", ErrorChain::of(&error)).contains("pass-word"));
}
