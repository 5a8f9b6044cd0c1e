//! Acknowledge at once, work later: for providers that hang up early or never send again, such as
//! Percher (five seconds, no retry), and for work that takes long.
//!
//! ```text
//! DATABASE_URL=postgres://postgres@127.0.0.1/test cargo run --example ack_then_work
//! ```
//!
//! The handler's transaction holds two things: a job with the delivery, and the mark "handled". Once
//! it has committed, neither a crash nor a second delivery can lose the work or do it twice over; the
//! job queue tries it again until it is done.
//!
//! The queue is Graphile Worker, here its Rust port: it lives in the same Postgres, and its documented way to
//! add a job is an SQL function, which can be called in anybody's transaction. `README.md` beside this file
//! compares it with others.

use std::error::Error;
use std::process;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::providers::percher;
use countersign::{Endpoint, ErrorChain, Secret};
use countersign_examples::{Client, Sender};
use countersign_sqlx::{CompleteIn as _, PostgresStore};
use countersign_tower::{Webhook, WebhookLayer};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext, WorkerOptions};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::net::TcpListener;

type Failure = Box<dyn Error + Send + Sync>;

/// What is to be done with a delivery, later.
#[derive(Deserialize, Serialize)]
struct Deployed {
    key: String,
    body: String,
}

impl TaskHandler for Deployed {
    const IDENTIFIER: &'static str = "deployed";

    /// The work. If it fails, the queue calls it again after a while.
    async fn run(self, _: WorkerContext) -> impl IntoTaskHandlerResult {
        tokio::time::sleep(Duration::from_millis(300)).await; // longer than a sender would wait
        println!("worked: {} {}", self.key, self.body);
        Ok::<(), String>(())
    }
}

/// The database, and the SQL that adds a job to the queue in it.
#[derive(Clone)]
struct Queue {
    pool: PgPool,
    add_job: String,
}

async fn on_event(State(queue): State<Queue>, webhook: Webhook<percher::Event>) -> StatusCode {
    match enqueue(&queue, &webhook).await {
        Ok(()) => StatusCode::ACCEPTED,
        Err(error) => {
            eprintln!("rejected: {}", ErrorChain::of(&*error));
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The job and the mark, together or not at all.
async fn enqueue(queue: &Queue, webhook: &Webhook<percher::Event>) -> Result<(), Failure> {
    let delivery = &webhook.delivery;
    let body = String::from_utf8_lossy(delivery.body()).into_owned();
    let job = serde_json::to_string(&Deployed { key: delivery.key().to_string(), body })?;
    let mut tx = queue.pool.begin().await?;
    sqlx::query(AssertSqlSafe(queue.add_job.as_str()))
        .bind(Deployed::IDENTIFIER)
        .bind(job)
        .execute(&mut *tx)
        .await?;
    webhook.complete_in(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::var("DATABASE_URL")
        .map_err(|_| "DATABASE_URL is not set: this example needs a Postgres")?;
    let pool = PgPool::connect(&url).await?;
    // Names of this run's own, because the example removes them in the end.
    let (jobs, claims) = (format!("jobs_{}", process::id()), format!("claims_{}", process::id()));
    let store = PostgresStore::builder(pool.clone()).table(&claims).build()?;
    store.migrate().await?;
    // Makes the queue's tables, in a schema of their own.
    let worker = WorkerOptions::default()
        .pg_pool(pool.clone())
        .schema(jobs.clone())
        .define_job::<Deployed>()
        .init()
        .await?;

    let [_, _, sender, ..] = Sender::all()?;
    let endpoint = Endpoint::builder("percher", percher::provider())
        .secret(Secret::new(sender.secret_text())?)
        .build()?;
    let webhooks = WebhookLayer::new(endpoint, store);
    let add_job = format!("SELECT FROM {jobs}.add_job($1, $2::json)");
    let app = Router::new()
        .route("/webhooks/percher", post(on_event).route_layer(webhooks))
        .with_state(Queue { pool: pool.clone(), add_job });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app).into_future());

    // Three events, each sent twice. The answers do not wait for the work.
    for number in 1..=3 {
        let event = sender.deliver(number, SystemTime::now());
        for _ in 0..2 {
            let client = Client::connect(address).await?;
            let answer = client.post(&event.path, &event.headers, &event.body).await?;
            println!("answered: {answer}");
        }
    }
    // All that is due, and no longer. A service would `run` it, here or in another process.
    worker.run_once().await?;

    let beside = format!("{claims}_attempts, {claims}_watermarks");
    let remove = format!("DROP SCHEMA {jobs} CASCADE; DROP TABLE {claims}, {beside}");
    let remove = format!("SET client_min_messages = warning; {remove}");
    sqlx::raw_sql(AssertSqlSafe(remove)).execute(&pool).await?;
    Ok(())
}
