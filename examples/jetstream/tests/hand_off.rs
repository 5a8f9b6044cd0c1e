//! The program against a real `nats-server` (Debian's package `nats-server`), which each test starts.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

#[path = "../../src/client.rs"]
mod client;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use countersign::signing::Signer;
use countersign::{Secret, catalogue};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use self::client::{Answer, Client};

const SECRET: &str = "whsec_a";
/// For what takes no time on a machine that is not busy.
const LONG: Duration = Duration::from_secs(120);

/// A server with a folder of its own; both are gone when the test ends.
struct Nats {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Nats {
    async fn start() -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = format!("countersign-nats-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let process = Self::run(&folder, -1);
        let port = timeout(LONG, Self::port_of(&process, &folder)).await.unwrap();
        Self { process, folder, port }
    }

    fn run(folder: &std::path::Path, port: i32) -> Child {
        let mut server = Command::new("nats-server");
        server.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(folder);
        server.arg("--ports_file_dir").arg(folder).stderr(Stdio::null()).kill_on_drop(true);
        server.spawn().unwrap_or_else(|error| {
            panic!("this test needs nats-server (apt-get install nats-server): {error}")
        })
    }

    /// It takes a free port, and writes into a file which.
    async fn port_of(process: &Child, folder: &std::path::Path) -> u16 {
        let file = folder.join(format!("nats-server_{}.ports", process.id().unwrap()));
        loop {
            let written = tokio::fs::read(&file).await.unwrap_or_default();
            let ports = serde_json::from_slice::<serde_json::Value>(&written).ok();
            let url = ports.as_ref().and_then(|ports| ports["nats"][0].as_str());
            match url.and_then(|url| url.rsplit(':').next()) {
                Some(port) => return port.parse().unwrap(),
                None => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn stop(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// With its port and its folder.
    fn start_again(&mut self) {
        self.process = Self::run(&self.folder, self.port.into());
    }

    /// The bodies of the messages in the stream, and their ids.
    async fn messages(&self) -> Vec<(String, String)> {
        let client = async_nats::connect(self.url()).await.unwrap();
        let stream = jetstream::new(client).get_stream("WEBHOOKS").await.unwrap();
        let count = stream.cached_info().state.last_sequence;
        let mut messages = Vec::new();
        for sequence in 1..=count {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
            messages.push((String::from_utf8(message.payload.to_vec()).unwrap(), id));
        }
        messages
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The example, as a process.
struct Receiver {
    process: Child,
    address: SocketAddr,
    printed: Lines<BufReader<ChildStdout>>,
}

impl Receiver {
    async fn start(nats: &Nats) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_countersign-to-jetstream"))
            .env_clear()
            .env("ADDR", "127.0.0.1:0")
            .env("NATS_URL", nats.url())
            .env("STRIPE_WEBHOOK_SECRET", SECRET)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut printed = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = timeout(LONG, printed.next_line()).await.unwrap().unwrap().unwrap();
        let address = first.strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { process, address, printed }
    }

    async fn post(&self, body: &str) -> Answer {
        self.post_with(body, SECRET).await
    }

    async fn post_with(&self, body: &str, secret: &str) -> Answer {
        let provider = catalogue::provider("stripe").unwrap();
        let headers = Signer::new(&provider, &Secret::new(secret).unwrap()).sign(body);
        let client = Client::connect(self.address).await.unwrap();
        timeout(LONG, client.post("/webhooks/stripe", &headers, body)).await.unwrap().unwrap()
    }

    async fn line(&mut self) -> String {
        timeout(LONG, self.printed.next_line()).await.unwrap().unwrap().unwrap()
    }
}

fn paid(number: u32) -> String {
    format!(r#"{{"id":"evt_{number}","type":"invoice.paid","data":{{"object":{{}}}}}}"#)
}

#[tokio::test]
async fn an_event_that_comes_twice_is_in_the_stream_once() {
    let nats = Nats::start().await;
    let mut receiver = Receiver::start(&nats).await;
    let event = paid(1);
    assert_eq!(receiver.post(&event).await.status, 200);
    let line = receiver.line().await;
    let key = line.strip_prefix("published ").unwrap();
    let again = receiver.post(&event).await;
    assert_eq!((again.status, again.code().as_deref()), (200, Some("duplicate")));
    assert_eq!(receiver.post(&paid(2)).await.status, 200);
    assert_eq!(receiver.post_with(&paid(3), "whsec_b").await.status, 401);
    let messages = nats.messages().await;
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(messages[0], (event, key.to_owned()));
}

/// The process dies after the publication. Its store is in memory, so the next process knows nothing,
/// and publishes the event's next delivery again.
#[tokio::test]
async fn an_event_that_is_published_again_after_a_crash_is_in_the_stream_once() {
    let nats = Nats::start().await;
    let mut receiver = Receiver::start(&nats).await;
    assert_eq!(receiver.post(&paid(1)).await.status, 200);
    receiver.process.kill().await.unwrap();

    let mut receiver = Receiver::start(&nats).await;
    assert_eq!(receiver.post(&paid(1)).await.status, 200);
    let line = receiver.line().await;
    assert!(line.starts_with("published ") && line.ends_with(", again"), "{line}");
    assert_eq!(nats.messages().await.len(), 1);
}

#[tokio::test]
async fn while_the_stream_is_away_the_provider_is_asked_to_come_again() {
    let mut nats = Nats::start().await;
    let receiver = Receiver::start(&nats).await;
    nats.stop().await;
    assert_eq!(receiver.post(&paid(1)).await.status, 503);
    nats.start_again();
    // As the provider does: again until 2xx.
    let handled = async { while receiver.post(&paid(1)).await.status != 200 {} };
    timeout(LONG, handled).await.unwrap();
    assert_eq!(nats.messages().await.len(), 1);
}
