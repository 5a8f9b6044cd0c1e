//! The span of a delivery: OpenTelemetry's names, and the sender's trace as a field.

use bytes::Bytes;
use countersign::providers::hostwares;
use countersign::{Answer, HeadParts, MemoryStore, Receiver};

use crate::logs::Log;
use crate::support::{endpoint, sign};

const BODY: &str = r#"{"id":"evt_1","event":"site.created","timestamp":"2026-05-23T14:30:00Z"}"#;
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The log of a delivery to this target, whose handler answers this.
async fn log_of(target: &str, traceparent: &[&str], status: u16) -> String {
    let receiver = Receiver::new(endpoint(&hostwares::provider()), MemoryStore::new());
    let mut headers = sign(&hostwares::provider(), BODY);
    headers.extend(traceparent.iter().map(|value| ("traceparent".into(), (*value).to_owned())));
    let head = HeadParts { method: "POST", target, headers: &headers };
    Log::of(async {
        let arriving = receiver.begin(&head).unwrap();
        let body = Some(Bytes::from_static(BODY.as_bytes()));
        let delivery = receiver.receive(arriving, body, std::future::pending::<()>()).await;
        let handler = async |_| {
            tracing::info!("the handler runs");
            Answer::new(status, ())
        };
        receiver.handle(delivery.unwrap(), handler).await.unwrap();
    })
    .await
}

#[track_caller]
fn assert_has(line: &str, all: &[&str]) {
    for said in all {
        assert!(line.contains(said), "{said} in {line}");
    }
}

#[tokio::test]
async fn a_span_says_what_came_and_what_was_answered() {
    let log = log_of("/hooks/shop?token=hidden", &[TRACEPARENT], 503).await;
    let line = |words: &str| log.lines().find(|line| line.contains(words)).unwrap().to_owned();
    let begun = [
        r#"webhook{endpoint="hostwares""#,
        r#"messaging.message.id="evt_1""#,
        r#"http.request.method="POST""#,
        r#"url.path="/hooks/shop""#,
        &format!(r#"countersign.sender.traceparent="{TRACEPARENT}""#),
        r#"otel.kind="consumer""#,
    ];
    assert_has(&line("the handler runs"), &begun);
    let ended = line("webhook not handled");
    assert_has(&ended, &begun);
    assert_has(&ended, &["http.response.status_code=503", r#"error.type="handler_status""#]);
    assert!(!log.contains("hidden"), "{log}");
    let handled = log_of("/", &[], 200).await;
    assert_has(&handled, &["http.response.status_code=200"]);
    assert!(!handled.contains("error.type") && !handled.contains("traceparent"), "{handled}");
}

#[tokio::test]
async fn what_is_no_trace_is_not_shown() {
    let long = "0".repeat(10_000);
    for wrong in [
        &["not-a-trace"][..],
        &[&long],
        &[TRACEPARENT, TRACEPARENT],
        &["00-00000000000000000000000000000000-b7ad6b7169203331-01"],
    ] {
        let log = log_of("/", wrong, 200).await;
        assert!(!log.contains("traceparent") && log.contains("webhook handled"), "{log}");
    }
    let path = format!("/{}", "x".repeat(100_000));
    assert!(log_of(&path, &[], 200).await.lines().all(|line| line.len() < 2_000));
}
