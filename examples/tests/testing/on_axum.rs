//! A handler on axum.

use std::time::Duration;

use axum::http::StatusCode;
use axum::{Router, routing::post};
use countersign::providers::piora::{Event, EventType};
use countersign::{RejectionKind, Store, testing::TestKit};
use countersign_tower::testing::{layer, send};
use countersign_tower::{Webhook, WebhookLayer};

async fn on_event(webhook: Webhook<Event>) -> StatusCode {
    match webhook.event.event_type {
        EventType::BackupFailed => StatusCode::INTERNAL_SERVER_ERROR, // send it again
        _ => StatusCode::OK,
    }
}

fn app(webhooks: WebhookLayer<impl Store>) -> Router {
    Router::new().route("/webhooks/piora", post(on_event).route_layer(webhooks))
}

#[tokio::test]
async fn a_deployment_is_handled_once_however_late_its_retry_comes() {
    let kit = TestKit::new("piora").to("/webhooks/piora");
    let app = app(layer(&kit));
    let event = kit.event("deployment.failed");
    send(&app, &kit.request(&event)).await;
    kit.advance(Duration::from_secs(52_560)).await; // 14 h 36 min: the last retry
    send(&app, &kit.retry(&event, 5)).await;
    kit.assert_each_handled_once();
}

#[tokio::test]
async fn a_backup_that_failed_is_sent_again() {
    let kit = TestKit::new("piora").to("/webhooks/piora");
    let app = app(layer(&kit));
    let event = kit.event("backup.failed");
    send(&app, &kit.request(&event)).await;
    kit.assert_failed();
    kit.advance(Duration::from_secs(60)).await;
    send(&app, &kit.retry(&event, 1)).await;
    kit.assert_failed();
}

#[tokio::test]
async fn what_is_not_genuine_or_not_fresh_is_refused() {
    let kit = TestKit::new("piora").to("/webhooks/piora");
    let app = app(layer(&kit));
    let event = kit.event("deployment.failed");
    send(&app, &kit.tampered(&event)).await;
    kit.assert_refused(RejectionKind::SignatureMismatch);
    send(&app, &kit.stale(&event)).await;
    kit.assert_refused(RejectionKind::Stale);
}

#[tokio::test]
async fn copies_that_come_at_once_are_handled_once() {
    let kit = TestKit::new("piora").to("/webhooks/piora");
    let app = app(layer(&kit));
    let request = kit.request(&kit.event("server.alert"));
    tokio::join!(send(&app, &request), send(&app, &request), send(&app, &request));
    kit.assert_each_handled_once();
}

#[tokio::test]
async fn the_handler_as_a_plain_function() {
    let kit = TestKit::new("piora");
    let event = kit.event("backup.failed").set("data.server.name", "archive").unwrap();
    let webhook = Webhook::from_delivery(kit.delivery(&event)).unwrap();
    assert_eq!(on_event(webhook).await, StatusCode::INTERNAL_SERVER_ERROR);
}
