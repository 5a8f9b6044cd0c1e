//! The function runs as Lambda runs it: it asks a runtime API for events, and posts its answers there.
//! The events are those of an HTTP API (payload format 2.0), of a function URL, and of a REST API.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::signing::Signer;
use countersign::{Secret, catalogue};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

const SECRET: &str = "a secret";
const HTTP_API: &str = include_str!("../events/http-api.json");
const FUNCTION_URL: &str = include_str!("../events/function-url.json");
const REST_API: &str = include_str!("../events/rest-api.json");

/// Lambda's runtime API: events go out in the order in which they came, and answers come back.
struct Runtime {
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
    answers: mpsc::UnboundedSender<Value>,
}

async fn next(State(runtime): State<Arc<Runtime>>) -> (HeaderMap, Json<Value>) {
    let event = runtime.events.lock().await.recv().await;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "99999999999999"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-north-1:1:function:webhooks"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    match event {
        Some(event) => (headers, Json(event)),
        None => std::future::pending().await,
    }
}

async fn answered(
    State(runtime): State<Arc<Runtime>>,
    Path((_, what)): Path<(String, String)>,
    answer: Bytes,
) {
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(what, "response", "{answer}");
    runtime.answers.send(answer).unwrap();
}

/// A place in Redis that no other test has. It is empty after the test.
struct Place {
    url: String,
    prefix: String,
}

impl Place {
    fn new() -> Arc<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        Arc::new(Self { url, prefix: format!("countersign-lambda-{now}-{process}-{number}:") })
    }

    fn remove(&self) -> redis::RedisResult<usize> {
        let mut redis = redis::Client::open(&*self.url)?.get_connection()?;
        let mut removed = 0;
        // What stands beside an event's key has the key in braces.
        for pattern in [format!("{}*", self.prefix), format!("{{{}*", self.prefix)] {
            let mut cursor = 0_u64;
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1_000);
                let keys: Vec<Vec<u8>>;
                (cursor, keys) = scan.query(&mut redis)?;
                if !keys.is_empty() {
                    removed += redis::cmd("DEL").arg(keys).query::<usize>(&mut redis)?;
                }
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(removed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// The function, as a process; it ends with the test.
struct Function {
    _process: Child,
    _place: Arc<Place>,
    events: mpsc::UnboundedSender<Value>,
    answers: mpsc::UnboundedReceiver<Value>,
}

impl Function {
    async fn start() -> Self {
        Self::at(&Place::new()).await
    }

    async fn at(place: &Arc<Place>) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let (answers, answered_with) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime { events: Mutex::new(receiver), answers });
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{what}", post(answered))
            .with_state(runtime);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(axum::serve(listener, api).into_future());
        let process = Command::new(env!("CARGO_BIN_EXE_countersign-on-lambda"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "webhooks")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("GITHUB_WEBHOOK_SECRET", SECRET)
            .env("REDIS_URL", &place.url)
            .env("REDIS_PREFIX", &place.prefix)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { _process: process, _place: Arc::clone(place), events, answers: answered_with }
    }

    /// Sends an event, and gives the answer's status and body.
    async fn invoke(&mut self, event: Value) -> (u64, String) {
        self.events.send(event).unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(120), self.answers.recv());
        let answer = answer.await.unwrap().unwrap();
        let body = answer["body"].as_str().unwrap_or_default().to_owned();
        (answer["statusCode"].as_u64().unwrap(), body)
    }
}

/// A body that no other test has sent.
fn body(form: bool) -> String {
    let fresh = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let json = format!(r#"{{"action":"created","nonce":"{}","name":"naïve"}}"#, fresh.as_nanos());
    if !form {
        return json;
    }
    let encoded: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("payload={encoded}")
}

/// The event in which this body arrives, signed as GitHub signs it.
fn signed(event: &str, body: &str, content_type: &str, encoded: bool) -> Value {
    let mut event: Value = serde_json::from_str(event).unwrap();
    let provider = catalogue::provider("github").unwrap();
    let headers = Signer::new(&provider, &Secret::new(SECRET).unwrap()).sign(body);
    let many = event.get("multiValueHeaders").is_some();
    let mut set = |name: &str, value: &str| {
        event["headers"][name] = value.into();
        if many {
            event["multiValueHeaders"][name] = vec![value].into();
        }
    };
    for (name, value) in &headers {
        set(&name.to_ascii_lowercase(), value);
    }
    set("x-github-event", "star");
    set("content-type", content_type);
    set("content-length", &body.len().to_string());
    event["isBase64Encoded"] = encoded.into();
    event["body"] = if encoded { STANDARD.encode(body) } else { body.to_owned() }.into();
    event
}

async fn is_handled_once(event: &str, form: bool, encoded: bool) {
    let mut function = Function::start().await;
    let content_type = if form { "application/x-www-form-urlencoded" } else { "application/json" };
    let body = body(form);
    let event = signed(event, &body, content_type, encoded);
    assert_eq!(function.invoke(event.clone()).await, (200, String::new()));
    let duplicate = (200, r#"{"status":"duplicate"}"#.to_owned());
    assert_eq!(function.invoke(event.clone()).await, duplicate);

    // One byte of the body is another one; its base64 is well formed.
    let changed = body.replacen("c", "k", 1).replacen("%63", "%6B", 1);
    let mut forged = event;
    forged["body"] = if encoded { STANDARD.encode(&changed) } else { changed }.into();
    let refused = (401, r#"{"error":"signature_mismatch"}"#.to_owned());
    assert_eq!(function.invoke(forged).await, refused);
}

#[tokio::test]
async fn json_from_an_http_api_comes_as_text() {
    is_handled_once(HTTP_API, false, false).await;
}

#[tokio::test]
async fn a_form_from_an_http_api_comes_in_base64() {
    is_handled_once(HTTP_API, true, true).await;
}

#[tokio::test]
async fn a_function_url_sends_the_same_format() {
    is_handled_once(FUNCTION_URL, false, true).await;
}

#[tokio::test]
async fn a_rest_api_sends_the_older_format() {
    is_handled_once(REST_API, false, false).await;
}

#[tokio::test]
async fn two_copies_of_the_function_share_the_store() {
    let place = Place::new();
    let (mut first, mut second) = (Function::at(&place).await, Function::at(&place).await);
    let event = signed(HTTP_API, &body(false), "application/json", false);
    assert_eq!(first.invoke(event.clone()).await.0, 200);
    assert_eq!(second.invoke(event).await.1, r#"{"status":"duplicate"}"#);
    assert_eq!(place.remove().unwrap(), 1, "the event, in a place of the test's own");
}

#[tokio::test]
async fn a_request_without_a_signature_is_refused() {
    let mut function = Function::start().await;
    let mut event = signed(HTTP_API, &body(false), "application/json", false);
    event["headers"].as_object_mut().unwrap().remove("x-hub-signature-256");
    let refused = (401, r#"{"error":"signature_missing"}"#.to_owned());
    assert_eq!(function.invoke(event).await, refused);
}
