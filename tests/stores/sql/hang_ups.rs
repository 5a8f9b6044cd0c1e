//! PostgreSQL: senders that hang up in numbers. The release of a cancelled request goes over another
//! connection of the pool than its claim, and often arrives first.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::testing::Signer;
use countersign::{Endpoint, HandlerTasks, Receiver, Secret};
use countersign_tower::WebhookLayer;
use sqlx::PgPool;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::receiver::{SECRET, provider};
use super::{LEASE, Schema};

/// Half as many as connections: a release finds one at once, while its claim is being committed.
const SENDERS: usize = 8;

fn hang_ups() -> usize {
    if std::env::var_os("COUNTERSIGN_LONG").is_some() { 1_200 } else { 300 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_claim_of_a_sender_that_hung_up_stays() {
    let (schema, _, direct) = Schema::migrated().await;
    let pool = schema.pool(16);
    let store = schema.store(&pool);
    store.check().await.unwrap();
    // A cancelled request takes the connection along that it was opening.
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(pool.acquire().await.unwrap());
    }
    drop(open);
    let endpoint = Endpoint::builder("plain", provider()).secret(Secret::new(SECRET).unwrap());
    let tasks = HandlerTasks::new();
    let endpoint = endpoint.lease(LEASE).build().unwrap();
    let receiver = Receiver::builder(endpoint, store).tasks(&tasks).build();
    let layer = WebhookLayer::from_receiver(receiver).cancel_on_disconnect();
    let handle = async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        StatusCode::OK
    };
    let app = Router::new().route("/", post(handle).route_layer(layer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let hang_ups = hang_ups();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            tokio::spawn(async move {
                for number in (sender..hang_ups).step_by(SENDERS) {
                    send_and_hang_up(address, number).await;
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let started = Instant::now();
    tokio::time::timeout(Duration::from_secs(30), tasks.finished()).await.unwrap();
    // What a connection of the pool still holds arrives meanwhile.
    tokio::time::sleep(Duration::from_millis(300)).await;
    while started.elapsed() < Duration::from_secs(20) && left(&direct).await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let released: i64 = sqlx::query_scalar("SELECT count(*) FROM countersign WHERE done")
        .fetch_one(&direct)
        .await
        .unwrap();
    let left = left(&direct).await;
    println!("{hang_ups} hang-ups, {released} tokens released, {left} claims left");
    assert_eq!(left, 0, "claims stayed");
    assert!(released > 0, "no claim was under way when its sender hung up");
}

/// Claims that somebody would have to settle.
async fn left(pool: &PgPool) -> i64 {
    let held = "SELECT count(*) FROM countersign \
        WHERE NOT done AND owner <> '00000000-0000-0000-0000-000000000000'";
    sqlx::query_scalar(held).fetch_one(pool).await.unwrap()
}

async fn send_and_hang_up(to: SocketAddr, number: usize) {
    let event = number.to_string();
    let (provider, secret) = (provider(), Secret::new(SECRET).unwrap());
    let signer = Signer::new(&provider, &secret);
    let mut request = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n", event.len());
    for (name, value) in signer.sign(&event) {
        request += &format!("{name}: {value}\r\n");
    }
    let mut connection = TcpStream::connect(to).await.unwrap();
    connection.write_all(format!("{request}\r\n{event}").as_bytes()).await.unwrap();
    // While the claim is on its way, and around that, however busy the machine is.
    tokio::time::sleep(Duration::from_micros(number as u64 % 60 * 500)).await;
    connection.set_zero_linger().unwrap();
}
