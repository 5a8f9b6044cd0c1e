//! Runs the examples as the programs they are. `cargo test` builds them before this.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use countersign::Secret;
use countersign_examples::{Client, Sender, Signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An example, from the same build as this test: `target/<profile>/examples/<name>`.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let mut path: PathBuf = profile.join("examples").join(name);
    path.set_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
    let mut command = Command::new(path);
    // What happens to be set where the tests run must not matter.
    command.env_clear().stdin(Stdio::null());
    command
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// Runs an example to its successful end and gives what it printed.
fn succeeds(name: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = example(name).args(arguments).output().unwrap();
    let printed = text(&stdout);
    assert!(status.success(), "{name}: {status}\n{printed}\n{}", text(&stderr));
    printed
}

#[test]
fn quickstart_keeps_every_promise_on_both_frameworks_alike() {
    let [on_axum, on_actix] = [&[][..], &["--actix"]].map(|arguments| {
        let printed = succeeds("quickstart", arguments);
        every_promise_is_kept(&printed);
        printed
    });
    let table = |printed: &str| printed.split_once('\n').unwrap().1.to_owned();
    assert_eq!(table(&on_axum), table(&on_actix));
}

#[test]
fn quickstart_knows_what_it_does_not_know() {
    let output = example("quickstart").arg("--rocket").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("usage: quickstart"));
}

fn every_promise_is_kept(printed: &str) {
    for provider in ["piora", "hostwares", "percher", "pingara", "pakyas"] {
        for case in [
            "genuine",
            "retried",
            "8 at once",
            "the 7 again",
            "failed, retried",
            "forged",
            "from 2024",
        ] {
            let line = printed
                .lines()
                .find(|line| line.starts_with(provider) && line.contains(&format!("  {case}  ")));
            assert!(
                line.is_some_and(|line| line.ends_with("  ok")),
                "{provider}, {case}: {line:?}"
            );
        }
    }
    assert!(printed.contains("35 of 35 as promised"), "{printed}");
}

#[test]
fn exactly_once_is_exactly_once_in_a_file() {
    let printed = succeeds("exactly_once", &[]);
    assert!(printed.contains("in SQLite") && printed.contains("Exactly once."), "{printed}");
}

/// Runs an example in the Postgres that the tests have.
fn succeeds_in_postgres(name: &str) -> String {
    let url = std::env::var("DATABASE_URL");
    let url = url.as_deref().unwrap_or("postgres://postgres@127.0.0.1/test");
    let output = example(name).env("DATABASE_URL", url).output().unwrap();
    let (printed, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{printed}\n{error}");
    printed
}

#[test]
fn what_is_acknowledged_is_worked_on_once() {
    let printed = succeeds_in_postgres("ack_then_work");
    let count = |said: &str| printed.lines().filter(|line| line.starts_with(said)).count();
    let counts = [count("answered: 202"), count("answered: 200 duplicate"), count("worked: ")];
    assert_eq!(counts, [3, 3, 3], "{printed}");
}

#[test]
fn exactly_once_is_exactly_once_in_postgres() {
    let printed = succeeds_in_postgres("exactly_once");
    assert!(printed.contains("in Postgres") && printed.contains("Exactly once."), "{printed}");
}

#[test]
fn tenants_are_answered_alike_on_both_frameworks() {
    let [on_axum, on_actix] = ["tenants_axum", "tenants_actix"].map(succeeds_in_postgres);
    assert!(on_axum.contains("rotation, signed with the new secret: all handled"), "{on_axum}");
    assert_eq!(on_axum, on_actix);
}

#[test]
fn tenants_of_a_vault_that_is_away_are_answered_503() {
    let printed = succeeds("secrets_from_vault", &[]);
    assert_eq!(printed.matches(": 503 ").count(), 3, "{printed}");
}

#[test]
fn keys_that_a_provider_publishes_are_fetched_when_they_are_named() {
    let printed = succeeds("published_keys", &[]);
    assert!(printed.contains("fetched 3 times"), "{printed}");
}

#[test]
fn custom_provider_works() {
    succeeds("custom_provider", &[]);
}

/// Each of these sends itself a genuine delivery, the same again and a forged one, and fails where an
/// answer is not as promised.
#[test]
fn the_examples_for_providers_are_answered_as_promised() {
    for (name, handled) in [
        ("github", "genuine: 200 cat star Created"),
        ("stripe", "genuine: 200 cus_7 paid 4200 eur"),
        ("slack", "challenge: 200 3eZbrw1aBm"),
        ("standard_webhooks", "genuine: 200 msg_1: Ada is new"),
    ] {
        let printed = succeeds(name, &[]);
        for line in [handled, ": 200 {\"status\":\"duplicate\"}", "forged: 401 "] {
            assert!(printed.contains(line), "{name}: no {line} in\n{printed}");
        }
    }
}

#[test]
fn a_missing_secret_is_named() {
    for name in ["axum", "actix"] {
        let output = example(name).env("ADDR", "127.0.0.1:0").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        let error = text(&output.stderr);
        assert!(error.contains("PIORA_WEBHOOK_SECRET is not set"), "{error}");
    }
}

/// The receiver as a process of its own; it is killed if the test fails half way.
struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for a process to end, but not for ever.
async fn ended(process: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "still running");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Receiver {
    /// Starts an example that receives from these, and waits until it says where.
    fn start(name: &str, senders: &[Sender]) -> (Self, SocketAddr) {
        let mut command = example(name);
        command.env("ADDR", "127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped());
        // tower-http logs requests below what is shown otherwise.
        command.env("RUST_LOG", "info,tower_http=debug");
        for sender in senders {
            let name = format!("{}_WEBHOOK_SECRET", sender.name().to_uppercase());
            command.env(name, sender.secret_text());
        }
        let mut receiver = Self(command.spawn().unwrap());
        let mut printed = String::new();
        let mut stdout = BufReader::new(receiver.0.stdout.take().unwrap());
        stdout.read_line(&mut printed).unwrap();
        let address = printed.trim().strip_prefix("listening on http://").unwrap();
        // Kept open, so that the receiver can go on printing.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        (receiver, address.parse().unwrap())
    }
}

async fn post(address: SocketAddr, delivery: &Signed) -> u16 {
    let client = Client::connect(address).await.unwrap();
    client.post(&delivery.path, &delivery.headers, &delivery.body).await.unwrap().status
}

#[cfg(unix)]
#[tokio::test]
async fn axum_receives_from_all_providers_and_stops_when_told() {
    receives_from_all_providers_and_stops_when_told("axum").await;
}

#[cfg(unix)]
#[tokio::test]
async fn actix_receives_from_all_providers_and_stops_when_told() {
    receives_from_all_providers_and_stops_when_told("actix").await;
}

#[cfg(unix)]
async fn receives_from_all_providers_and_stops_when_told(name: &str) {
    let senders = Sender::all().unwrap();
    let (mut receiver, address) = Receiver::start(name, &senders);
    for sender in &senders {
        let delivery = sender.deliver(1, SystemTime::now());
        for status in [204, 200] {
            assert_eq!(post(address, &delivery).await, status, "{}", sender.name());
        }
    }
    let pid = receiver.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = ended(&mut receiver.0).await;
    let mut log = String::new();
    receiver.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(status.success(), "{status}\n{log}");
    for line in ["deployment.succeeded", "deployment.completed", "app.crashed", "down"] {
        assert!(log.contains(line), "no {line} in the handlers' log: {log}");
    }
    for sender in &senders {
        let path = format!("/webhooks/{}", sender.name());
        assert!(log.contains(&path), "no request to {path} in the server's log: {log}");
    }
}

/// Sends a delivery's head, with one more line in it, and of the body this much; gives the answer's
/// first line.
async fn post_by_hand(address: SocketAddr, delivery: &Signed, line: &str, body: &str) -> String {
    let mut head = format!("POST {} HTTP/1.1\r\nhost: localhost\r\n{line}\r\n", delivery.path);
    for (name, value) in &delivery.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let answered = tokio::time::timeout(Duration::from_secs(60), stream.read_exact(&mut answer));
    answered.await.unwrap().unwrap();
    text(&answer)
}

#[tokio::test]
async fn nobody_waits_for_an_answer_longer_than_the_least_patient_sender() {
    let senders = Sender::all().unwrap();
    let delivery = senders[1].deliver(1, SystemTime::now());
    let length = format!("content-length: {}", delivery.body.len());
    let ask = async |name| {
        let (_receiver, address) = Receiver::start(name, &senders);
        // In small steps: one in which the whole machine stands still counts as one. That sender waits for five
        // seconds, and the rest is for a machine that is busy.
        let too_long = async {
            for _ in 0..700 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // The body never comes.
        tokio::select! {
            answer = post_by_hand(address, &delivery, &length, "") => answer,
            () = too_long => format!("{name}: no answer"),
        }
    };
    let (axum, actix) = tokio::join!(ask("axum"), ask("actix"));
    assert_eq!((&*axum, &*actix), ("HTTP/1.1 503", "HTTP/1.1 503"));
}

/// A body that the example's own small server cannot read is no forgery: senders disable endpoints
/// that answer 401.
#[tokio::test]
async fn any_framework_takes_no_chunked_delivery_for_a_forgery() {
    let [_, sender, ..] = Sender::all().unwrap();
    let delivery = sender.deliver(1, SystemTime::now());
    let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", delivery.body.len(), delivery.body);
    for (name, answer) in [("any_framework", "HTTP/1.1 411"), ("hyper", "HTTP/1.1 204")] {
        let (_receiver, address) = Receiver::start(name, std::slice::from_ref(&sender));
        let chunked = "transfer-encoding: chunked";
        assert_eq!(post_by_hand(address, &delivery, chunked, &body).await, answer, "{name}");
    }
}

#[tokio::test]
async fn the_layer_receives_on_a_plain_hyper_server() {
    receives_from_hostwares("hyper").await;
}

#[tokio::test]
async fn the_core_receives_on_any_server() {
    receives_from_hostwares("any_framework").await;
}

async fn receives_from_hostwares(name: &str) {
    let [_, sender, ..] = Sender::all().unwrap();
    let (_receiver, address) = Receiver::start(name, std::slice::from_ref(&sender));
    let now = SystemTime::now();
    let delivery = sender.deliver(1, now);
    assert_eq!(post(address, &delivery).await, 204);
    assert_eq!(post(address, &sender.retry(&delivery)).await, 200);
    let forger = sender.with_secret(Secret::new("a guess").unwrap());
    assert_eq!(post(address, &forger.deliver(2, now)).await, 401);
    assert_eq!(post(address, &sender.deliver(2, now)).await, 204);
    // The signature covers no method, so it proves nothing of this one.
    let delivery = sender.deliver(3, now);
    let mut request = format!("PUT {} HTTP/1.1\r\nhost: localhost\r\n", delivery.path);
    for (name, value) in &delivery.headers {
        request += &format!("{name}: {value}\r\n");
    }
    let length = delivery.body.len();
    let request = format!("{request}content-length: {length}\r\n\r\n{}", delivery.body);
    let answer = exchange(address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: POST\r\n"), "{answer}");
}

/// Sends bytes and gives the head of the answer.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !text(&answer).contains("\r\n\r\n") {
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_buf(&mut answer));
        assert_ne!(read.await.unwrap().unwrap(), 0, "hung up after {:?}", text(&answer));
    }
    text(&answer)
}
