//! A server that does not allow everything that the store does.

use std::time::{Duration, Instant};

use countersign::{Claimed, ErrorChain, EventState, Forgotten, Settled, Store, StoreErrorKind};
use countersign_redis::{ConnectError, Eviction, RedisStore};

use super::eviction::log_of_connecting;
use super::proxy::{Fate, Proxy};
use super::server::Server;
use super::{DAY, LEASE, failure, key, patient, token};

/// The rule that the crate's page gives.
const RULE: &str = "~countersign:* ~{countersign:* \
                    +ping +set +get +del +exists +pexpire +pttl +time +eval +evalsha";

/// The address for a user with these rights.
fn user(server: &Server, rights: &str) -> String {
    let user = format!("ACL SETUSER webhooks reset on >pw {rights}");
    server.tell(&user.split_whitespace().collect::<Vec<_>>());
    server.url().replace("//", "//webhooks:pw@")
}

fn keys(server: &Server) -> Vec<String> {
    server.ask(&["KEYS", "*"])
}

#[tokio::test]
async fn a_user_with_the_least_rights_can_do_everything_but_ask() {
    let page = include_str!("../../../crates/countersign-redis/src/lib.rs");
    assert!(page.contains(RULE));
    let server = Server::start(&[]);
    let (store, log) = log_of_connecting(&user(&server, RULE)).await;
    assert_eq!(store.check().await.unwrap().eviction, Eviction::Unknown);
    assert!(log.contains("WARN") && log.contains("maxmemory-policy"), "{log}");
    assert_eq!(keys(&server), Vec::<String>::new());

    let (mine, other) = (token(), token());
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert!(matches!(store.claim(key(1), other, LEASE).await, Ok(Claimed::InFlight { .. })));
    assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), other, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(1), other, LEASE).await.unwrap(), Claimed::Fresh);
    assert_ne!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.complete(key(1), other, DAY).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), token(), LEASE).await.unwrap(), Claimed::Done);
    assert_eq!(store.complete(key(2), token(), DAY).await.unwrap(), Settled::Lost);
    assert!(matches!(store.state(key(1)).await, Ok(EventState::Handled { .. })));
    assert_eq!(store.forget(key(1)).await.unwrap(), Forgotten::Forgotten);
    assert_eq!(store.state(key(1)).await.unwrap(), EventState::Released);
    assert!(failure(store.stats().await).1.contains("'scan'"));
    let (counts, _) = log_of_connecting(&user(&server, &format!("{RULE} +scan +mget"))).await;
    assert_eq!(counts.stats().await.unwrap().released, 2);
}

#[tokio::test]
async fn a_user_with_any_right_less_is_refused_at_once() {
    let server = Server::start(&[]);
    // Another user's scripts are known to the server, so only their names are sent.
    drop(server.store().await);
    let rights: Vec<_> = RULE.split_whitespace().collect();
    for (place, missing) in rights.iter().enumerate() {
        let mut rest = rights.clone();
        rest.remove(place);
        let error = patient().connect(user(&server, &rest.join(" "))).await.unwrap_err();
        assert!(matches!(error, ConnectError::Server(_)), "{missing}: {error:?}");
        let error = ErrorChain::of(&error).to_string();
        if let Some(command) = missing.strip_prefix('+') {
            assert!(error.contains(&format!("'{command}'")), "{missing}: {error}");
        } else {
            assert!(error.contains("access one of the keys"), "{missing}: {error}");
        }
        if *missing != "+ping" {
            assert!(error.contains(RULE), "{missing}: {error}");
        }
        if *missing == "+del" {
            server.tell(&["FLUSHALL"]);
        } else {
            assert_eq!(keys(&server), Vec::<String>::new(), "{missing}");
        }
    }
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_found_by_the_next_check() {
    let server = Server::start(&[]);
    let store = patient().connect(user(&server, RULE)).await.unwrap();
    server.tell(&["ACL", "SETUSER", "webhooks", "-evalsha"]);
    let (kind, text) = failure(store.check().await);
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(text.contains("'evalsha'"), "{text}");
}

#[tokio::test]
async fn a_server_without_a_command_is_refused_at_once() {
    for command in ["EVAL", "EVALSHA", "PTTL", "TIME", "SET"] {
        for renamed in ["", "OTHER"] {
            let server = Server::start(&["--rename-command", command, renamed]);
            let error = patient().connect(server.url()).await.unwrap_err();
            let error = ErrorChain::of(&error).to_string();
            assert!(error.contains(&format!("unknown command '{command}'")), "{error}");
        }
    }
}

#[tokio::test]
async fn a_check_leaves_nothing_behind() {
    let server = Server::start(&[]);
    let store = patient().prefix("shop:").connect(server.url()).await.unwrap();
    for _ in 0..3 {
        store.check().await.unwrap();
        assert_eq!(keys(&server), Vec::<String>::new());
    }
    // It has written, under its own prefix and for a short while.
    server.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    store.check().await.unwrap();
    server.tell(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(store.check().await.unwrap().replica, Some(true));
    drop(patient().connect(server.url()).await.unwrap());
    assert_eq!(keys(&server), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_a_silent_server_ends_in_time() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.port()).await;
    let limit = Duration::from_millis(250);
    let store = RedisStore::builder().timeout(limit).connect(proxy.url()).await.unwrap();
    // The questions are answered, and the first step of the scripts is not.
    let never = Duration::from_secs(60);
    proxy.decide(move |name| if name == "SET" { Fate::Stall(never) } else { Fate::Pass });
    let start = Instant::now();
    let (_, text) = failure(store.check().await);
    assert!(text.contains("not answered within 250ms"), "{text}");
    assert!(start.elapsed() < 20 * limit, "{:?}", start.elapsed());
}
