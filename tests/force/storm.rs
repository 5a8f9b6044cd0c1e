//! P4 for senders that hang up at random moments: every claim is settled afterwards.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::providers::hostwares;
use countersign::{Endpoint, HandlerTasks, Receiver};
use countersign_actix::WebhookMiddleware;
use countersign_sqlx::PostgresStore;
use countersign_tower::WebhookLayer;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::database::{postgres_url, unique};
use crate::sender::{Sender, delivery, secret};
use crate::{Dice, size};

const SENDERS: usize = 24;

/// Shorter than a lease.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn on_axum_no_claim_is_left() {
    storm(false, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_axum_no_claim_of_a_cancelled_handler_is_left() {
    storm(false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_actix_no_claim_is_left() {
    storm(true, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_actix_no_claim_of_a_cancelled_handler_is_left() {
    storm(true, true).await;
}

async fn storm(actix: bool, cancel: bool) {
    let pool = PgPool::connect(&postgres_url()).await.expect("`cargo xtask test` brings Postgres");
    let table = unique("storm");
    let store = PostgresStore::builder(pool.clone()).table(&table).build().unwrap();
    store.migrate().await.unwrap();
    let endpoint =
        Endpoint::builder("hostwares", hostwares::provider()).secret(secret()).build().unwrap();
    let tasks = HandlerTasks::new();
    let receiver = Receiver::builder(endpoint, store).tasks(&tasks).build();
    let address = if actix { on_actix(receiver, cancel) } else { on_axum(receiver, cancel).await };

    let events = size(300, 10_000);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            tokio::spawn(async move {
                let mut dice = Dice::new(sender as u64);
                for number in (sender..events).step_by(SENDERS) {
                    let delivery = delivery(number);
                    for _ in 0..2 {
                        send_and_hang_up(address, &delivery, &mut dice).await;
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    tokio::time::timeout(LONG, tasks.finished()).await.unwrap();
    // Released events and tokens have no owner.
    let owned = "owner <> '00000000-0000-0000-0000-000000000000'";
    let in_flight = format!("SELECT count(*) FROM {table} WHERE NOT done AND {owned}");
    let in_flight = async || {
        let count = AssertSqlSafe(in_flight.clone());
        sqlx::query_scalar::<_, i64>(count).fetch_one(&pool).await.unwrap()
    };
    // Heads that had just arrived are handled yet. A claim that is left stays for the length of a lease.
    let started = Instant::now();
    while in_flight().await > 0 {
        assert!(started.elapsed() < LONG, "{} claims are left", in_flight().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let done = AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE done AND {owned}"));
    let done: i64 = sqlx::query_scalar(done).fetch_one(&pool).await.unwrap();
    println!("{events} events, two deliveries hung up on each: {done} handled");
    // And none is lost: each is handled, now or before.
    let mut sender = Sender::default();
    for number in 0..events {
        assert!(sender.until_handled(address, &delivery(number)).await < 50);
    }
    let drop = format!("DROP TABLE {table}, {table}_attempts, {table}_watermarks");
    let drop = AssertSqlSafe(drop);
    sqlx::query(drop).execute(&pool).await.unwrap();
}

/// In the middle of the head, of the body, of the handler, or not at all; properly or not.
async fn send_and_hang_up(to: SocketAddr, delivery: &[u8], dice: &mut Dice) {
    let mut connection = TcpStream::connect(to).await.unwrap();
    let whole = dice.below(4) > 0;
    let sent = if whole { delivery.len() } else { dice.below(delivery.len() as u64) as usize };
    if connection.write_all(&delivery[..sent]).await.is_ok() {
        tokio::time::sleep(Duration::from_micros(dice.below(6_000))).await;
    }
    match dice.below(2) {
        0 => connection.set_zero_linger().unwrap(),
        _ => drop(connection.shutdown().await),
    }
}

/// The handler's time in milliseconds: as long as senders wait, and longer.
async fn work() {
    tokio::time::sleep(Duration::from_millis(4)).await;
}

async fn on_axum(receiver: Receiver<PostgresStore>, cancel: bool) -> SocketAddr {
    let mut layer = WebhookLayer::from_receiver(receiver);
    if cancel {
        layer = layer.cancel_on_disconnect();
    }
    let handle = async |_: countersign_tower::Webhook| {
        work().await;
        StatusCode::OK
    };
    let app = Router::new().route("/hostwares", post(handle).route_layer(layer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn on_actix(receiver: Receiver<PostgresStore>, cancel: bool) -> SocketAddr {
    use actix_web::{App, HttpResponse, HttpServer, web};

    async fn handle(_: countersign_actix::Webhook) -> HttpResponse {
        work().await;
        HttpResponse::Ok().finish()
    }
    let mut middleware = WebhookMiddleware::from_receiver(receiver);
    if cancel {
        middleware = middleware.cancel_on_disconnect();
    }
    let middleware = Arc::new(middleware);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(move || {
        let resource = web::resource("/hostwares").wrap((*middleware).clone());
        App::new().service(resource.route(web::post().to(handle)))
    });
    tokio::spawn(server.workers(2).disable_signals().listen(listener).unwrap().run());
    address
}
