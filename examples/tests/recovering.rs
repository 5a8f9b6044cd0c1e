//! The page "Recovering": its commands run, against receivers, and against APIs that answer as the
//! providers' pages say.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod shell;

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Json, Router, routing::post};
use countersign::testing::TestKit;
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_tower::testing::{http_request, layer};
use countersign_tower::{Webhook, WebhookLayer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use shell::{Folder, countersign};

const PAGE: &str = include_str!("../../docs/recovering.md");

/// The page's block of shell that contains this.
fn block(part: &str) -> String {
    shell::block(PAGE, "sh", part)
}

async fn bash(script: &str, folder: &Path) -> String {
    let variables = [
        ("GITHUB_TOKEN", "a-token"),
        ("STRIPE_API_KEY", "a-token"),
        ("SVIX_TOKEN", "a-token"),
        ("APP", "app_1"),
        ("ENDPOINT", "ep_1"),
        ("MESSAGE", "msg_1"),
        ("SHOPIFY_CLIENT_SECRET", "a secret"),
    ];
    shell::bash(script, folder, &variables).await
}

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

#[derive(Clone, Default)]
struct Keys(Arc<Mutex<Vec<String>>>);

async fn on_event(State(keys): State<Keys>, webhook: Webhook) -> StatusCode {
    keys.0.lock().unwrap().push(webhook.delivery.key().to_string());
    StatusCode::OK
}

/// `tokio::test` has one thread, so what the receiver says goes to this thread's subscriber.
#[tokio::test]
async fn the_keys_of_the_handled_events_are_in_the_log_and_are_forgotten() {
    let folder = Folder::new("recovering-log");
    let log = std::fs::File::create(folder.0.join("app.log.json")).unwrap();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log).finish();
    let keys = Keys::default();
    {
        let _log = tracing::subscriber::set_default(subscriber);
        let kit = TestKit::new("stripe").to("/");
        let route = post(on_event).route_layer(layer(&kit));
        let app = Router::new().route("/", route).with_state(keys.clone());
        for event in ["invoice.paid", "charge.refunded"] {
            let event = kit.event(event);
            for delivery in [kit.request(&event), kit.retry(&event, 1), kit.tampered(&event)] {
                app.clone().oneshot(http_request::<Body>(&delivery).unwrap()).await.unwrap();
            }
        }
    }
    let mut handled = keys.0.lock().unwrap().clone();
    handled.sort();
    assert_eq!(handled.len(), 2);

    bash(&block("jq -r 'select("), &folder.0).await;
    let keys_txt = std::fs::read_to_string(folder.0.join("keys.txt")).unwrap();
    assert_eq!(keys_txt.lines().collect::<Vec<_>>(), handled);
    // What it does is tested with the program; here, that it is asked for these.
    let forget = block("countersign store env:STORE forget");
    let printed =
        bash(&format!("countersign() {{ echo \"$@\"; cat; }}\n{forget}"), &folder.0).await;
    assert_eq!(printed, format!("store env:STORE forget -\n{}\n", handled.join("\n")));
}

#[tokio::test]
async fn a_body_that_was_read_from_the_api_is_sent_to_the_receiver() {
    let folder = Folder::new("recovering-send");
    std::fs::write(folder.0.join("order.json"), r#"{"id":1,"total_price":"403.00"}"#).unwrap();
    let endpoint = Endpoint::builder("shopify", catalogue::provider("shopify").unwrap())
        .secret(Secret::new("a secret").unwrap())
        .build();
    let layer = WebhookLayer::new(endpoint.unwrap(), MemoryStore::new());
    let keys = Keys::default();
    let route = post(on_event).route_layer(layer);
    let address =
        serve(Router::new().route("/webhooks/shopify", route).with_state(keys.clone())).await;

    let command = block("countersign trigger shopify").replace("127.0.0.1:3000", &address);
    let printed = bash(&(countersign() + &command), &folder.0).await;
    assert!(printed.contains("as it should be"), "{printed}");
    assert_eq!(keys.0.lock().unwrap().len(), 1);
}

#[derive(Clone, Default)]
struct Api(Arc<Mutex<Vec<String>>>);

/// What GitHub, Stripe and Svix answer, as far as the page's commands look at it.
async fn api(State(api): State<Api>, request: Request) -> Json<Value> {
    let (method, target) = (request.method().clone(), request.uri().to_string());
    let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
    assert!(["Bearer a-token", "Basic YS10b2tlbjo="].contains(&&*authorization));
    api.0.lock().unwrap().push(format!("{method} {target}"));
    Json(match (method.as_str(), &*target) {
        ("GET", target) if target.contains("/deliveries") => json!([
            {"id": 12_345_678, "guid": "a", "status": "OK", "status_code": 200},
            {"id": 12_345_679, "guid": "b", "status": "Invalid HTTP Response: 503", "status_code": 503},
            {"id": 12_345_680, "guid": "c", "status": "timed out", "status_code": 0},
        ]),
        ("GET", target) if target.starts_with("/v1/events") => {
            json!({"object": "list", "data": [{"id": "evt_1"}, {"id": "evt_2"}]})
        }
        _ => json!({}),
    })
}

/// Runs the block that contains this with the API elsewhere, and gives what it printed and asked.
async fn asks(part: &str, host: &str, before: &str) -> (String, Vec<String>) {
    let asked = Api::default();
    let address = serve(Router::new().fallback(api).with_state(asked.clone())).await;
    let block = block(part).replace(&format!("https://{host}"), &format!("http://{address}"));
    let printed = bash(&format!("{before}\n{block}"), &std::env::temp_dir()).await;
    let asked = asked.0.lock().unwrap().clone();
    (printed, asked)
}

#[tokio::test]
async fn github_is_asked_for_what_failed_and_no_more() {
    let (_, asked) = asks("api=https://api.github.com", "api.github.com", "").await;
    let hook = "/repos/OWNER/REPO/hooks/HOOK/deliveries";
    let expected = [
        format!("GET {hook}?per_page=100"),
        format!("POST {hook}/12345679/attempts"),
        format!("POST {hook}/12345680/attempts"),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn stripes_program_sends_each_event_that_failed() {
    let stripe = "stripe() { echo \"$@\"; }";
    let (printed, asked) =
        asks("curl -sS -G https://api.stripe.com", "api.stripe.com", stripe).await;
    assert_eq!(asked, ["GET /v1/events?delivery_success=false&limit=100"]);
    let resend = |id| format!("events resend {id} --webhook-endpoint=we_YOURS\n");
    assert_eq!(printed, ["evt_1", "evt_2"].map(resend).concat());
}

#[tokio::test]
async fn svix_is_asked_by_its_three_calls() {
    let (_, asked) = asks("api=https://api.svix.com", "api.svix.com", "").await;
    let app = "POST /api/v1/app/app_1";
    let expected = [
        format!("{app}/endpoint/ep_1/recover"),
        format!("{app}/endpoint/ep_1/replay-missing"),
        format!("{app}/msg/msg_1/endpoint/ep_1/resend"),
    ];
    assert_eq!(asked, expected);
}
