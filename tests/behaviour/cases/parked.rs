//! An event that fails again and again is parked, and handled again when an operator says so.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use countersign::testing::Signer;
use countersign::{
    ClaimToken, Claimed, Endpoint, Forgotten, ManualClock, MemoryStore, Outcome, Parking, Reason,
    RejectionKind, Store,
};
use tracing::level_filters::LevelFilter;

use crate::client::{Connection, Request};
use crate::fixtures;
use crate::harness::{
    Adapter, App, Gate, Handler, eventually, on_every_adapter, on_every_adapter_over_http1,
};
use crate::logs::Logs;
use crate::stores::Switchable;

on_every_adapter! {
    an_event_is_parked_after_its_failures_and_accepted_again
    nothing_is_counted_unless_asked_for
    a_panic_is_parked
    a_handler_gives_an_event_up
    what_is_forgotten_when_handled_is_not_parked
    an_unsigned_type_is_not_presented_as_proven
    an_event_whose_process_died_is_parked_without_its_handler
    a_short_outage_parks_nothing
    a_long_wait_after_an_outage_parks_nothing
    what_cannot_be_parked_fails_as_ever
    an_attempt_that_cannot_be_counted_is_refused
}

// A connection is broken while a store is asked. Over HTTP/2, actix-web would not notice.
on_every_adapter_over_http1! {
    who_hangs_up_while_an_event_is_parked_hides_nothing
}

const FAILED: (Outcome, Option<Reason>) = (Outcome::Failed, Some(Reason::HandlerStatus));
const PARKED: (Outcome, Option<Reason>) =
    (Outcome::Parked, Some(Reason::Rejected(RejectionKind::Parked)));

async fn an_event_is_parked_after_its_failures_and_accepted_again<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let (fixture, store) = (fixtures::piora(), Switchable::default());
    let attempts: Arc<Mutex<Vec<Option<u32>>>> = Arc::default();
    let seen = Arc::clone(&attempts);
    let handler = Handler::new(move |call| {
        seen.lock().unwrap().push(call.delivery.attempt());
        async move { if call.run <= 3 { 500 } else { 200 } }
    });
    let endpoint = fixture.endpoint().park(Parking::after(3)).build().unwrap();
    let app = App::new([endpoint], &handler).store(Arc::new(store.clone()));
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    for _ in 0..2 {
        assert_eq!(request.send(server).await.status, 500);
    }
    assert!(store.parked(10).await.unwrap().is_empty());
    let reply = request.send(server).await;
    assert_eq!((reply.status, &*reply.body), (200, r#"{"status":"parked"}"#));
    request.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 3);
    let duplicate = (Outcome::Duplicate, Some(Reason::Rejected(RejectionKind::Duplicate)));
    assert_eq!(reports.all(), [FAILED, FAILED, PARKED, duplicate]);
    for said in ["webhook parked", "error.type=\"parked\"", "otel.status_code=\"ERROR\""] {
        assert!(logs.text().contains(said), "{}", logs.text());
    }

    let parked = store.parked(10).await.unwrap();
    let [parked] = &*parked else { panic!("{parked:?}") };
    let delivery = &handler.seen()[0].0;
    assert_eq!((parked.key, parked.attempts), (delivery.key(), 3));
    assert_eq!(parked.note.endpoint, "piora");
    assert_eq!(parked.note.event_type.as_deref(), delivery.event_type());
    assert_eq!(parked.note.reason, "the handler answered 500");

    assert_eq!(store.forget(parked.key).await.unwrap(), Forgotten::Forgotten);
    assert!(store.parked(10).await.unwrap().is_empty());
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(*attempts.lock().unwrap(), [Some(1), Some(2), Some(3), Some(1)]);
    request.send(server).await.is_duplicate();
}

async fn nothing_is_counted_unless_asked_for<A: Adapter>() {
    let (fixture, store) = (fixtures::piora(), Switchable::default());
    let handler = Handler::new(|call| async move {
        assert_eq!(call.delivery.attempt(), None);
        if call.run < 30 { 500 } else { 200 }
    });
    let endpoint = fixture.endpoint().build().unwrap();
    let server = A::serve(App::new([endpoint], &handler).store(Arc::new(store.clone()))).await;
    let request = fixture.delivery(1);
    for _ in 1..30 {
        assert_eq!(request.send(server).await.status, 500);
    }
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(store.counted(), 0);
}

async fn a_panic_is_parked<A: Adapter>() {
    let (fixture, store) = (fixtures::piora(), Switchable::default());
    let handler = Handler::new(|call| async move {
        call.delivery.set_failure("no such customer");
        assert!(call.run < 2, "the handler's own bug, on purpose");
        500
    });
    let endpoint = fixture.endpoint().park(Parking::after(2)).build().unwrap();
    let app = App::new([endpoint], &handler).store(Arc::new(store.clone()));
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 500);
    assert_eq!(request.send(server).await.status, 200);
    request.send(server).await.is_duplicate();
    assert_eq!(reports.all()[..2], [FAILED, PARKED]);
    let parked = store.parked(10).await.unwrap();
    assert_eq!(parked[0].note.reason, "no such customer");
}

/// Whatever the endpoint's settings are, and only if it then fails.
async fn a_handler_gives_an_event_up<A: Adapter>() {
    let (fixture, store) = (fixtures::piora(), Switchable::default());
    let handler = Handler::new(|call| async move {
        call.delivery.park("of a customer that is gone");
        if call.run == 1 { 200 } else { 422 }
    });
    let endpoint = fixture.endpoint().build().unwrap();
    let app = App::new([endpoint], &handler).store(Arc::new(store.clone()));
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 200);
    assert!(store.parked(10).await.unwrap().is_empty());
    assert_eq!(fixture.delivery(2).send(server).await.status, 200);
    assert_eq!(reports.all(), [(Outcome::Accepted, None), PARKED]);
    let parked = store.parked(10).await.unwrap();
    assert_eq!((parked[0].attempts, &*parked[0].note.reason), (0, "of a customer that is gone"));
}

/// Its key may be another event's, which would then be answered as a duplicate.
async fn what_is_forgotten_when_handled_is_not_parked<A: Adapter>() {
    let (fixture, store) = (fixtures::piora(), Switchable::default());
    let handler = Handler::new(|call| async move {
        call.delivery.park("of a customer that is gone");
        if call.run == 1 { 500 } else { 200 }
    });
    let endpoint = fixture.endpoint().forget_when_handled(true).build().unwrap();
    let app = App::new([endpoint], &handler).store(Arc::new(store.clone()));
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 500);
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(reports.all(), [FAILED, (Outcome::Accepted, None)]);
    assert!(store.parked(10).await.unwrap().is_empty());
}

/// GitHub signs the body alone: whoever replays a delivery names the type.
async fn an_unsigned_type_is_not_presented_as_proven<A: Adapter>() {
    let store = Switchable::default();
    let github = countersign::catalogue::provider("github").unwrap();
    let handler = Handler::answering(500);
    let endpoint = Endpoint::builder("github", github.clone()).secret(fixtures::secret());
    let endpoint = endpoint.park(Parking::after(1)).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler).store(Arc::new(store.clone()))).await;
    let body = r#"{"action":"opened"}"#;
    let headers = Signer::new(&github, &fixtures::secret()).sign(body.as_bytes());
    let request = Request::post("github", headers, body).without("x-github-event");
    assert_eq!(request.header("x-github-event", "made-up").send(server).await.status, 200);
    let parked = store.parked(10).await.unwrap();
    let note = &parked[0].note;
    let types = (note.event_type.as_deref(), note.unverified_event_type.as_deref());
    assert_eq!(types, (None, Some("made-up")));
}

async fn an_event_whose_process_died_is_parked_without_its_handler<A: Adapter>() {
    let fixture = fixtures::piora();
    let clock = ManualClock::at(SystemTime::now());
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let handler = Handler::answering(200);
    let lease = Duration::from_secs(60);
    let endpoint = fixture.endpoint().park(Parking::after(2)).lease(lease).build().unwrap();
    let app = App::new([endpoint], &handler).store(Arc::new(store.clone()));
    let server = A::serve(app.clone()).await;
    let request = fixture.delivery(1);
    // The key of the event, from another server with a store of its own.
    let elsewhere = A::serve(App { store: Arc::new(MemoryStore::new()), ..app }).await;
    assert_eq!(request.send(elsewhere).await.status, 200);
    let key = handler.seen()[0].0.key();
    // Two processes that claim it and die.
    for _ in 0..2 {
        let token = ClaimToken::random().unwrap();
        assert_eq!(store.claim(key, token, lease).await.unwrap(), Claimed::Fresh);
        store.attempt(key, token, lease * 60).await.unwrap();
        clock.advance(lease);
    }
    let reply = request.send(server).await;
    assert_eq!((reply.status, &*reply.body), (200, r#"{"status":"parked"}"#));
    assert_eq!(handler.runs(), 1, "its handler ran, elsewhere alone");
    let parked = store.parked(10).await.unwrap();
    assert_eq!(parked[0].attempts, 3);
    assert!(parked[0].note.reason.contains("never ended"), "{parked:?}");
}

async fn a_short_outage_parks_nothing<A: Adapter>() {
    let fixture = fixtures::piora();
    let clock = ManualClock::at(SystemTime::now());
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let hour = Duration::from_secs(60 * 60);
    let parking = Parking::after(2).no_sooner_than(hour);
    let handler = Handler::answering(503);
    let endpoint = fixture.endpoint().park(parking).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler).store(Arc::new(store.clone()))).await;
    let request = fixture.delivery(1);
    for _ in 0..5 {
        assert_eq!(request.send(server).await.status, 503);
    }
    clock.advance(hour);
    // The last one is tried, too.
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(handler.runs(), 6);
    assert_eq!(store.parked(10).await.unwrap()[0].attempts, 6);
}

/// The provider sends after 1 min, 5 min, 30 min, 2 h and 12 h. All but the last fail, too soon to be parked.
async fn a_long_wait_after_an_outage_parks_nothing<A: Adapter>() {
    let fixture = fixtures::piora();
    let clock = ManualClock::at(SystemTime::now());
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let handler = Handler::new(|call| async move { if call.run <= 5 { 503 } else { 200 } });
    let parking = Parking::after(3).no_sooner_than(minutes(6 * 60));
    let endpoint = fixture.endpoint().park(parking).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler).store(Arc::new(store.clone()))).await;
    let request = fixture.delivery(1);
    for wait in [1, 5, 30, 2 * 60, 12 * 60] {
        assert_eq!(request.send(server).await.status, 503);
        clock.advance(minutes(wait));
    }
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(handler.runs(), 6);
    assert_eq!(store.parked(10).await.unwrap(), []);
}

async fn what_cannot_be_parked_fails_as_ever<A: Adapter>() {
    let (fixture, store) = (fixtures::piora(), Switchable::default());
    let handler = Handler::answering(502);
    let endpoint = fixture.endpoint().park(Parking::after(1)).build().unwrap();
    let app = App::new([endpoint], &handler).store(Arc::new(store.clone()));
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    store.set_parking_down(true);
    assert_eq!(request.send(server).await.status, 502);
    // The attempt before should have parked it, so its handler is not run again.
    request.send(server).await.is_not_now("store_unavailable");
    store.set_parking_down(false);
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(handler.runs(), 1);
    let refused = (Outcome::Rejected, Some(Reason::Rejected(RejectionKind::StoreUnavailable)));
    assert_eq!(reports.all(), [FAILED, refused, PARKED]);
}

/// The store has parked it, and nobody has heard so. Its provider is told "duplicate" from then on.
async fn who_hangs_up_while_an_event_is_parked_hides_nothing<A: Adapter>() {
    let (fixture, gate) = (fixtures::piora(), Gate::shut());
    let store = Switchable::answering_at(&gate);
    let handler = Handler::answering(422);
    let endpoint = fixture.endpoint().park(Parking::after(1)).build().unwrap();
    let app = App::new([endpoint], &handler).store(Arc::new(store.clone())).cancel_on_disconnect();
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    let mut connection = Connection::open(server).await;
    connection.write(&request.bytes()).await;
    // It has counted the attempt, and is parking.
    eventually("the event is being parked", || store.counted() == 2).await;
    connection.reset();
    eventually("the store is asked again", || store.counted() == 3).await;
    gate.open();
    eventually("it is reported", || !reports.all().is_empty()).await;
    assert_eq!(reports.all(), [PARKED]);
    request.send(server).await.is_duplicate();
    assert_eq!((handler.runs(), store.parked(10).await.unwrap().len()), (1, 1));
}

/// The claim does not stay.
async fn an_attempt_that_cannot_be_counted_is_refused<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let endpoint = fixture.endpoint().count_attempts().build().unwrap();
    // It counts nothing.
    let store = Arc::new(crate::stores::Uncommitted::default());
    let server = A::serve(App::new([endpoint], &handler).store(store)).await;
    let request = fixture.delivery(1);
    for _ in 0..2 {
        request.send(server).await.is_not_now("store_unavailable");
    }
    assert_eq!(handler.runs(), 0);
}
