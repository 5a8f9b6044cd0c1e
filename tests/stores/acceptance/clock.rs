//! Two clients of one server, one of them in a process whose clock is hours off.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use countersign::testing::StoreSuite;
use countersign::{ClaimToken, Claimed, EventKey, Runtime, Settled, Store, StoreError};
use countersign_redis::RedisStore;
use countersign_sqlx::PostgresStore;
use sqlx::PgPool;

use crate::redis::shared::Shared;
use crate::sql::schema::Schema;

/// Tells a process that it is the other client, and where the store's data is.
const ELSEWHERE: &str = "COUNTERSIGN_CLOCK_TEST";

#[tokio::test(flavor = "multi_thread")]
async fn redis_goes_by_its_own_clock() {
    if let Ok(prefix) = std::env::var(ELSEWHERE) {
        let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
        let store = RedisStore::builder().prefix(prefix).connect(url).await.unwrap();
        return answer(&store).await;
    }
    let shared = Shared::new();
    let suite = StoreSuite::new(shared.store().await, Runtime::tokio());
    for hours in [5, -5] {
        let elsewhere = Elsewhere::start("redis_goes_by_its_own_clock", &shared.prefix, hours);
        suite.clock_is_the_stores(elsewhere).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_goes_by_its_own_clock() {
    if let Ok(schema) = std::env::var(ELSEWHERE) {
        let url = std::env::var("DATABASE_URL");
        let url = url.as_deref().unwrap_or("postgres://postgres@127.0.0.1/test");
        let builder = PostgresStore::builder(PgPool::connect(url).await.unwrap());
        return answer(&builder.schema(&schema).build().unwrap()).await;
    }
    let (schema, store, _) = Schema::migrated().await;
    let suite = StoreSuite::new(store, Runtime::tokio());
    for hours in [5, -5] {
        let elsewhere = Elsewhere::start("postgres_goes_by_its_own_clock", &schema.name, hours);
        suite.clock_is_the_stores(elsewhere).await;
    }
}

/// A store in another process, which is told of every call in a line and answers in one.
struct Elsewhere {
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    library: PathBuf,
}

impl Elsewhere {
    /// Runs this test once more, with a clock that is so many hours off.
    fn start(test: &str, data: &str, hours: i64) -> Self {
        let library = format!("countersign-clock-{}-{data}{hours}", std::process::id());
        let library = std::env::temp_dir().join(library.replace(':', "-"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/stores/acceptance/clock.c");
        // What links Rust.
        let mut cc = Command::new("cc");
        let made = cc.args(["-shared", "-fPIC", source, "-o"]).arg(&library).status().unwrap();
        assert!(made.success(), "`cc` cannot make a library");
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([&format!("acceptance::clock::{test}"), "--exact", "--nocapture"])
            .env(ELSEWHERE, data)
            .env("LD_PRELOAD", &library)
            .env("CLOCK_MOVED", (hours * 3_600).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let pipes = Mutex::new((stdin, BufReader::new(stdout)));
        let elsewhere = Self { process, pipes, library };
        let there: i64 = elsewhere.ask("time").parse().unwrap();
        let off = there - unix_seconds();
        assert!((off - hours * 3_600).abs() < 600, "the clock is {off} s off, not {hours} h");
        elsewhere
    }

    fn ask(&self, line: &str) -> String {
        let mut pipes = self.pipes.lock().unwrap();
        writeln!(pipes.0, "{line}").unwrap();
        let mut read = String::new();
        // The test harness has its say on the same pipe.
        loop {
            read.clear();
            assert_ne!(pipes.1.read_line(&mut read).unwrap(), 0, "the other process has ended");
            if let Some((_, answer)) = read.trim_end().split_once("answer: ") {
                return answer.to_owned();
            }
        }
    }

    fn settle(&self, line: &str) -> Settled {
        if self.ask(line) == "settled" { Settled::Settled } else { Settled::Lost }
    }
}

impl Store for Elsewhere {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        let answer = self.ask(&format!("claim {key} {} {}", name(token), lease.as_millis()));
        Ok(match &*answer {
            "fresh" => Claimed::Fresh,
            "done" => Claimed::Done,
            left => Claimed::InFlight { retry_after: Duration::from_millis(left.parse().unwrap()) },
        })
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        let line = format!("complete {key} {} {}", name(token), retention.as_millis());
        Ok(self.settle(&line))
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        Ok(self.settle(&format!("release {key} {} 0", name(token))))
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.library);
    }
}

/// The other process: does what it is told until nobody tells it any more.
async fn answer(store: &impl Store) {
    // Nobody can make a token from its bytes, so it has its own for each.
    let mut tokens = HashMap::new();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        let &[call, key, token, millis] = &words[..] else {
            println!("answer: {}", unix_seconds());
            continue;
        };
        let key = EventKey::from_bytes(u128::from_str_radix(key, 16).unwrap().to_be_bytes());
        let token =
            *tokens.entry(token.to_owned()).or_insert_with(|| ClaimToken::random().unwrap());
        let time = Duration::from_millis(millis.parse().unwrap());
        let answer = match call {
            "claim" => match store.claim(key, token, time).await.unwrap() {
                Claimed::Fresh => "fresh".to_owned(),
                Claimed::Done => "done".to_owned(),
                Claimed::InFlight { retry_after } => retry_after.as_millis().to_string(),
                other => panic!("{other:?}"),
            },
            "complete" => settled(store.complete(key, token, time).await.unwrap()),
            _ => settled(store.release(key, token).await.unwrap()),
        };
        println!("answer: {answer}");
    }
}

fn settled(settled: Settled) -> String {
    if settled == Settled::Settled { "settled" } else { "lost" }.to_owned()
}

/// What stands for a token on the way.
fn name(token: ClaimToken) -> u64 {
    let mut hasher = DefaultHasher::new();
    token.as_bytes().hash(&mut hasher);
    hasher.finish()
}

fn unix_seconds() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    now.as_secs().try_into().unwrap()
}
