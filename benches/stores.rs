//! The stores on real servers on the loopback interface, beside what the server does alone. Not
//! criterion: what counts is the ratio within one run.
//!
//! Needs Redis at `REDIS_URL` and Postgres at `DATABASE_URL` (or at their standard ports), and
//! pgbench.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::{ClaimToken, Claimed, EventKey, Settled, Store};
use countersign_redis::{RedisStore, redis};
use countersign_sqlx::{PostgresStore, SqliteStore};
use sqlx::postgres::PgPoolOptions;

const LEASE: Duration = Duration::from_secs(60);
const ROUNDS: usize = 7;

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(&**part));
    if run("redis") {
        redis().await;
    }
    if run("sqlite") {
        sqlite().await;
    }
    if run("postgres") {
        postgres().await;
    }
}

fn fresh() -> (EventKey, ClaimToken) {
    let token = ClaimToken::random().expect("randomness");
    (EventKey::from_bytes(*token.as_bytes()), token)
}

async fn claim_and_complete(store: &impl Store) {
    let (key, token) = fresh();
    assert_eq!(store.claim(key, token, LEASE).await.expect("a claim"), Claimed::Fresh);
    let done = store.complete(key, token, LEASE).await.expect("a completion");
    assert_eq!(done, Settled::Settled);
}

/// How often a second `work` is done by so many tasks.
async fn rate<W>(tasks: usize, times: usize, work: impl Fn() -> W + Send + Sync + 'static) -> f64
where
    W: Future<Output = ()> + Send + 'static,
{
    let (work, left) = (Arc::new(work), Arc::new(AtomicUsize::new(times)));
    let start = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (work, left) = (Arc::clone(&work), Arc::clone(&left));
            tokio::spawn(async move {
                let next = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok() {
                    work().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
    times as f64 / start.elapsed().as_secs_f64()
}

fn print(name: &str, mut samples: Vec<(f64, f64)>) {
    let ratio = |(base, ours): &(f64, f64)| ours / base;
    samples.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let (base, ours) = samples[samples.len() / 2];
    let (low, high) = (ratio(&samples[0]), ratio(&samples[samples.len() - 1]));
    let middle = ours / base;
    println!("{name}: {base:.0}/s alone, {ours:.0}/s ours, ×{middle:.2} ({low:.2}–{high:.2})");
}

async fn redis() {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
    let client = redis::Client::open(url.as_str()).expect("an address");
    let plain = client.get_connection_manager().await.expect("Redis");
    let store = RedisStore::builder().prefix("bench:").connect(url.as_str()).await.expect("Redis");
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let plain = plain.clone();
        let base = rate(64, 20_000, move || {
            let mut plain = plain.clone();
            async move {
                for _ in 0..2 {
                    let (key, token) = fresh();
                    let mut set = redis::cmd("SET");
                    set.arg(format!("bench:{key}")).arg(token.as_bytes());
                    set.arg("NX").arg("PX").arg(LEASE.as_millis() as u64);
                    set.exec_async(&mut plain).await.expect("a SET");
                }
            }
        });
        let base = base.await;
        let store = store.clone();
        let ours = rate(64, 20_000, move || {
            let store = store.clone();
            async move { claim_and_complete(&store).await }
        });
        samples.push((base, ours.await));
    }
    print("Redis, claim + complete beside two SET NX PX, 64 tasks", samples);
}

async fn sqlite() {
    let folder = std::env::temp_dir().join(format!("countersign-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let store = SqliteStore::open(folder.join("bench.db")).await.expect("a file");
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let of = |store: &SqliteStore| {
            let store = store.clone();
            move || {
                let store = store.clone();
                async move { claim_and_complete(&store).await }
            }
        };
        // One at a time: a commit for each claim, and one for each completion.
        let base = rate(1, 200, of(&store)).await;
        let ours = rate(64, 10_000, of(&store)).await;
        samples.push((base, ours));
    }
    print("SQLite, claim + complete, 64 tasks beside a commit for each", samples);
    let _ = std::fs::remove_dir_all(folder);
}

/// What one round measured: the rate, and how long a call took.
struct Round {
    per_second: f64,
    middle: Duration,
    slow: Duration,
}

/// Claims of keys that have not been there, by so many tasks.
async fn claims(store: &PostgresStore, tasks: usize, times: usize) -> Round {
    let (left, start) = (Arc::new(AtomicUsize::new(times)), Instant::now());
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (store, left) = (store.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                let mut took = Vec::new();
                let next = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok() {
                    let ((key, token), start) = (fresh(), Instant::now());
                    let claimed = store.claim(key, token, LEASE).await.expect("a claim");
                    took.push(start.elapsed());
                    assert_eq!(claimed, Claimed::Fresh);
                }
                took
            })
        })
        .collect();
    let mut took = Vec::with_capacity(times);
    for task in tasks {
        took.extend(task.await.expect("it ends"));
    }
    let per_second = times as f64 / start.elapsed().as_secs_f64();
    took.sort_unstable();
    let of = |hundredth: usize| took[took.len() * hundredth / 100];
    Round { per_second, middle: of(50), slow: of(99) }
}

async fn postgres() {
    let url = std::env::var("DATABASE_URL");
    let url = url.unwrap_or_else(|_| "postgres://postgres@127.0.0.1/test".to_owned());
    for prepared in [false, true] {
        let pool = PgPoolOptions::new().max_connections(8).test_before_acquire(false);
        let pool = pool.connect(&url).await.expect("Postgres");
        let table = format!("countersign_bench_{}", std::process::id());
        let store = PostgresStore::builder(pool.clone()).table(&table);
        let store = store.prepared_statements(prepared).build().expect("sound");
        store.migrate().await.expect("a table");
        let script = std::env::temp_dir().join(format!("{table}.sql"));
        // Keys that have not been there, as the store's are.
        let sql = store.claim_sql().replace("$1", ":key").replace("$2", ":owner");
        let sql = sql.replace("$3", &LEASE.as_micros().to_string()).replace("$4", ":token");
        let sql = sql.replace(":key::uuid", "md5(:a || ' ' || :b)::uuid");
        let sql = sql.replace(":owner::uuid", "md5(:b || ' ' || :a)::uuid");
        let sql = sql.replace(":token::uuid", "md5(:a || '/' || :b)::uuid");
        let numbers = "\\set a random(1, 1000000000)\n\\set b random(1, 1000000000)\n";
        std::fs::write(&script, format!("{numbers}{sql};\n")).expect("a file");
        let how = if prepared { "prepared" } else { "one message" };
        let mut rounds = [(1, 500), (8, 4_000), (64, 20_000)].map(|of| (of, Vec::new()));
        for _ in 0..5 {
            let base = pgbench(&script, prepared, &url);
            for ((tasks, times), rounds) in &mut rounds {
                rounds.push((base, claims(&store, *tasks, *times).await));
            }
        }
        for ((tasks, _), rounds) in rounds {
            let rates = rounds.iter().map(|(base, round)| (*base, round.per_second)).collect();
            let tasks = if tasks == 1 { "1 task".to_owned() } else { format!("{tasks} tasks") };
            let name = format!("Postgres, {how}, claims of {tasks} beside 8 clients of pgbench");
            print(&name, rates);
            let mut middle: Vec<_> = rounds.iter().map(|(_, round)| round.middle).collect();
            let mut slow: Vec<_> = rounds.iter().map(|(_, round)| round.slow).collect();
            middle.sort_unstable();
            slow.sort_unstable();
            let (middle, slow) = (middle[middle.len() / 2], slow[slow.len() / 2]);
            println!("    a claim took {middle:.2?}, the slowest of a hundred {slow:.2?}");
        }
        let drop = format!("DROP TABLE {table}, {table}_attempts, {table}_watermarks");
        let drop = sqlx::AssertSqlSafe(drop);
        sqlx::raw_sql(drop).execute(&pool).await.expect("dropped");
        let _ = std::fs::remove_file(script);
    }
}

/// How often a second eight clients of pgbench run the store's statement for one claim.
fn pgbench(script: &std::path::Path, prepared: bool, url: &str) -> f64 {
    let mut pgbench = Command::new("pgbench");
    pgbench.args(["-n", "-c", "8", "-j", "2", "-T", "2", "-f"]).arg(script);
    pgbench.args(["-M", if prepared { "prepared" } else { "simple" }]).arg(url);
    let said = pgbench.output().expect("pgbench");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    tps.and_then(|tps| tps.split(' ').next()?.parse().ok()).expect("a rate")
}
