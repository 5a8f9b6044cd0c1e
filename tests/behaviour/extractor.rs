//! What the axum extractor hands over, and what it says when it cannot.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, post};
use countersign::providers::{hostwares, piora};
use countersign::{Delivery, MemoryStore};
use countersign_tower::{Webhook, WebhookLayer};
use serde::Deserialize;
use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;

use crate::client::{Reply, Request};
use crate::fixtures;
use crate::logs::Logs;

/// Sends Piora deliveries to a route, one after the other.
async fn send(route: MethodRouter, requests: &[Request]) -> Vec<Reply> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/piora", route)).await });
    let mut replies = Vec::new();
    for request in requests {
        replies.push(request.send(server).await);
    }
    replies
}

fn layered(route: MethodRouter) -> MethodRouter {
    route
        .layer(WebhookLayer::new(fixtures::piora().endpoint().build().unwrap(), MemoryStore::new()))
}

#[tokio::test]
async fn a_built_in_event() {
    async fn handler(webhook: Webhook<piora::Event>) -> String {
        let deployment = webhook.event.data.unwrap_or_default().deployment.unwrap_or_default();
        format!("{} {}", webhook.event.event_type, deployment.id.unwrap_or_default())
    }
    let replies = send(layered(post(handler)), &[fixtures::piora().delivery(7)]).await;
    assert_eq!(replies[0].body, "deployment.failed d7");
}

#[tokio::test]
async fn a_type_of_ones_own_and_other_extractors_after_it() {
    #[derive(Deserialize)]
    struct Own {
        event: String,
    }
    async fn handler(
        Webhook { event, delivery, .. }: Webhook<Own>,
        axum::Json(json): axum::Json<serde_json::Value>,
    ) -> String {
        assert_eq!(serde_json::from_slice::<serde_json::Value>(delivery.body()).unwrap(), json);
        event.event
    }
    let request = fixtures::piora().delivery(1).header("content-type", "application/json");
    assert_eq!(send(layered(post(handler)), &[request]).await[0].body, "deployment.failed");
}

#[tokio::test]
async fn the_raw_delivery() {
    async fn handler(webhook: Webhook<Delivery>) -> String {
        assert!(webhook.delivery.age().unwrap().as_secs() < 60);
        assert_eq!(webhook.delivery.retries_left(), Some(5));
        webhook.event.key().to_string()
    }
    let replies = send(layered(post(handler)), &[fixtures::piora().delivery(1)]).await;
    assert_eq!(replies[0].body.len(), 32);
}

#[tokio::test]
async fn without_the_layer_it_says_what_to_add() {
    async fn handler(_: Webhook) -> StatusCode {
        StatusCode::OK
    }
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let replies = send(post(handler), &[fixtures::piora().delivery(1)]).await;
    replies[0].is_rejection(500, "misconfigured");
    assert!(
        logs.text().contains("add `.layer(WebhookLayer::new(endpoint, store))`"),
        "{}",
        logs.text()
    );
}

#[tokio::test]
async fn another_providers_event_is_a_mistake_of_ours() {
    async fn handler(_: Webhook<hostwares::Event>) -> StatusCode {
        StatusCode::OK
    }
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let replies = send(layered(post(handler)), &[fixtures::piora().delivery(1)]).await;
    replies[0].is_rejection(500, "misconfigured");
    assert!(logs.text().contains("takes events of `hostwares`"), "{}", logs.text());
}

#[tokio::test]
async fn a_body_that_does_not_fit_the_type_comes_in_again() {
    #[derive(Deserialize)]
    struct Own {
        #[expect(dead_code, reason = "its absence is the point")]
        no_such_field: String,
    }
    async fn handler(_: Webhook<Own>) -> StatusCode {
        StatusCode::OK
    }
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let request = fixtures::piora().delivery(1);
    for reply in send(layered(post(handler)), &[request.clone(), request]).await {
        reply.is_rejection(400, "event_mismatch");
    }
    assert!(logs.text().contains("missing field `no_such_field`"), "{}", logs.text());
}
