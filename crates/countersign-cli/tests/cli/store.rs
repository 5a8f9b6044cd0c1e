//! `--store`: what is remembered across a restart, and between two programs.

use countersign_redis::redis;

use crate::program::{Program, command};
use crate::sender::hostwares;

/// `listen` with this store, which the command line finds in a variable.
pub(crate) fn listen(store: &str) -> Program {
    let args = ["listen", "--addr", "127.0.0.1:0", "--provider", "hostwares=env:SECRET"];
    let mut command = command(&[&args[..], &["--store", "env:STORE"]].concat());
    Program::spawn({
        command.env("STORE", store);
        command
    })
}

/// Handled by one program, a duplicate for another one and for the next. Gives the event's key.
fn is_remembered(store: &str) -> String {
    let event = hostwares(&id(), "e");
    let mut first = listen(store);
    assert_eq!(event.send(&first).status, 200);
    let key = has_line(&first, "accepted");
    let beside = listen(store);
    assert_eq!(event.send(&beside).status, 200);
    has_line(&beside, "duplicate");
    assert_eq!(first.stop(), Some(0));
    let next = listen(store);
    assert_eq!(event.send(&next).status, 200);
    has_line(&next, "duplicate");
    key
}

/// The next line is of this outcome; gives its key.
pub(crate) fn has_line(program: &Program, outcome: &str) -> String {
    let line = program.line();
    let text = |name| line.get(name).and_then(serde_json::Value::as_str).unwrap().to_owned();
    assert_eq!(text("outcome"), outcome);
    text("key")
}

/// An id that no other run has.
pub(crate) fn id() -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    format!("evt_{}_{}", std::process::id(), now.as_nanos())
}

#[test]
fn an_sqlite_file_remembers() {
    let folder = std::env::temp_dir().join(format!("countersign-cli-{}", id()));
    std::fs::create_dir(&folder).unwrap();
    is_remembered(&format!("sqlite:{}", folder.join("events.db").display()));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn redis_remembers() {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
    let key = format!("countersign:{}", is_remembered(&url));
    let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
    let removed: u8 = redis::cmd("DEL").arg(key).query(&mut redis).unwrap();
    assert_eq!(removed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_remembers() {
    let default = || "postgres://postgres@127.0.0.1/test".to_owned();
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| default());
    let schema = id();
    let run = async |sql: String| {
        let pool = sqlx::PgPool::connect(&url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        pool.close().await;
    };
    run(format!("CREATE SCHEMA {schema}")).await;
    let separator = if url.contains('?') { '&' } else { '?' };
    let in_schema = format!("{url}{separator}options[search_path]={schema}");
    tokio::task::spawn_blocking(move || is_remembered(&in_schema)).await.unwrap();
    run(format!("SET client_min_messages = warning; DROP SCHEMA {schema} CASCADE")).await;
}

#[test]
fn a_store_that_is_not_there_is_one_sentence_without_a_password() {
    for store in [
        "postgres://me:hunter2@127.0.0.1:1/test",
        "redis://:hunter2@127.0.0.1:1/",
        "sqlite:/no/such/folder/events.db",
        "nonsense://hunter2",
    ] {
        let mut command = command(&["listen", "--provider", "hostwares=env:SECRET"]);
        let output = command.args(["--store", "env:STORE"]).env("STORE", store).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("countersign: --store"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
