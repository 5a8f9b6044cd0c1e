//! A server that has forgotten the scripts.

use countersign::{Claimed, Settled, Store};

use super::server::Server;
use super::{DAY, LEASE, key, token};

#[tokio::test]
async fn a_server_that_has_forgotten_the_scripts_is_told_them_again() {
    let server = Server::start(&[]);
    let store = server.store().await;
    let (mine, other) = (token(), token());
    let flush = || server.tell(&["SCRIPT", "FLUSH"]);

    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    flush();
    let claimed = store.claim(key(1), other, LEASE).await.unwrap();
    assert!(matches!(claimed, Claimed::InFlight { .. }), "{claimed:?}");
    flush();
    assert_eq!(store.release(key(1), other).await.unwrap(), Settled::Lost);
    flush();
    assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Settled);
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    flush();
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Settled);
    flush();
    assert_eq!(store.claim(key(1), other, LEASE).await.unwrap(), Claimed::Done);
}

#[tokio::test]
async fn a_script_is_sent_once_and_then_named() {
    let server = Server::start(&[]);
    // Connecting runs each of them once.
    let store = server.store().await;
    server.tell(&["CONFIG", "RESETSTAT"]);
    for number in 0..50 {
        let mine = token();
        assert_eq!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.complete(key(number), mine, DAY).await.unwrap(), Settled::Settled);
    }
    let statistics: String = server.ask(&["INFO", "commandstats"]);
    let calls = |command: &str| {
        let start = format!("cmdstat_{command}:calls=");
        let line = statistics.lines().find_map(|line| line.strip_prefix(&start));
        line.and_then(|line| line.split(',').next())
            .map_or(0, |calls| calls.parse::<u32>().unwrap())
    };
    assert_eq!((calls("eval"), calls("evalsha")), (0, 50));
}
