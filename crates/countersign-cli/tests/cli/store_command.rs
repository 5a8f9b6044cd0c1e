//! `countersign store`: looking, accepting again, purging and migrating, in each kind of store.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use countersign::{ClaimToken, Claimed, EventKey, ParkedNote, Settled, Store};
use serde_json::{Value, json};

use crate::program::{Program, command};
use crate::sender::{hostwares, read_answer};
use crate::store::{has_line, id, listen};

/// Runs it on the store in `STORE`, with this on stdin.
fn run(store: &str, args: &[&str], stdin: &str) -> Output {
    let mut command: Command = command(&[&["store", "env:STORE"], args].concat());
    command.env("STORE", store).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may not read it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The lines of a run that has to end like this.
fn lines(store: &str, args: &[&str], stdin: &str, code: i32) -> Vec<Value> {
    let output = run(store, &[args, &["--json"]].concat(), stdin);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    assert_eq!(text(&output.stderr), "", "{args:?}");
    let lines = text(&output.stdout);
    assert!(!lines.contains(['\u{9b}', '\u{202e}']), "it writes to the terminal: {lines:?}");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The one line of a run that has to end like this.
pub(crate) fn only(store: &str, args: &[&str], stdin: &str, code: i32) -> Value {
    let mut lines = lines(store, args, stdin, code);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// The one line of a run that has to succeed.
pub(crate) fn line(store: &str, args: &[&str]) -> Value {
    only(store, args, "", 0)
}

/// A field of a line.
pub(crate) fn field<'a>(line: &'a Value, name: &str) -> &'a Value {
    line.get(name).unwrap_or_else(|| panic!("no {name} in {line}"))
}

/// The words of a run that has to end like this, on stdout or on stderr.
pub(crate) fn words(store: &str, args: &[&str], code: i32) -> String {
    let output = run(store, args, "");
    assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    text(&output.stdout) + &text(&output.stderr)
}

pub(crate) fn show(store: &str, key: &str) -> String {
    field(&line(store, &["show", key]), "state").as_str().unwrap().to_owned()
}

/// An event is handled, looked at, forgotten, and handled again.
fn an_event_is_let_in_again(store: &str) {
    let event = hostwares(&id(), "e");
    let mut program = listen(store);
    assert_eq!(event.send(&program).status, 200);
    let key = has_line(&program, "accepted");
    assert_eq!(show(store, &key), "handled");
    assert!(words(store, &["show", &key], 0).contains("was handled, and is remembered for"));
    let counted = line(store, &["stats"]);
    assert!(field(&counted, "handled").as_u64().unwrap() > 0, "{counted}");
    assert!(words(store, &["stats"], 0).contains("in flight"));

    let forgotten = line(store, &["forget", &key]);
    assert_eq!(forgotten, json!({"key": key, "result": "forgotten", "retry_after_ms": null}));
    assert_eq!(show(store, &key), "released");
    let again = line(store, &["forget", &key]);
    assert_eq!(*field(&again, "result"), "not_handled");
    assert_eq!(event.send(&program).status, 200);
    assert_eq!(has_line(&program, "accepted"), key);

    // From the lines of `listen`, of one endpoint.
    let printed = format!(
        "{{\"outcome\":\"accepted\",\"provider\":\"hostwares\",\"key\":\"{key}\"}}\n\
         {{\"outcome\":\"rejected\",\"provider\":\"hostwares\",\"key\":null}}\n\
         {{\"outcome\":\"duplicate\",\"provider\":\"hostwares\",\"key\":\"{key}\"}}\n"
    );
    let others = lines(store, &["forget", "-", "--endpoint", "piora"], &printed, 0);
    assert_eq!(others, [json!(null); 0]);
    let ours = only(store, &["forget", "-", "--endpoint", "hostwares"], &printed, 0);
    assert_eq!(*field(&ours, "result"), "forgotten");
    assert_eq!(event.send(&program).status, 200);
    has_line(&program, "accepted");
    let said = words(store, &["forget", &key], 0);
    assert!(said.contains("is forgotten") && said.contains("resend"), "{said}");
    assert_eq!(program.stop(), Some(0));
    let migrated = line(store, &["migrate", "--check"]);
    assert!(
        ["current", "none"].contains(&field(&migrated, "schema").as_str().unwrap()),
        "{migrated}"
    );
    line(store, &["purge"]);
}

/// An event that was parked by a receiver of the user's is listed, shown, forgotten, and handled again.
async fn a_parked_event_is_found<S: Store>(parks: S, store: String) {
    let (note, key) = (ParkedNote::new("shop\u{1b}[31m", "no such customer"), parked_key());
    let note = note.event(Some("site.created"), Some("evt_1")).tenant(Some("\u{9b}2J\u{202e}ä"));
    let unverified = ParkedNote::new("shop", "why").unverified_event_type(Some("push\u{1b}[31m"));
    let (claimed, other) = (ClaimToken::random().unwrap(), parked_key());
    let minute = Duration::from_secs(60);
    for _ in 0..2 {
        let token = ClaimToken::random().unwrap();
        assert_eq!(parks.claim(key, token, minute).await.unwrap(), Claimed::Fresh);
        parks.attempt(key, token, minute).await.unwrap();
        let _ = parks.release(key, token).await.unwrap();
    }
    let token = ClaimToken::random().unwrap();
    parks.claim(key, token, minute).await.unwrap();
    assert_eq!(parks.park(key, token, minute, &note).await.unwrap(), Settled::Settled);
    parks.claim(other, claimed, minute).await.unwrap();
    assert_eq!(parks.park(other, claimed, minute, &unverified).await.unwrap(), Settled::Settled);
    let key = key.to_string();
    let looking = tokio::task::spawn_blocking(move || {
        let limit = ["parked", "--limit", "1000"];
        let ours = |lines: Vec<Value>| lines.into_iter().find(|line| *field(line, "key") == *key);
        let parked = ours(lines(&store, &limit, "", 0)).unwrap();
        assert!(field(&parked, "parked_at").as_str().unwrap().ends_with('Z'), "{parked}");
        for (name, value) in [
            ("attempts", json!(2)),
            ("endpoint", json!("shop\u{1b}[31m")),
            ("tenant", json!("\u{9b}2J\u{202e}ä")),
            ("event", json!("site.created")),
            ("unverified_event", json!(null)),
            ("id", json!("evt_1")),
            ("reason", json!("no such customer")),
        ] {
            assert_eq!(*field(&parked, name), value);
        }
        let said = words(&store, &limit, 0);
        assert!(said.contains("attempts: 2: no such customer"), "{said}");
        assert!(!said.contains('\u{1b}'), "it writes to the terminal: {said:?}");
        assert_eq!(show(&store, &key), "parked");
        let shown = words(&store, &["show", &other.to_string()], 0);
        assert!(shown.contains("shop push\\u{1b}[31m (unverified), attempts: 0: why"), "{shown}");
        let shown = words(&store, &["show", &key], 0);
        assert!(shown.contains("site.created evt_1, attempts: 2: no such customer"), "{shown}");
        let shown = line(&store, &["show", &key]);
        for name in ["key", "parked_at", "attempts", "endpoint", "event", "id", "reason"] {
            assert_eq!(field(&shown, name), field(&parked, name));
        }
        let one = words(&store, &["parked", "--limit", "1"], 0);
        assert!(one.contains("There may be more"), "{one}");
        assert!(field(&line(&store, &["stats"]), "parked").as_u64().unwrap() > 0);
        assert!(words(&store, &["stats"], 0).contains("kept for an operator"));
        assert_eq!(*field(&line(&store, &["forget", &key]), "result"), "forgotten");
        assert_eq!(ours(lines(&store, &limit, "", 0)), None);
        assert_eq!(show(&store, &key), "released");
    });
    looking.await.unwrap();
}

fn parked_key() -> EventKey {
    EventKey::from_bytes(*ClaimToken::random().unwrap().as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_shows_what_is_parked() {
    let folder = Folder::new();
    let store = countersign_sqlx::SqliteStore::open(folder.file()).await.unwrap();
    a_parked_event_is_found(store, folder.store()).await;
    words(&folder.store(), &["migrate", "--table", "mine"], 0);
    let none = words(&folder.store(), &["parked", "--table", "mine"], 0);
    assert_eq!(none, "no event is parked\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_shows_what_is_parked() {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
    let store = countersign_redis::RedisStore::connect(&*url).await.unwrap();
    a_parked_event_is_found(store, url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_shows_what_is_parked() {
    let schema = Schema::new().await;
    let pool = sqlx::PgPool::connect(&schema.store).await.unwrap();
    let store = countersign_sqlx::PostgresStore::new(pool.clone());
    store.migrate().await.unwrap();
    a_parked_event_is_found(store, schema.store.clone()).await;
    pool.close().await;
    schema.drop().await;
}

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("countersign-cli-{}", id()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("events.db")
    }

    pub(crate) fn store(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn sqlite_lets_an_event_in_again() {
    an_event_is_let_in_again(&Folder::new().store());
}

#[test]
fn redis_lets_an_event_in_again() {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
    an_event_is_let_in_again(&url);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_lets_an_event_in_again() {
    let schema = Schema::new().await;
    let (store, name) = (schema.store.clone(), schema.name.clone());
    tokio::task::spawn_blocking(move || {
        an_event_is_let_in_again(&store);
        let elsewhere = words(&store, &["stats", "--table", &format!("{name}.no_such_table")], 2);
        assert!(elsewhere.contains("no_such_table"), "{elsewhere}");
        let table = format!("{name}.countersign");
        line(&store, &["stats", "--table", &table]);
    })
    .await
    .unwrap();
    schema.drop().await;
}

/// A schema in Postgres.
pub(crate) struct Schema {
    url: String,
    pub(crate) name: String,
    pub(crate) store: String,
}

impl Schema {
    pub(crate) async fn new() -> Self {
        let default = || "postgres://postgres@127.0.0.1/test".to_owned();
        let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| default());
        let name = id();
        let separator = if url.contains('?') { '&' } else { '?' };
        let store = format!("{url}{separator}options[search_path]={name}");
        let schema = Self { url, name, store };
        schema.run(format!("CREATE SCHEMA {}", schema.name)).await;
        schema
    }

    pub(crate) async fn run(&self, sql: String) {
        let pool = sqlx::PgPool::connect(&self.url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        pool.close().await;
    }

    pub(crate) async fn drop(self) {
        let name = &self.name;
        self.run(format!("SET client_min_messages = warning; DROP SCHEMA {name} CASCADE")).await;
    }
}

/// A handler that is at work is not disturbed.
#[test]
fn an_event_that_is_being_handled_is_not_forgotten() {
    let folder = Folder::new();
    let store = folder.store();
    // Nobody answers on this connection until it is dropped.
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let forward = format!("http://{}/", busy.local_addr().unwrap());
    let mut listen = command(&["listen", "--addr", "127.0.0.1:0", "--store", "env:STORE"]);
    listen.args(["--provider", "hostwares=env:SECRET", "--forward-to", &forward]);
    let program = Program::spawn({
        listen.env("STORE", &store);
        listen
    });
    let sent = hostwares(&id(), "e").open(program.addr);
    let (mut connection, _) = busy.accept().unwrap();
    let key = forwarded_key(&mut connection);
    assert_eq!(show(&store, &key), "in_flight");
    let refused = only(&store, &["forget", &key], "", 1);
    assert_eq!(*field(&refused, "result"), "in_flight");
    assert!(field(&refused, "retry_after_ms").as_u64().unwrap() > 1_000, "{refused}");
    assert!(words(&store, &["forget", &key], 1).contains("was not forgotten"));
    connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert_eq!(read_answer(sent).status, 204);
    assert_eq!(show(&store, &key), "handled");
}

/// The key in the request that `listen` forwards.
fn forwarded_key(connection: &mut impl std::io::Read) -> String {
    let mut head = Vec::new();
    loop {
        let mut bytes = [0; 1024];
        let read = connection.read(&mut bytes).unwrap();
        assert_ne!(read, 0, "the program has hung up");
        head.extend(bytes.iter().take(read));
        let text = String::from_utf8_lossy(&head);
        if let Some((_, rest)) = text.split_once("countersign-key: ")
            && let Some((key, _)) = rest.split_once("\r\n")
        {
            return key.to_owned();
        }
    }
}

#[test]
fn what_cannot_be_used_is_one_sentence_without_a_password() {
    let missing = Folder::new();
    for (store, says) in [
        ("memory", "inside of the program that receives"),
        (
            "postgres://me:hunter2@127.0.0.1:1/test",
            "cannot use the Postgres database: error communicating",
        ),
        ("redis://:hunter2@127.0.0.1:1/", "cannot use the Redis server"),
        (&*missing.store(), "cannot use the SQLite file"),
        ("nonsense://hunter2", "STORE is memory, sqlite:PATH"),
    ] {
        let check = ["migrate", "--check"];
        for args in [&["stats"][..], &["show", &"0".repeat(32)], &["purge"], &check] {
            let said = words(store, args, 2);
            assert!(said.starts_with("countersign: STORE"), "{said}");
            assert!(said.contains(says) && said.lines().count() == 1, "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    assert!(!missing.file().exists(), "looking made a file");
    let store = "redis://:hunter2@127.0.0.1:1/";
    for (args, says) in [
        (&["show", "nonsense"][..], "32 hex digits"),
        (&["forget"], "KEY"),
        (&["forget", "-", "x"], "32 hex digits"),
        (&["stats", "--table", "t"], "--prefix"),
    ] {
        let said = words(store, args, 2);
        assert!(said.contains(says) && !said.contains("hunter2"), "{said}");
    }
}
