//! P4: unless a handler answered 2xx, the event's next delivery is handled.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::{ManualClock, MemoryStore, Outcome, Reason};
use tracing::level_filters::LevelFilter;

use crate::fixtures;
use crate::harness::{Adapter, App, Gate, Handler, eventually, on_every_adapter};
use crate::logs::Logs;
use crate::stores::Switchable;

on_every_adapter! {
    a_failed_event_is_handled_on_retry
    whatever_is_not_2xx_releases_the_claim
    a_4xx_that_is_final_is_said_to_be
    a_panic_releases_the_claim
    an_outage_of_the_store_loses_nothing
    a_store_that_fills_up_refuses_and_recovers
    a_handled_event_whose_mark_failed_is_marked_later
    a_crashed_handlers_event_comes_in_after_the_lease
}

async fn a_failed_event_is_handled_on_retry<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering_in_turn(&[500, 503, 200]);
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let reports = app.reports.clone();
        let server = A::serve(app).await;
        let request = fixture.delivery(1);
        assert_eq!(request.send(server).await.status, 500);
        assert_eq!(request.send(server).await.status, 503);
        assert_eq!(request.send(server).await.status, 200);
        request.send(server).await.is_duplicate();
        assert_eq!(handler.runs(), 3, "{}", fixture.name);
        assert_eq!(reports.all()[0], (Outcome::Failed, Some(Reason::HandlerStatus)));
        assert_eq!(reports.all()[2], (Outcome::Accepted, None));
    }
}

async fn whatever_is_not_2xx_releases_the_claim<A: Adapter>() {
    let fixture = fixtures::piora();
    for (number, status) in [302, 304, 400, 404, 409, 429, 599].into_iter().enumerate() {
        let handler =
            Handler::new(move |call| async move { if call.run == 1 { status } else { 200 } });
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = fixture.delivery(u32::try_from(number).unwrap());
        assert_eq!(request.send(server).await.status, status);
        assert_eq!(request.send(server).await.status, 200);
        assert_eq!(handler.runs(), 2);
    }
}

/// Pakyas does not retry after a 4xx; whoever answers one should know.
async fn a_4xx_that_is_final_is_said_to_be<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let fixture = fixtures::all().swap_remove(3);
    let handler = Handler::answering_in_turn(&[404, 503]);
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 404);
    assert!(logs.text().contains("takes a 4xx as final"), "{}", logs.text());
    assert_eq!(request.send(server).await.status, 503);
    let reasons: Vec<_> = reports.all().into_iter().map(|(_, reason)| reason.unwrap()).collect();
    assert_eq!(reasons, [Reason::HandlerStatusIsFinal, Reason::HandlerStatus]);
}

async fn a_panic_releases_the_claim<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::new(|call| async move {
            assert!(call.run > 1, "the handler's own bug, on purpose");
            200
        });
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let reports = app.reports.clone();
        let server = A::serve(app).await;
        let request = fixture.delivery(1);
        // A framework may answer 500 or hang up; it may not say that all is well.
        let reply = request.start(server).await.try_reply().await;
        assert!(reply.is_none_or(|reply| reply.status == 500));
        assert_eq!(request.send(server).await.status, 200);
        assert_eq!(handler.runs(), 2);
        assert_eq!(reports.all()[0], (Outcome::Failed, Some(Reason::HandlerPanicked)));
    }
}

async fn an_outage_of_the_store_loses_nothing<A: Adapter>() {
    let fixture = fixtures::piora();
    let (handler, store) = (Handler::answering(200), Switchable::default());
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let server = A::serve(app.store(Arc::new(store.clone()))).await;
    let request = fixture.delivery(1);
    store.set_down(true);
    request.send(server).await.is_not_now("store_unavailable");
    assert_eq!(handler.runs(), 0, "fail closed");
    store.set_down(false);
    assert_eq!(request.send(server).await.status, 200);
    request.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 1);
}

async fn a_store_that_fills_up_refuses_and_recovers<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let clock = ManualClock::at(SystemTime::now());
    let store = MemoryStore::builder().capacity(2).clock(clock.clone()).build();
    let endpoint = fixture.endpoint().clock(clock.clone()).build().unwrap();
    let retention = endpoint.retention();
    let server = A::serve(App::new([endpoint], &handler).store(Arc::new(store))).await;
    let (first, second) = (fixture.delivery(1), fixture.delivery(2));
    assert_eq!(first.send(server).await.status, 200);
    assert_eq!(second.send(server).await.status, 200);
    fixture.delivery(3).send(server).await.is_not_now("store_full");
    first.send(server).await.is_duplicate();
    second.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 2, "nothing is forgotten to make room");
    // The margin of the retention: a call of the store and a second.
    clock.advance(retention + Duration::from_secs(3));
    let later = fixture.delivery_at(3, SystemTime::now() + retention);
    assert_eq!(later.send(server).await.status, 200);
}

/// The mark could not be written: the event is not lost, not handled again while the claim holds,
/// and the mark is written as soon as the store is back.
async fn a_handled_event_whose_mark_failed_is_marked_later<A: Adapter>() {
    let fixture = fixtures::piora();
    let (handler, store) = (Handler::answering(200), Switchable::default());
    let app =
        App::new([fixture.endpoint().build().unwrap()], &handler).store(Arc::new(store.clone()));
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    store.set_settles_down(true);
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 200);
    request.send(server).await.is_not_now("in_flight");
    store.set_settles_down(false);
    let recorded = (Outcome::Accepted, Some(Reason::RecordedLate));
    eventually("the mark is written", || reports.all().contains(&recorded)).await;
    request.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 1);
}

async fn a_crashed_handlers_event_comes_in_after_the_lease<A: Adapter>() {
    let fixture = fixtures::piora();
    let gate = Gate::shut();
    let handler = {
        let gate = gate.clone();
        Handler::new(move |call| {
            let gate = gate.clone();
            async move {
                if call.run == 1 {
                    gate.pass().await;
                }
                200
            }
        })
    };
    let clock = ManualClock::at(SystemTime::now());
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let lease = Duration::from_secs(30);
    let app = App::new([fixture.endpoint().lease(lease).build().unwrap()], &handler);
    let reports = app.reports.clone();
    let server = A::serve(app.store(Arc::new(store))).await;
    let request = fixture.delivery(1);
    // The first handler hangs, as one in a process that was killed would.
    let hung = tokio::spawn({
        let request = request.clone();
        async move { request.send(server).await }
    });
    eventually("the first handler runs", || handler.runs() == 1).await;
    clock.advance(lease - Duration::from_millis(1));
    let reply = request.send(server).await;
    reply.is_not_now("in_flight");
    assert_eq!(reply.header("retry-after"), Some("1"), "what is left of the lease, rounded up");
    clock.advance(Duration::from_millis(1));
    assert_eq!(request.send(server).await.status, 200);
    // The late one answers, and cannot disturb its successor.
    gate.open();
    assert_eq!(hung.await.unwrap().status, 200);
    assert_eq!(reports.all().last(), Some(&(Outcome::Accepted, Some(Reason::ClaimLost))));
    request.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 2);
}
