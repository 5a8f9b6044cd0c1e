//! What is measured, by which clock, and what it costs while nobody listens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign::providers::{hostwares, piora};
use countersign::{
    Answer, Clock, Delivery, Endpoint, ManualClock, MemoryStore, Provider, Receiver, Report,
    Stages, Store,
};
use countersign_tests::Recorded;
use metrics::Unit;

use crate::support::{NOW, NOW_TEXT, SECRET, clock_at, seconds, secret, sign};

const BODY: &str = r#"{"id":"evt_1","event":"site.created","timestamp":"2026-05-23T14:30:00Z"}"#;

fn endpoint(clock: impl Clock) -> Endpoint {
    let endpoint = Endpoint::builder("shop", hostwares::provider()).secret(secret(SECRET));
    endpoint.clock(clock).build().unwrap()
}

fn memory(clock: &ManualClock) -> MemoryStore {
    MemoryStore::builder().clock(clock.clone()).build()
}

async fn proven(receiver: &Receiver<impl Store>, provider: &Provider, body: &str) -> Delivery {
    let arriving = receiver.begin(&sign(provider, body)).unwrap();
    let body = Some(Bytes::copy_from_slice(body.as_bytes()));
    receiver.receive(arriving, body, std::future::pending::<()>()).await.unwrap()
}

/// The whole way of an event, whose handler does this.
async fn send(receiver: &Receiver<impl Store>, handler: impl Fn() -> u16) -> bool {
    let delivery = proven(receiver, &hostwares::provider(), BODY).await;
    receiver.handle(delivery, async |_| Answer::new(handler(), ())).await.is_ok()
}

fn value(recorded: &Recorded, series: &str) -> f64 {
    recorded.of(series).into_values().sum()
}

/// A clock that stands, and counts how often it is read.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Clock for Counting {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + seconds(NOW)
    }

    fn monotonic(&self) -> Duration {
        self.0.fetch_add(1, Ordering::SeqCst);
        Duration::ZERO
    }
}

#[tokio::test]
async fn no_clock_is_read_for_nobody() {
    let reads = |observed: bool| async move {
        let clock = Counting::default();
        let receiver = Receiver::builder(endpoint(clock.clone()), MemoryStore::new());
        let receiver = match observed {
            true => receiver.observer(|_: &Report<'_>| {}).build(),
            false => receiver.build(),
        };
        assert!(send(&receiver, || 200).await);
        clock.0.load(Ordering::SeqCst)
    };
    // The arrival, the claim, and whether the claim came in time.
    assert_eq!(reads(false).await, 3);
    assert!(reads(true).await > 3);
}

#[tokio::test]
async fn the_stages_are_measured_by_the_endpoints_clock() {
    let clock = clock_at(NOW);
    let reports: Arc<Mutex<Vec<(Duration, Stages)>>> = Arc::default();
    let seen = Arc::clone(&reports);
    let receiver = Receiver::builder(endpoint(clock.clone()), memory(&clock))
        .observer(move |report: &Report<'_>| {
            seen.lock().unwrap().push((report.elapsed, *report.stages));
        })
        .build();
    let arriving = receiver.begin(&sign(&hostwares::provider(), BODY)).unwrap();
    clock.advance(seconds(3));
    let body = Some(Bytes::from_static(BODY.as_bytes()));
    let delivery = receiver.receive(arriving, body, std::future::pending::<()>()).await.unwrap();
    let handler = async |_| {
        clock.advance(seconds(40));
        Answer::new(500, ())
    };
    receiver.handle(delivery, handler).await.unwrap();
    let (elapsed, stages) = reports.lock().unwrap().pop().unwrap();
    assert_eq!(elapsed, seconds(43));
    assert_eq!(stages.proof, Some(seconds(3)));
    assert_eq!(stages.claim, Some(Duration::ZERO));
    assert_eq!(stages.handler, Some(seconds(40)));
    assert_eq!(stages.settle, Some(Duration::ZERO));
    // What a delivery does not come to has no time.
    receiver.begin(&[("x", "y")]).unwrap_err();
    assert_eq!(reports.lock().unwrap().pop().unwrap().1, Stages::default());
    assert!(send(&receiver, || 200).await);
    assert!(!send(&receiver, || 200).await);
    let (_, duplicate) = reports.lock().unwrap().pop().unwrap();
    assert!(duplicate.claim.is_some() && duplicate.handler.is_none());
}

#[tokio::test]
async fn the_metrics_are_measured_by_the_endpoints_clock() {
    let (recorded, clock) = (Recorded::default(), clock_at(NOW + 7));
    let _guard = metrics::set_default_local_recorder(&recorded);
    let receiver = Receiver::new(endpoint(clock.clone()), memory(&clock));
    let handler = || {
        clock.advance(seconds(40));
        200
    };
    assert!(send(&receiver, handler).await);
    let one = |series: &str| recorded.samples(series);
    assert_eq!(one(r#"countersign_handler_duration_seconds{endpoint="shop"}"#), [40.0]);
    let all = r#"countersign_delivery_duration_seconds{endpoint="shop",outcome="accepted"}"#;
    assert_eq!(one(all), [40.0]);
    let claim = r#"countersign_store_duration_seconds{store="memory",operation="claim"}"#;
    assert_eq!(one(claim), [0.0]);
    assert_eq!(one(r#"countersign_delivery_age_seconds{endpoint="shop"}"#), [7.0]);
    let last = value(&recorded, "countersign_last_genuine_delivery_timestamp_seconds");
    assert_eq!(last, (NOW + 7) as f64);
}

#[tokio::test]
async fn series_are_there_before_something_happens() {
    let recorded = Recorded::default();
    let _guard = metrics::set_default_local_recorder(&recorded);
    let _receiver = Receiver::new(endpoint(clock_at(NOW)), MemoryStore::new());
    let series = recorded.of("");
    let forged = r#"endpoint="shop",outcome="rejected",reason="signature_mismatch""#;
    assert_eq!(series.get(&format!("countersign_deliveries_total{{{forged}}}")), Some(&0.0));
    assert!(series.values().all(|value| *value == 0.0));
}

#[tokio::test]
async fn a_recorder_that_comes_later_is_found() {
    let clock = clock_at(NOW);
    let (recorded, store) = (Recorded::default(), memory(&clock));
    let receiver = Receiver::new(endpoint(clock.clone()), store.clone());
    assert!(send(&receiver, || 500).await);
    let _guard = metrics::set_default_local_recorder(&recorded);
    assert!(send(&receiver, || 200).await);
    assert_eq!(value(&recorded, r#"outcome="accepted",reason="none""#), 1.0);
    assert_eq!(value(&recorded, r#"outcome="failed""#), 0.0);
    // Handles are kept: nothing is looked up for a delivery.
    let registrations = recorded.registrations();
    assert!(!send(&receiver, || 200).await);
    assert_eq!(recorded.registrations(), registrations);
    assert_eq!(value(&recorded, r#"reason="duplicate""#), 1.0);
}

/// Its state is in a static: it has no size, as the one that stands for none.
struct Unsized;

static OF_UNSIZED: std::sync::LazyLock<Recorded> = std::sync::LazyLock::new(Recorded::default);

impl metrics::Recorder for Unsized {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<Unit>, _: metrics::SharedString) {}

    fn describe_gauge(&self, _: metrics::KeyName, _: Option<Unit>, _: metrics::SharedString) {}

    fn describe_histogram(&self, _: metrics::KeyName, _: Option<Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, key: &metrics::Key, of: &metrics::Metadata<'_>) -> metrics::Counter {
        OF_UNSIZED.register_counter(key, of)
    }

    fn register_gauge(&self, key: &metrics::Key, of: &metrics::Metadata<'_>) -> metrics::Gauge {
        OF_UNSIZED.register_gauge(key, of)
    }

    fn register_histogram(
        &self,
        key: &metrics::Key,
        of: &metrics::Metadata<'_>,
    ) -> metrics::Histogram {
        OF_UNSIZED.register_histogram(key, of)
    }
}

#[tokio::test]
async fn a_recorder_without_a_size_is_found() {
    let _guard = metrics::set_default_local_recorder(&Unsized);
    let receiver = Receiver::new(endpoint(clock_at(NOW)), MemoryStore::new());
    assert!(send(&receiver, || 200).await);
    assert_eq!(value(&OF_UNSIZED, r#"outcome="accepted",reason="none""#), 1.0);
}

#[tokio::test]
async fn every_metric_is_described_with_its_unit() {
    let (recorded, clock) = (Recorded::default(), clock_at(NOW));
    let _guard = metrics::set_default_local_recorder(&recorded);
    let receiver = Receiver::new(endpoint(clock.clone()), memory(&clock));
    assert!(send(&receiver, || 200).await);
    let described = recorded.described();
    for series in recorded.of("").keys() {
        let name = series.split('{').next().unwrap();
        let unit = described.get(name).unwrap_or_else(|| panic!("{name} is not described"));
        let is_time = name.ends_with("_seconds");
        assert_eq!(*unit, Some(if is_time { Unit::Seconds } else { Unit::Count }), "{name}");
    }
    let names: Vec<_> = described.keys().map(String::as_str).collect();
    let documented = include_str!("../../docs/seeing.md");
    for name in names {
        assert!(documented.contains(&format!("`{name}`")), "docs/seeing.md has no {name}");
    }
}

#[tokio::test]
async fn the_keys_of_all_memory_stores_are_added_up() {
    let recorded = Recorded::default();
    let _guard = metrics::set_default_local_recorder(&recorded);
    let keys = || value(&recorded, "countersign_memory_store_keys");
    let clock = clock_at(NOW);
    let (first, second) = (memory(&clock), memory(&clock));
    let receiver = Receiver::new(endpoint(clock.clone()), first.clone());
    assert!(send(&receiver, || 200).await);
    assert_eq!(keys(), 1.0);
    let other = Receiver::new(endpoint(clock.clone()), second);
    assert!(send(&other, || 500).await);
    assert_eq!(keys(), 1.0, "what is not handled is not kept");
    assert!(send(&other, || 200).await);
    assert_eq!(keys(), 2.0);
    drop(other);
    assert_eq!(keys(), 1.0);
}

#[tokio::test]
async fn a_claim_that_is_lost_is_counted_once() {
    let (recorded, clock) = (Recorded::default(), clock_at(NOW));
    let _guard = metrics::set_default_local_recorder(&recorded);
    let (lost, in_flight) = ("countersign_claims_lost_total", "countersign_claims_in_flight");
    let receiver = Receiver::new(endpoint(clock.clone()), memory(&clock));
    let lease = receiver.endpoint().lease();
    for status in [200, 500] {
        assert!(send(&receiver, || 500).await);
        assert_eq!(value(&recorded, in_flight), 0.0);
        let before = value(&recorded, lost);
        let slow = || {
            assert_eq!(value(&recorded, in_flight), 1.0);
            clock.advance(lease);
            status
        };
        assert!(send(&receiver, slow).await);
        assert_eq!(value(&recorded, lost), before + 1.0);
        assert_eq!(value(&recorded, in_flight), 0.0);
    }
    assert_eq!(value(&recorded, r#"reason="claim_lost""#), 1.0);
}

#[tokio::test]
async fn no_claim_stays_in_flight_whatever_becomes_of_its_handler() {
    let (recorded, clock) = (Recorded::default(), clock_at(NOW));
    let _guard = metrics::set_default_local_recorder(&recorded);
    let receiver = Receiver::new(endpoint(clock.clone()), memory(&clock));
    let delivery = proven(&receiver, &hostwares::provider(), BODY).await;
    let kept = Mutex::new(None);
    let handling = receiver.handle(delivery, async |delivery| {
        *kept.lock().unwrap() = Some(delivery);
        std::future::pending::<Answer<()>>().await
    });
    let mut handling = Box::pin(handling);
    let waker = std::task::Context::from_waker(std::task::Waker::noop());
    let mut cx = waker;
    assert!(handling.as_mut().poll(&mut cx).is_pending());
    assert_eq!(value(&recorded, "countersign_claims_in_flight"), 1.0);
    drop(handling);
    // Although somebody has the delivery still.
    assert!(kept.lock().unwrap().is_some());
    assert_eq!(value(&recorded, "countersign_claims_in_flight"), 0.0);
    assert_eq!(value(&recorded, r#"reason="handler_cancelled""#), 1.0);
}

#[tokio::test]
async fn a_failure_near_the_last_retry_is_counted() {
    let recorded = Recorded::default();
    let _guard = metrics::set_default_local_recorder(&recorded);
    let provider = piora::provider();
    let horizon = provider.retries().horizon().unwrap();
    let body = format!(
        r#"{{"event":"deployment.failed","timestamp":"{NOW_TEXT}","data":{{"deployment":{{"id":"d1"}}}}}}"#
    );
    for (age, status, counted) in
        [(Duration::ZERO, 500, 0.0), (horizon, 200, 0.0), (horizon, 500, 1.0)]
    {
        let clock = clock_at(NOW + age.as_secs());
        let endpoint = Endpoint::builder("piora", provider.clone()).secret(secret(SECRET));
        let endpoint = endpoint.clock(clock.clone()).build().unwrap();
        let receiver = Receiver::new(endpoint, memory(&clock));
        let delivery = proven(&receiver, &provider, &body).await;
        receiver.handle(delivery, async |_| Answer::new(status, ())).await.unwrap();
        assert_eq!(value(&recorded, "countersign_last_retry_failures_total"), counted);
    }
}
