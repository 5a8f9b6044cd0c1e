//! P3 and P5: once at a time, and once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::testing::Signer;
use countersign::{Endpoint, ManualClock, MemoryStore, Secret, catalogue};

use crate::client::Request;
use crate::fixtures;
use crate::harness::{Adapter, App, Gate, Handler, eventually, on_every_adapter};

on_every_adapter! {
    four_copies_are_handled_once
    eight_concurrent_copies_run_one_handler
    a_storm_of_copies_never_overlaps
    a_handled_event_is_remembered_for_its_retention
    no_replay_is_both_fresh_and_forgotten
    every_2xx_counts_as_handled
    the_answer_to_a_duplicate_can_be_changed
    events_with_equal_bytes_are_handled_each
}

async fn four_copies_are_handled_once<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let reports = app.reports.clone();
        let server = A::serve(app).await;
        let request = fixture.delivery(1);
        assert_eq!(request.send(server).await.status, 200);
        for _ in 0..3 {
            request.send(server).await.is_duplicate();
        }
        assert_eq!(handler.runs(), 1, "{}", fixture.name);
        let outcomes: Vec<_> = reports.all().iter().map(|(outcome, _)| outcome.as_str()).collect();
        assert_eq!(outcomes, ["accepted", "duplicate", "duplicate", "duplicate"]);
        assert_eq!(fixture.delivery(2).send(server).await.status, 200);
        assert_eq!(handler.runs(), 2, "another event is another event");
    }
}

async fn eight_concurrent_copies_run_one_handler<A: Adapter>() {
    for fixture in fixtures::all() {
        let gate = Gate::shut();
        let handler = Handler::gated(&gate);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = fixture.delivery(1);
        let copies: Vec<_> = (0..8)
            .map(|_| {
                let request = request.clone();
                tokio::spawn(async move { request.send(server).await })
            })
            .collect();
        // Seven are turned away while the one that got through is at the gate.
        eventually("seven answers", || {
            copies.iter().filter(|copy| copy.is_finished()).count() == 7
        })
        .await;
        gate.open();
        let mut statuses = Vec::new();
        for copy in copies {
            let reply = copy.await.unwrap();
            if reply.status != 200 {
                reply.is_not_now("in_flight");
            }
            statuses.push(reply.status);
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 503, 503, 503, 503, 503, 503, 503]);
        request.send(server).await.is_duplicate();
        assert_eq!(handler.runs(), 1, "{}", fixture.name);
    }
}

/// Many events, each sent by many at once again and again until it is handled: no two handlers of
/// one event overlap, and none runs after one has succeeded.
async fn a_storm_of_copies_never_overlaps<A: Adapter>() {
    const EVENTS: u32 = 20;
    let running: Arc<Vec<AtomicUsize>> =
        Arc::new((0..EVENTS).map(|_| AtomicUsize::new(0)).collect());
    let overlaps = Arc::new(AtomicUsize::new(0));
    let handler = {
        let (running, overlaps) = (Arc::clone(&running), Arc::clone(&overlaps));
        Handler::new(move |call| {
            let (running, overlaps) = (Arc::clone(&running), Arc::clone(&overlaps));
            async move {
                let id: usize = call.delivery.id().unwrap()[4..].parse().unwrap();
                if running[id].fetch_add(1, Ordering::SeqCst) > 0 {
                    overlaps.fetch_add(1, Ordering::SeqCst);
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
                running[id].fetch_sub(1, Ordering::SeqCst);
                // Every third run fails, so that claims are released in the middle of the storm.
                if call.run.is_multiple_of(3) { 500 } else { 200 }
            }
        })
    };
    let fixture = fixtures::hostwares();
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let mut senders = Vec::new();
    for number in 0..EVENTS {
        let request = fixture.delivery(number);
        for _ in 0..6 {
            let request = request.clone();
            senders.push(tokio::spawn(async move {
                while request.send(server).await.status != 200 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }));
        }
    }
    for sender in senders {
        tokio::time::timeout(Duration::from_secs(30), sender).await.unwrap().unwrap();
    }
    assert_eq!(overlaps.load(Ordering::SeqCst), 0);
    let handled = handler.runs() - handler.runs() / 3;
    assert_eq!(handled, EVENTS as usize, "each event succeeded once");
}

async fn a_handled_event_is_remembered_for_its_retention<A: Adapter>() {
    let fixture = fixtures::hostwares();
    let handler = Handler::answering(200);
    let clock = ManualClock::at(std::time::SystemTime::now());
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let endpoint = fixture.endpoint().clock(clock.clone()).build().unwrap();
    let retention = endpoint.retention();
    let server = A::serve(App::new([endpoint], &handler).store(Arc::new(store))).await;
    let happened = std::time::SystemTime::now();
    assert_eq!(fixture.delivery_at(1, happened).send(server).await.status, 200);
    clock.advance(retention);
    // The same id with a later time, so that only the memory can refuse it.
    let replay = fixture.delivery_at(1, happened + retention);
    replay.send(server).await.is_duplicate();
    // Remembered longer: the window that it covers holds its edges, and a call of the store may
    // take its time between the judgement that a delivery is fresh and its claim.
    let store_timeout = Duration::from_secs(2);
    clock.advance(store_timeout);
    replay.send(server).await.is_duplicate();
    clock.advance(Duration::from_secs(1));
    assert_eq!(replay.send(server).await.status, 200);
    assert_eq!(handler.runs(), 2);
}

/// The tightest configuration that builds: a replay at the last moment of the window.
async fn no_replay_is_both_fresh_and_forgotten<A: Adapter>() {
    let fixture = fixtures::percher();
    let handler = Handler::answering(200);
    let happened = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let tolerance = Duration::from_secs(300);
    let clock = ManualClock::at(happened - tolerance);
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let endpoint = fixture.endpoint().window(countersign::Window::new(tolerance, tolerance));
    let endpoint = endpoint.retention(2 * tolerance).clock(clock.clone()).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler).store(Arc::new(store))).await;
    let request = fixture.delivery_at(1, happened);
    assert_eq!(request.send(server).await.status, 200);
    clock.advance(2 * tolerance);
    request.send(server).await.is_duplicate();
    clock.advance(Duration::from_millis(1));
    request.send(server).await.is_rejection(401, "timestamp_stale");
    assert_eq!(handler.runs(), 1);
}

async fn every_2xx_counts_as_handled<A: Adapter>() {
    let fixture = fixtures::piora();
    for status in [200, 201, 202, 204, 299] {
        let handler = Handler::answering(status);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = fixture.delivery(1);
        assert_eq!(request.send(server).await.status, status);
        request.send(server).await.is_duplicate();
        assert_eq!(handler.runs(), 1);
    }
}

async fn the_answer_to_a_duplicate_can_be_changed<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let endpoint = fixture.endpoint().answer(countersign::RejectionKind::Duplicate, 204);
    let server = A::serve(App::new([endpoint.build().unwrap()], &handler)).await;
    let request = fixture.delivery(1);
    request.send(server).await;
    let reply = request.send(server).await;
    assert_eq!((reply.status, &*reply.body), (204, ""));
    assert_eq!(handler.runs(), 1);
}

/// A second change of one account is the same to the byte (P6); a handled event is forgotten then, and
/// nothing else.
async fn events_with_equal_bytes_are_handled_each<A: Adapter>() {
    const FORM: &str = "Digits=1&CallSid=CA1";
    for (id, body) in [
        ("dropbox", r#"{"list_folder":{"accounts":["dbid:1"]}}"#),
        ("clickup", r#"{"event":"taskUpdated","task_id":"1"}"#),
        ("acuity", r#"{"action":"changed","id":"1"}"#),
        ("twilio", FORM),
        ("twilio-shared-key", FORM),
    ] {
        let provider = catalogue::by_id(id).unwrap().provider();
        let secret = Secret::new(fixtures::SECRET).unwrap();
        let url = "https://hooks.example.test";
        let signer = Signer::new(&provider, &secret).url(url, &format!("/{id}"));
        let request = Request::post(id, signer.sign(body), body);
        let endpoint = || {
            let endpoint = Endpoint::builder(id, provider.clone()).secret(secret.clone());
            match id.starts_with("twilio") {
                true => endpoint.public_url(url).forget_when_handled(true),
                false => endpoint,
            }
        };

        let gate = Gate::shut();
        let held = gate.clone();
        let handler = Handler::new(move |call| {
            let held = held.clone();
            async move {
                if call.run == 1 {
                    held.pass().await;
                }
                if call.run == 2 { 500 } else { 200 }
            }
        });
        let app = App::new([endpoint().build().unwrap()], &handler);
        let reports = app.reports.clone();
        let server = A::serve(app).await;
        let first = request.clone();
        let first = tokio::spawn(async move { first.send(server).await });
        eventually("the first run", || handler.runs() == 1).await;
        // P3: not beside the one that runs.
        request.send(server).await.is_rejection(503, "in_flight");
        gate.open();
        assert_eq!(first.await.unwrap().status, 200, "{id}");
        // P4: the second fails, and its retry is handled. P6: so is another event.
        for status in [500, 200, 200] {
            assert_eq!(request.send(server).await.status, status, "{id}");
        }
        assert_eq!(handler.runs(), 4, "{id}");
        let outcomes: Vec<_> = reports.all().iter().map(|(outcome, _)| outcome.as_str()).collect();
        let expected = ["in_flight", "accepted", "failed", "accepted", "accepted"];
        assert_eq!(outcomes, expected, "{id}");
        // P1: bytes that are not signed are still nobody's event.
        let mut forged = request;
        forged.body.push(b'1');
        forged.send(server).await.is_rejection(401, "signature_mismatch");
    }
}
