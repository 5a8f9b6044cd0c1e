//! The stores by concurrency.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::{ClaimToken, Claimed, EventKey, MemoryStore, Settled, Store};
use countersign_redis::{RedisStore, redis};
use countersign_sqlx::{PostgresStore, SqliteStore};
use sqlx::postgres::PgPoolOptions;
use tokio::runtime::Runtime;

use super::{Outcome, Section};
use crate::plan::Plan;
use crate::results::{Table, Unit, sorted_quantile};
use crate::turns::{Side, Turn, in_turns};

pub const SECTION: Section = Section {
    name: "stores",
    title: "Stores",
    about: "\
A claim of a new event and its completion, by so many tasks at once. The times are from the call to the
answer, and each is of one of the two. Redis and Postgres are servers on this machine, at `REDIS_URL` and
`DATABASE_URL` or at their standard ports; with their default settings, a Postgres commit and a SQLite commit
wait for the disk, and Redis does not. \"Redis, two SET NX PX\" is what the server does for two of the plainest
commands that could be a claim, over the same client.",
    charts: &["stores.svg"],
    measure,
};

const METRICS: [(&str, Unit); 3] = [
    ("claims with completions", Unit::PerSecond),
    ("p50 of a call", Unit::Nanoseconds),
    ("p99 of a call", Unit::Nanoseconds),
];

const LEASE: Duration = Duration::from_secs(60);

fn measure(plan: Plan) -> Outcome {
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let mut left_out = Vec::new();
    let mut works =
        vec![Work::of("MemoryStore", MemoryStore::builder().capacity(usize::MAX).build())];
    let folder = Folder::new();
    let sqlite = runtime.block_on(SqliteStore::open(folder.0.join("bench.db")));
    works.push(Work::of("SqliteStore", sqlite.expect("a file")));
    match runtime.block_on(connect_redis()) {
        Ok(redis) => works.extend(redis),
        Err(error) => left_out.push(format!("Redis: {error}. Set `REDIS_URL`.")),
    }
    let postgres = match runtime.block_on(Postgres::connect()) {
        Ok(postgres) => {
            works.push(Work::of("PostgresStore", postgres.store.clone()));
            Some(postgres)
        }
        Err(error) => {
            left_out.push(format!("Postgres: {error}. Set `DATABASE_URL`."));
            None
        }
    };
    let mut table = Table::new("stores", "Claims with completions", "", &METRICS);
    for tasks in [1, 8, 64] {
        let sides = works.iter().map(|work| {
            let (runtime, calls) = (&runtime, Arc::clone(&work.calls));
            Side::new(work.name, move |times| {
                // Fewer would not keep all tasks busy.
                let times = (times as usize).max(4 * tasks);
                runtime.block_on(all(tasks, times, Arc::clone(&calls)))
            })
        });
        let at = if tasks == 1 { "1 task".to_owned() } else { format!("{tasks} tasks") };
        let samples =
            in_turns(plan.rounds(15), plan.turn(Duration::from_millis(200)), sides.collect());
        for which in 0..works.len() {
            samples.row(&mut table, &at, f64::from(tasks as u32), which, which);
        }
    }
    if let Some(postgres) = postgres {
        runtime.block_on(postgres.drop_table());
    }
    Outcome { tables: vec![table], left_out }
}

/// Two calls, and how long each took.
type Took = Pin<Box<dyn Future<Output = [Duration; 2]> + Send>>;

type Calls = dyn Fn() -> Took + Send + Sync;

struct Work {
    name: &'static str,
    calls: Arc<Calls>,
}

impl Work {
    fn of(name: &'static str, store: impl Store + 'static) -> Self {
        let store = Arc::new(store);
        let calls = move || -> Took {
            let store = Arc::clone(&store);
            Box::pin(async move { claim_and_complete(&*store).await })
        };
        Self { name, calls: Arc::new(calls) }
    }
}

async fn claim_and_complete(store: &impl Store) -> [Duration; 2] {
    let (key, token) = fresh();
    let start = Instant::now();
    let claimed = store.claim(key, token, LEASE).await.expect("a claim");
    let claim = start.elapsed();
    assert_eq!(claimed, Claimed::Fresh);
    let done = store.complete(key, token, LEASE).await.expect("a completion");
    assert_eq!(done, Settled::Settled);
    [claim, start.elapsed() - claim]
}

fn fresh() -> (EventKey, ClaimToken) {
    let token = ClaimToken::random().expect("randomness");
    (EventKey::from_bytes(*token.as_bytes()), token)
}

/// So many times by so many tasks.
async fn all(tasks: usize, times: usize, calls: Arc<Calls>) -> Turn {
    let left = Arc::new(AtomicUsize::new(times));
    let start = Instant::now();
    let one = |_| {
        let (calls, left) = (Arc::clone(&calls), Arc::clone(&left));
        tokio::spawn(async move {
            let mut took = Vec::new();
            let next = |left: usize| left.checked_sub(1);
            while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok() {
                took.extend(calls().await);
            }
            took
        })
    };
    let tasks: Vec<_> = (0..tasks).map(one).collect();
    let mut each = Vec::with_capacity(2 * times);
    for task in tasks {
        each.extend(task.await.expect("it ends"));
    }
    let took = start.elapsed();
    each.sort_unstable();
    let quantile = |part| sorted_quantile(&each, part).as_nanos() as f64;
    let rate = times as f64 / took.as_secs_f64();
    Turn { took, values: vec![rate, quantile(0.5), quantile(0.99)] }
}

async fn connect_redis() -> Result<Vec<Work>, String> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
    let words = |error: &dyn std::error::Error| error.to_string();
    let client = redis::Client::open(url.as_str()).map_err(|error| words(&error))?;
    let plain = client.get_connection_manager().await.map_err(|error| words(&error))?;
    let store = RedisStore::builder().prefix("bench:").connect(url.as_str()).await;
    let store = store.map_err(|error| words(&error))?;
    let sets = move || -> Took {
        let mut plain = plain.clone();
        Box::pin(async move {
            let mut took = [Duration::ZERO; 2];
            for call in &mut took {
                let (key, token) = fresh();
                let mut set = redis::cmd("SET");
                set.arg(format!("bench:{key}")).arg(token.as_bytes());
                set.arg("NX").arg("PX").arg(LEASE.as_millis() as u64);
                let start = Instant::now();
                set.exec_async(&mut plain).await.expect("a SET");
                *call = start.elapsed();
            }
            took
        })
    };
    let sets = Work { name: "Redis, two SET NX PX", calls: Arc::new(sets) };
    Ok(vec![Work::of("RedisStore", store), sets])
}

/// A table of its own, which is gone afterwards.
struct Postgres {
    pool: sqlx::PgPool,
    store: PostgresStore,
    table: String,
}

impl Postgres {
    async fn connect() -> Result<Self, String> {
        let url = std::env::var("DATABASE_URL");
        let url = url.unwrap_or_else(|_| "postgres://postgres@127.0.0.1/test".to_owned());
        let pool = PgPoolOptions::new().max_connections(8);
        let pool = pool.acquire_timeout(Duration::from_secs(5)).connect(&url).await;
        let pool = pool.map_err(|error| error.to_string())?;
        let table = format!("countersign_bench_{}", std::process::id());
        let store = PostgresStore::builder(pool.clone()).table(&table).build();
        let store = store.map_err(|error| error.to_string())?;
        store.migrate().await.map_err(|error| error.to_string())?;
        Ok(Self { pool, store, table })
    }

    async fn drop_table(&self) {
        let sql = format!("DROP TABLE {0}, {0}_attempts, {0}_watermarks", self.table);
        let sql = sqlx::AssertSqlSafe(sql);
        sqlx::raw_sql(sql).execute(&self.pool).await.expect("dropped");
    }
}

/// For the file of SQLite; gone with this.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("countersign-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
