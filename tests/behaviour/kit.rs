//! The kit for tests of handlers: its clock ages everything, and its assertions can fail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::{Router, routing::post};
use countersign::signing::Outgoing;
use countersign::testing::TestKit;
use countersign::{Clock as _, Provider, RejectionKind, Signature, Store};
use countersign_tower::testing::send;
use countersign_tower::{Webhook, WebhookLayer};

const HOUR: Duration = Duration::from_secs(3600);

/// An app whose handler takes this long, by tokio's time, and counts how often it has begun.
fn app(layer: WebhookLayer<impl Store>, takes: Duration) -> (Router, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let handler = async move |_: Webhook| {
        count.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(takes).await;
        StatusCode::OK
    };
    (Router::new().route("/", post(handler).route_layer(layer)), begun)
}

fn layer(kit: &TestKit) -> WebhookLayer<impl Store> {
    WebhookLayer::from_receiver(kit.receiver())
}

/// Each takes milliseconds, however much time is skipped.
async fn quickly(test: impl Future<Output = ()>) {
    let start = Instant::now();
    test.await;
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[tokio::test]
async fn windows_and_retention_age() {
    quickly(async {
        // No time is sent, so only the memory of the store can end.
        let kit = TestKit::new("github");
        let (app, begun) = app(layer(&kit), Duration::ZERO);
        let request = kit.request(&kit.event("push"));
        send(&app, &request).await;
        kit.assert_handled();
        let retention = kit.endpoint().build().unwrap().retention();
        kit.advance(retention - HOUR).await;
        send(&app, &request).await;
        kit.assert_duplicate();
        kit.advance(2 * HOUR).await;
        send(&app, &request).await;
        kit.assert_handled();
        assert_eq!(begun.load(Ordering::Relaxed), 2);

        let kit = TestKit::new("stripe");
        let (app, _) = self::app(layer(&kit), Duration::ZERO);
        let request = kit.request(&kit.event("invoice.paid"));
        kit.advance(Duration::from_secs(301)).await;
        send(&app, &request).await;
        kit.assert_refused(RejectionKind::Stale);
    })
    .await;
}

#[tokio::test]
async fn leases_are_renewed_and_end() {
    quickly(async {
        let kit = TestKit::new("github");
        let (app, begun) = app(layer(&kit), 20 * HOUR);
        let request = kit.request(&kit.event("push"));
        let slow = tokio::spawn({
            let (app, request) = (app.clone(), request.clone());
            async move { send(&app, &request).await.status() }
        });
        kit.advance(Duration::from_secs(1)).await;
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        // Longer than one lease: it has been renewed.
        let lease = kit.endpoint().build().unwrap().lease();
        kit.advance(lease * 2).await;
        send(&app, &request).await;
        kit.assert_refused(RejectionKind::InFlight);
        // Longer than leases are renewed: the retry is handled.
        kit.advance(3 * HOUR).await;
        let retry = tokio::spawn({
            let (app, request) = (app.clone(), request.clone());
            async move { send(&app, &request).await.status() }
        });
        kit.advance(Duration::from_secs(1)).await;
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        kit.advance(30 * HOUR).await;
        let (slow, retry) = (slow.await.unwrap(), retry.await.unwrap());
        assert_eq!((slow, retry), (StatusCode::OK, StatusCode::OK));
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_handler_is_settled_in_the_background() {
    quickly(async {
        let kit = TestKit::new("github");
        let (app, begun) = app(layer(&kit).cancel_on_disconnect(), HOUR);
        let request = kit.request(&kit.event("push"));
        let hung_up = tokio::time::timeout(Duration::from_millis(5), send(&app, &request)).await;
        assert!(hung_up.is_err());
        kit.advance(Duration::from_millis(50)).await;
        let (again, clock) = (send(&app, &request), kit.clock().now());
        let again = tokio::join!(again, kit.advance(2 * HOUR)).0;
        assert_eq!(again.status(), StatusCode::OK);
        kit.assert_handled();
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        assert!(kit.clock().now().duration_since(clock).unwrap() >= 2 * HOUR);
    })
    .await;
}

#[tokio::test]
async fn time_runs_on_where_nobody_skips_it() {
    let kit = TestKit::new("piora");
    kit.advance(HOUR).await;
    let start = (kit.clock().now(), tokio::time::Instant::now());
    std::thread::sleep(Duration::from_millis(2));
    assert!(kit.clock().now() > start.0 && start.1.elapsed() > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_runtime_with_paused_time_stays_paused() {
    let kit = TestKit::new("piora");
    kit.advance(HOUR).await;
    let start = tokio::time::Instant::now();
    std::thread::sleep(Duration::from_millis(2));
    assert!(start.elapsed().is_zero());
    let (app, _) = app(layer(&kit), Duration::ZERO);
    send(&app, &kit.request(&kit.event("server.alert"))).await;
    kit.assert_handled();
}

#[tokio::test]
async fn each_assertion_can_fail() {
    let kit = TestKit::of(
        Provider::builder("acme").hmac_sha256(Signature::header("X-Acme")).build().unwrap(),
    );
    let fails = |assert: &dyn Fn()| {
        let error = catch_unwind(AssertUnwindSafe(assert)).expect_err("it holds");
        *error.downcast::<String>().unwrap()
    };
    assert!(fails(&|| kit.assert_handled()).contains("no delivery reached the middleware"));
    assert!(fails(&|| kit.assert_each_handled_once()).contains("no event came"));

    let (app, _) = app(layer(&kit), Duration::ZERO);
    let event = Outgoing::json("{}").unwrap();
    send(&app, &kit.tampered(&event)).await;
    let said = fails(&|| kit.assert_handled());
    assert!(
        said.contains("not handled; deliveries so far: rejected (signature_mismatch)"),
        "{said}"
    );
    fails(&|| kit.assert_refused(RejectionKind::Stale));
    kit.assert_refused(RejectionKind::SignatureMismatch);
    send(&app, &kit.request(&event)).await;
    kit.assert_each_handled_once();
    fails(&|| kit.assert_duplicate());
    fails(&|| kit.assert_failed());
    send(&app, &kit.request(&event)).await;
    kit.assert_duplicate();
    fails(&|| kit.assert_handled());
    kit.assert_each_handled_once();
    // Once its memory ends, it is handled a second time.
    kit.advance(100 * HOUR).await;
    send(&app, &kit.request(&event)).await;
    kit.assert_handled();
    assert!(fails(&|| kit.assert_each_handled_once()).contains("was handled 2 times"));
}

#[tokio::test]
async fn there_is_a_secret_for_every_provider_of_the_catalogue() {
    for preset in countersign::catalogue::all() {
        let kit = TestKit::of(preset.provider());
        drop(kit.endpoint().build().unwrap_or_else(|error| panic!("{}: {error}", preset.id())));
    }
}
