//! The page "Events that keep failing": its commands run, on a store in which a receiver parks events.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod shell;

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::post};
use countersign::signing::Sender;
use countersign::{Endpoint, Parking, Secret, catalogue};
use countersign_sqlx::SqliteStore;
use countersign_tower::testing::http_request;
use countersign_tower::{Webhook, WebhookLayer};
use tower::ServiceExt as _;

use shell::{Folder, bash, block, countersign};

const PAGE: &str = include_str!("../../docs/parking.md");

/// The attempts that its handler has seen, and whether it fails.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<(Vec<Option<u32>>, bool)>>);

async fn on_event(State(seen): State<Seen>, webhook: Webhook) -> StatusCode {
    let mut seen = seen.0.lock().unwrap();
    seen.0.push(webhook.delivery.attempt());
    if seen.1 {
        return StatusCode::OK;
    }
    webhook.delivery.set_failure("no such customer");
    StatusCode::UNPROCESSABLE_ENTITY
}

/// The receiver of the page, on a file, and without waiting for six hours.
struct Shop {
    sender: Sender,
    app: Router,
    seen: Seen,
}

impl Shop {
    fn new(store: SqliteStore) -> Self {
        let (secret, seen) = (Secret::new("whsec_a_test").unwrap(), Seen::default());
        let sender = Sender::catalogue("stripe", secret.clone()).unwrap().to("http://localhost/");
        let endpoint = Endpoint::builder("stripe", catalogue::provider("stripe").unwrap())
            .secret(secret)
            .park(Parking::after(5))
            .build()
            .unwrap();
        let route = post(on_event).route_layer(WebhookLayer::new(endpoint, store));
        let app = Router::new().route("/", route).with_state(seen.clone());
        Self { sender, app, seen }
    }

    async fn send(&self, id: &str) -> (u16, String) {
        let event = self.sender.event("invoice.paid").unwrap().set("id", id).unwrap();
        let request = http_request::<Body>(&self.sender.request(&event).unwrap()).unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.into_body());
        let body = to_bytes(body, 1_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// As the page says what the provider is answered.
    async fn parks(&self, id: &str) {
        for _ in 1..5 {
            assert_eq!(self.send(id).await.0, 422);
        }
        assert_eq!(self.send(id).await, (200, r#"{"status":"parked"}"#.to_owned()));
        assert_eq!(self.send(id).await, (200, r#"{"status":"duplicate"}"#.to_owned()));
    }
}

#[tokio::test]
async fn parked_events_are_seen_forgotten_and_handled_again() {
    let folder = Folder::new("parking-page");
    let file = folder.0.join("events.db");
    let shop = Shop::new(SqliteStore::open(&file).await.unwrap());
    for id in ["evt_1", "evt_2", "evt_3"] {
        shop.parks(id).await;
    }
    let store = format!("sqlite:{}", file.display());
    let run = async |block: &str| {
        let script = countersign() + block;
        bash(&script, &folder.0, &[("DATABASE_URL", &store)]).await
    };

    let shown = block(PAGE, "console", "parked --limit 20");
    let (command, shown) = shown.strip_prefix("$ ").unwrap().split_once('\n').unwrap();
    let listed = run(command).await;
    let listed: Vec<&str> = listed.lines().collect();
    // All but the key and the time.
    let rest = |line: &str| line.splitn(3, ' ').nth(2).unwrap().to_owned();
    assert_eq!(listed.len(), 3);
    assert_eq!(rest(listed[0]), rest(shown));
    assert_eq!(listed[0].split(' ').map(str::len).take(2).collect::<Vec<_>>(), [32, 24]);
    let counted = run(&block(PAGE, "sh", "uniq -c")).await;
    assert_eq!(counted.trim(), "3 stripe");

    let key = shown.split(' ').next().unwrap();
    let forget = block(PAGE, "sh", &format!("forget {key}"));
    let said = run(&forget.replace(key, listed[2].split(' ').next().unwrap())).await;
    assert!(said.contains("is forgotten"), "{said}");
    let said = run(&block(PAGE, "sh", "select(.endpoint")).await;
    assert_eq!(said.matches("is forgotten").count(), 2, "{said}");
    assert_eq!(run(command).await, "no event is parked\n");

    *shop.seen.0.lock().unwrap() = (Vec::new(), true);
    for id in ["evt_1", "evt_2", "evt_3"] {
        assert_eq!(shop.send(id).await.0, 200);
    }
    assert_eq!(shop.seen.0.lock().unwrap().0, [Some(1); 3]);
}
