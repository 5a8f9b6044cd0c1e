//! Runs the examples as the programs they are. `cargo test` builds them before this.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use countersign_examples::{Client, Sender};

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
fn succeeds(name: &str) -> String {
    let Output { status, stdout, stderr } = example(name).output().unwrap();
    let printed = text(&stdout);
    assert!(status.success(), "{name}: {status}\n{printed}\n{}", text(&stderr));
    printed
}

#[test]
fn quickstart_keeps_every_promise() {
    let printed = succeeds("quickstart");
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
fn custom_provider_works() {
    succeeds("custom_provider");
}

#[test]
fn axum_names_the_missing_secret() {
    let output = example("axum").env("ADDR", "127.0.0.1:0").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let error = text(&output.stderr);
    assert!(error.contains("PIORA_WEBHOOK_SECRET is not set"), "{error}");
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
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "still running");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn axum_receives_from_all_providers_and_stops_when_told() {
    let senders = Sender::all().unwrap();
    let mut command = example("axum");
    command.env("ADDR", "127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped());
    for sender in &senders {
        let name = format!("{}_WEBHOOK_SECRET", sender.name().to_uppercase());
        command.env(name, sender.secret_text());
    }
    let mut receiver = Receiver(command.spawn().unwrap());

    let mut printed = String::new();
    let mut stdout = BufReader::new(receiver.0.stdout.take().unwrap());
    stdout.read_line(&mut printed).unwrap();
    let address = printed.trim().strip_prefix("listening on http://").unwrap();
    let address: SocketAddr = address.parse().unwrap();

    for sender in &senders {
        let delivery = sender.deliver(1, SystemTime::now());
        for status in [204, 200] {
            let client = Client::connect(address).await.unwrap();
            let answer = client.post(&delivery.path, &delivery.headers, &delivery.body);
            assert_eq!(answer.await.unwrap().status, status, "{}", sender.name());
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
}
