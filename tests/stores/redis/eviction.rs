//! A server that may drop keys, and one that does not say.

use std::io::Write;
use std::sync::{Arc, Mutex};

use countersign::{Claimed, Settled, Store};
use countersign_redis::{ConnectError, Eviction, RedisStore};

use super::server::Server;
use super::{DAY, LEASE, key, token};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Connects, and returns what was logged meanwhile. The test's runtime has one thread.
async fn log_of_connecting(url: &str) -> (RedisStore, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let store = RedisStore::connect(url).await.unwrap();
    drop(guard);
    (store, log.text())
}

#[tokio::test]
async fn a_server_that_evicts_is_told_of_loudly() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = Server::start(&["--maxmemory-policy", policy, "--maxmemory", "100mb"]);
        let (store, log) = log_of_connecting(&server.url()).await;
        assert!(log.contains("ERROR") && log.contains(policy), "{log}");
        assert!(log.contains("noeviction"), "{log}");
        let report = store.check().await.unwrap();
        assert_eq!(report.eviction, Eviction::Possible { policy: policy.to_owned() });
    }
}

#[tokio::test]
async fn a_server_that_evicts_can_be_refused() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"]);
    let refused = RedisStore::builder().refuse_eviction().connect(server.url()).await;
    let error = refused.unwrap_err();
    assert!(matches!(&error, ConnectError::Eviction { policy } if policy == "allkeys-lru"));
    assert!(error.to_string().contains("set it to noeviction"), "{error}");
}

#[tokio::test]
async fn a_server_that_keeps_what_it_has_is_not_complained_of() {
    for settings in [
        &["--maxmemory", "100mb", "--appendonly", "yes"][..],
        // Without a limit there is nothing to evict for.
        &["--maxmemory", "0", "--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"],
    ] {
        let server = Server::start(settings);
        let (store, log) = log_of_connecting(&server.url()).await;
        assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
        let report = store.check().await.unwrap();
        assert_eq!(report.eviction, Eviction::Never);
        assert_eq!((report.append_only, report.replica), (Some(true), Some(false)));
        assert!(report.version.is_some());
    }
}

#[tokio::test]
async fn a_server_without_an_append_only_file_is_told_of() {
    let server = Server::start(&[]);
    let (_, log) = log_of_connecting(&server.url()).await;
    assert!(log.contains("WARN") && log.contains("append-only"), "{log}");
}

#[tokio::test]
async fn a_user_with_the_least_rights_can_do_everything_but_ask() {
    let server = Server::start(&[]);
    let rights = "ACL SETUSER webhooks on >pw ~countersign:* \
                  +ping +set +get +del +pexpire +pttl +eval +evalsha";
    server.tell(&rights.split_whitespace().collect::<Vec<_>>());
    let url = server.url().replace("//", "//webhooks:pw@");
    let (store, log) = log_of_connecting(&url).await;
    assert_eq!(store.check().await.unwrap().eviction, Eviction::Unknown);
    assert!(log.contains("WARN") && log.contains("maxmemory-policy"), "{log}");

    let (mine, other) = (token(), token());
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert!(matches!(store.claim(key(1), other, LEASE).await, Ok(Claimed::InFlight { .. })));
    assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), other, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.complete(key(1), other, DAY).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Done);
}
