//! A secret that changes in its file, while deliveries come in.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use countersign::testing::Signer;
use countersign::{Endpoint, ErrorChain, Secret, SecretFiles};
use countersign_tests::Recorded;
use tokio::time::sleep;
use tracing::level_filters::LevelFilter;

use crate::client::Request;
use crate::fixtures::{self, Fixture};
use crate::harness::{Adapter, App, Handler, on_every_adapter};
use crate::logs::Logs;

on_every_adapter! {
    a_file_changes_under_load_and_nothing_is_refused
    a_bad_file_keeps_the_last_good_set
    a_file_that_is_written_slowly_is_not_read_in_part
    a_pipe_is_not_waited_for
}

const PATIENCE: Duration = Duration::from_secs(60);

/// Two files of a test's own, removed at the end.
struct Files {
    folder: PathBuf,
    name: String,
}

impl Files {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("rotation-{number}-");
        let folder = std::env::temp_dir().join(format!("countersign-{name}{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let files = Self { folder, name };
        files.write("current", "old");
        files
    }

    fn write(&self, file: &str, secret: &str) {
        fs::write(self.folder.join(file), secret).unwrap();
    }

    fn secrets(&self) -> SecretFiles {
        SecretFiles::new(["current", "previous"].map(|file| self.folder.join(file)))
    }

    /// An endpoint with the secrets that are in the files now.
    fn endpoint(&self, fixture: &Fixture, secrets: &SecretFiles) -> Endpoint {
        let name: &'static str = Box::leak(self.name.clone().into_boxed_str());
        let builder = Endpoint::builder(name, fixture.provider.clone());
        builder.secrets(secrets.read().unwrap()).build().unwrap()
    }

    /// How often this label matched.
    fn matches(&self, label: &str) -> f64 {
        let series = format!("endpoint={:?},secret={label:?}", self.name);
        Recorded::of_process().of(&series).into_values().sum()
    }

    fn request(&self, fixture: &Fixture, secret: &str, number: u32) -> Request {
        let body = fixture.body(number, SystemTime::now());
        let headers =
            Signer::new(&fixture.provider, &Secret::new(secret).unwrap()).sign(body.as_bytes());
        Request::post(&self.name, headers, body)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn a_file_changes_under_load_and_nothing_is_refused<A: Adapter>() {
    Recorded::of_process();
    let (files, fixture, handler) = (Files::new(), fixtures::hostwares(), Handler::answering(200));
    let secrets = files.secrets();
    let endpoint = files.endpoint(&fixture, &secrets);
    let server = A::serve(App::new([endpoint.clone()], &handler)).await;
    let _watched = secrets.watch(&endpoint, Duration::from_millis(100)).unwrap();
    let (mut sent, started) = (0, Instant::now());
    let (mut by_new, mut changed) = (0, false);
    while by_new < 50 {
        assert!(started.elapsed() < PATIENCE, "the new secret is never used");
        if sent == 50 {
            assert_eq!(files.matches("current"), 50.0);
            files.write("previous", "old");
            files.write("current", "new");
            changed = true;
        }
        sent += 1;
        let old = files.request(&fixture, "old", sent).send(server).await;
        assert_eq!(old.status, 200, "{sent}");
        if changed && (by_new > 0 || files.matches("previous") > 0.0) {
            sent += 1;
            by_new += 1;
            let new = files.request(&fixture, "new", sent).send(server).await;
            assert_eq!(new.status, 200, "{sent}");
        }
    }
    assert_eq!(handler.runs(), sent as usize);
    assert_eq!(files.matches("current") + files.matches("previous"), f64::from(sent));
}

async fn a_bad_file_keeps_the_last_good_set<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::INFO);
    let (files, fixture, handler) = (Files::new(), fixtures::hostwares(), Handler::answering(200));
    let secrets = files.secrets();
    files.write("current", "older");
    let endpoint = files.endpoint(&fixture, &secrets);
    files.write("current", "old");
    let server = A::serve(App::new([endpoint.clone()], &handler)).await;
    // Its thread looks once at its start, and then not for the length of the test.
    let watched = secrets.watch(&endpoint, Duration::from_secs(3600)).unwrap();
    let started = Instant::now();
    while files.request(&fixture, "old", 0).send(server).await.status != 200 {
        assert!(started.elapsed() < PATIENCE, "it never looks");
        sleep(Duration::from_millis(50)).await;
    }
    files.write("current", "");
    assert!(watched.reload_now().is_err());
    assert!(watched.reload_now().is_err());
    assert_eq!(files.request(&fixture, "old", 1).send(server).await.status, 200);
    let warned = logs.text().matches("webhook secrets stay as they are").count();
    assert_eq!(warned, 1, "{}", logs.text());
    files.write("current", "new");
    assert!(watched.reload_now().unwrap());
    assert!(!watched.reload_now().unwrap());
    assert_eq!(files.request(&fixture, "new", 2).send(server).await.status, 200);
    assert_eq!(files.request(&fixture, "old", 3).send(server).await.status, 401);
    assert_eq!(logs.text().matches("webhook secrets are replaced").count(), 1);
}

async fn a_file_that_is_written_slowly_is_not_read_in_part<A: Adapter>() {
    for part in ["t", "the n", "the new"] {
        let mut tries = 0..100;
        while !is_not_read::<A>(part).await {
            assert!(tries.next().is_some(), "the machine stood still each time");
        }
    }
}

/// A part of a secret is not read, and then the whole. It is false if the part stayed the same for long enough to be
/// taken for the whole, because the machine stood still.
async fn is_not_read<A: Adapter>(part: &str) -> bool {
    const SETTLED: Duration = Duration::from_secs(1);
    let (files, fixture, handler) = (Files::new(), fixtures::hostwares(), Handler::answering(200));
    let secrets = files.secrets();
    let endpoint = files.endpoint(&fixture, &secrets);
    let server = A::serve(App::new([endpoint.clone()], &handler)).await;
    let _watched = secrets.watch(&endpoint, Duration::from_millis(100)).unwrap();
    let mut number = 0;
    let mut accepts = async |secret: &str| {
        number += 1;
        files.request(&fixture, secret, number).send(server).await.status == 200
    };
    let since = Instant::now();
    files.write("current", part);
    for _ in 0..3 {
        sleep(Duration::from_millis(100)).await;
        let accepted = (accepts("old").await, accepts(part).await);
        if since.elapsed() >= SETTLED {
            return false;
        }
        assert_eq!(accepted, (true, false), "{part}");
    }
    files.write("current", "the new one");
    let started = Instant::now();
    while !accepts("the new one").await {
        assert!(started.elapsed() < PATIENCE, "the new secret is never used");
        sleep(Duration::from_millis(50)).await;
    }
    true
}

/// To open a pipe waits for somebody who writes. Links are followed: with Kubernetes each file is one.
async fn a_pipe_is_not_waited_for<A: Adapter>() {
    let (files, fixture, handler) = (Files::new(), fixtures::hostwares(), Handler::answering(200));
    let [current, linked, pipe] = ["current", "linked", "pipe"].map(|file| files.folder.join(file));
    fs::rename(&current, &linked).unwrap();
    std::os::unix::fs::symlink(&linked, &current).unwrap();
    let secrets = files.secrets();
    let endpoint = files.endpoint(&fixture, &secrets);
    let server = A::serve(App::new([endpoint.clone()], &handler)).await;
    let watched = secrets.watch(&endpoint, Duration::from_secs(3600)).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::remove_file(&current).unwrap();
    std::os::unix::fs::symlink(&pipe, &current).unwrap();
    let (sender, looked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let error = watched.reload_now().map_err(|error| ErrorChain::of(&error).to_string());
        sender.send((error, watched)).unwrap();
    });
    let looked = looked.recv_timeout(PATIENCE);
    let (said, _watched) = looked.expect("it waits for the pipe");
    let said = said.unwrap_err();
    assert!(said.contains(current.to_str().unwrap()), "{said}");
    assert!(said.contains("name a regular file"), "{said}");
    assert_eq!(files.request(&fixture, "old", 1).send(server).await.status, 200);
}
