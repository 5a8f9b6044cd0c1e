//! A server that may drop keys, and one that does not say.

use std::io::Write;
use std::sync::{Arc, Mutex};

use countersign_redis::{ConnectError, Eviction, RedisStore};

use super::patient;
use super::server::Server;

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
pub(crate) async fn log_of_connecting(url: &str) -> (RedisStore, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = countersign_tests::log_to(subscriber);
    let store = patient().connect(url).await.unwrap();
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
    let refused = patient().refuse_eviction().connect(server.url()).await;
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
