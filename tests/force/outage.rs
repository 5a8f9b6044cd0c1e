//! P3 to P5 while the store's server is stopped, frozen and restarted, under load.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::providers::hostwares;
use countersign::{
    DynStore, Endpoint, HandlerTasks, Outcome, Reason, Receiver, RejectionKind, Report,
};
use countersign_redis::RedisStore;
use countersign_sqlx::PostgresStore;
use countersign_tower::{Webhook, WebhookLayer};
use sqlx::postgres::PgPoolOptions;

use crate::sender::{Sender, delivery, secret};
use crate::servers::Server;
use crate::{Dice, size};

const SENDERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_keeps_what_it_promised_costs_nothing() {
    let server = Server::redis();
    let store = RedisStore::connect(server.redis_url()).await.unwrap();
    let counted = outage(server, Arc::new(store)).await;
    assert_eq!(counted.twice, 0, "{counted:?}");
}

/// It forgets what was handled, and what is being handled: then an event may be handled again.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_persistence_loses_no_event() {
    let server = Server::forgetful_redis();
    let store = RedisStore::connect(server.redis_url()).await.unwrap();
    outage(server, Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_postgres_costs_nothing() {
    let server = Server::postgres();
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(1))
        .connect(&server.postgres_url())
        .await
        .unwrap();
    let store = PostgresStore::new(pool);
    store.migrate().await.unwrap();
    let counted = outage(server, Arc::new(store)).await;
    assert_eq!(counted.twice, 0, "{counted:?}");
}

/// What the handlers saw, and what was reported.
#[derive(Debug, Default)]
struct Counted {
    events: usize,
    twice: usize,
    refused: usize,
    #[expect(dead_code, reason = "printed")]
    recorded_late: usize,
    #[expect(dead_code, reason = "printed")]
    not_recorded: usize,
}

type Runs = Arc<Mutex<HashMap<String, usize>>>;

async fn outage(mut server: Server, store: Arc<dyn DynStore>) -> Counted {
    let runs: Runs = Arc::default();
    let reports: Arc<Mutex<HashMap<Reason, usize>>> = Arc::default();
    let tasks = HandlerTasks::new();
    let address = {
        let reports = Arc::clone(&reports);
        receive(store, &runs, &tasks, move |reason| {
            *reports.lock().unwrap().entry(reason).or_default() += 1;
        })
        .await
    };
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (stop, next) = (Arc::clone(&stop), Arc::clone(&next));
            tokio::spawn(async move {
                let mut sender = Sender::default();
                while !stop.load(Ordering::SeqCst) {
                    let delivery = delivery(next.fetch_add(1, Ordering::SeqCst));
                    sender.until_handled(address, &delivery).await;
                    sender.until_handled(address, &delivery).await;
                }
            })
        })
        .collect();
    let mut dice = Dice::new(2);
    for round in 0..size(3, 30) {
        tokio::time::sleep(Duration::from_millis(200 + dice.below(300))).await;
        // Longer than a store's call may take, and shorter.
        let long = if round == 0 { 1_200 } else { 100 + dice.below(700) };
        let pause = tokio::time::sleep(Duration::from_millis(long));
        if round % 2 == 0 {
            server.freeze();
            pause.await;
            server.thaw();
        } else {
            server.kill();
            pause.await;
            server.start_again();
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    tokio::time::timeout(Duration::from_secs(70), tasks.finished()).await.unwrap();

    let runs = runs.lock().unwrap();
    let reports = reports.lock().unwrap();
    let reported = |reason| reports.get(&reason).copied().unwrap_or(0);
    let counted = Counted {
        events: next.load(Ordering::SeqCst),
        twice: runs.values().filter(|runs| **runs > 1).count(),
        refused: reported(Reason::Rejected(RejectionKind::StoreUnavailable)),
        recorded_late: reported(Reason::RecordedLate),
        not_recorded: reported(Reason::NotRecorded) + reported(Reason::ClaimLost),
    };
    println!("{counted:?}");
    assert_eq!(runs.len(), counted.events, "none is lost: {counted:?}");
    assert!(counted.refused > 0, "there was an outage: {counted:?}");
    counted
}

async fn receive(
    store: Arc<dyn DynStore>,
    runs: &Runs,
    tasks: &HandlerTasks,
    noted: impl Fn(Reason) + Send + Sync + 'static,
) -> SocketAddr {
    let endpoint = Endpoint::builder("hostwares", hostwares::provider())
        .secret(secret())
        .lease(Duration::from_secs(60))
        .store_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    let receiver = Receiver::builder(endpoint, store)
        .observer(move |report: &Report<'_>| {
            let outcome = (report.outcome, report.reason);
            if let (Outcome::Rejected | Outcome::Accepted, Some(reason)) = outcome {
                noted(reason);
            }
        })
        .build();
    let layer = WebhookLayer::from_receiver(receiver).tasks(tasks);
    let app = Router::new()
        .route("/hostwares", post(handle).route_layer(layer))
        .with_state(Arc::clone(runs));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn handle(State(runs): State<Runs>, webhook: Webhook<hostwares::Event>) -> StatusCode {
    *runs.lock().unwrap().entry(webhook.event.id.unwrap()).or_default() += 1;
    tokio::time::sleep(Duration::from_millis(2)).await;
    StatusCode::OK
}
