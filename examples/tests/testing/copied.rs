//! A test that the inspector copied, with the application that it is for.

use axum::{Router, routing::post};
use countersign::Store;
use countersign_tower::{Webhook, WebhookLayer};

async fn on_event(webhook: Webhook<serde_json::Value>) {
    println!("{}", webhook.event);
}

fn app(webhooks: WebhookLayer<impl Store>) -> Router {
    Router::new().route("/webhooks/github", post(on_event).route_layer(webhooks))
}

// What was copied:
// Needs the dev-dependencies of docs/testing.md. The signature is made anew.
use countersign::testing::TestKit;
use countersign_tower::testing::{layer, send};

#[tokio::test]
async fn github_delivery_is_handled() {
    let kit = TestKit::new("github").to("/webhooks/github");
    let app = app(layer(&kit)); // your function that makes the Router
    let headers = [
        ("x-github-event", "ping"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("content-type", "application/json"),
    ];
    let body = r#"{"zen":"Keep it logically awesome.","hook_id":1}"#;
    let event = kit.sender().captured(headers, body).unwrap();
    let request = kit.request(&event);
    send(&app, &request).await;
    kit.assert_handled();
}
