//! P4 again, for senders that hang up.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

use countersign::{Outcome, Reason};

use crate::client::Connection;
use crate::fixtures;
use crate::harness::{
    Adapter, App, DropSignal, Gate, Handler, eventually, on_every_adapter,
    on_every_adapter_over_http1,
};

on_every_adapter! {
    a_handler_outlives_its_sender
    a_failure_nobody_hears_is_still_a_failure
}

// With a bare connection: one is broken in the middle of a handler, the other in the middle of a
// body. Over HTTP/2, actix-web runs a handler in a task of its own and never cancels it.
on_every_adapter_over_http1! {
    a_cancelled_handler_releases_its_claim
    an_upload_that_breaks_off_claims_nothing
}

async fn a_handler_outlives_its_sender<A: Adapter>() {
    for fixture in fixtures::all() {
        let gate = Gate::shut();
        let handler = Handler::gated(&gate);
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let reports = app.reports.clone();
        let server = A::serve(app).await;
        let request = fixture.delivery(1);
        let exchange = request.start(server).await;
        eventually("the handler runs", || handler.runs() == 1).await;
        exchange.hang_up().await;
        request.send(server).await.is_not_now("in_flight");
        gate.open();
        eventually("the handler ends", || handler.ended() == 1).await;
        eventually("the claim is settled", || reports.all().contains(&(Outcome::Accepted, None)))
            .await;
        request.send(server).await.is_duplicate();
        assert_eq!(handler.runs(), 1, "{}", fixture.name);
    }
}

async fn a_failure_nobody_hears_is_still_a_failure<A: Adapter>() {
    let fixture = fixtures::piora();
    let gate = Gate::shut();
    let handler = {
        let gate = gate.clone();
        Handler::new(move |call| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                if call.run == 1 { 500 } else { 200 }
            }
        })
    };
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    let exchange = request.start(server).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    exchange.hang_up().await;
    gate.open();
    let failed = (Outcome::Failed, Some(Reason::HandlerStatus));
    eventually("the failure is noted", || reports.all().contains(&failed)).await;
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(handler.runs(), 2);
}

async fn a_cancelled_handler_releases_its_claim<A: Adapter>() {
    let fixture = fixtures::piora();
    let (sender, dropped) = oneshot::channel();
    let signal = Arc::new(Mutex::new(Some(sender)));
    let handler = Handler::new(move |call| {
        let signal = DropSignal(signal.lock().unwrap().take());
        async move {
            if call.run == 1 {
                std::future::pending::<()>().await;
            }
            drop(signal);
            200
        }
    });
    let app = App::new([fixture.endpoint().build().unwrap()], &handler).cancel_on_disconnect();
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    let mut connection = Connection::open(server).await;
    connection.write(&request.bytes()).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    connection.reset();
    tokio::time::timeout(Duration::from_secs(10), dropped).await.unwrap().unwrap();
    let cancelled = (Outcome::Failed, Some(Reason::HandlerCancelled));
    eventually("the cancellation is noted", || reports.all().contains(&cancelled)).await;
    // The claim is released in the background, a moment after the handler is gone.
    let mut statuses = Vec::new();
    while statuses.last() != Some(&200) && statuses.len() < 1_000 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        statuses.push(request.send(server).await.status);
    }
    assert_eq!(statuses.last(), Some(&200));
    assert_eq!(handler.runs(), 2);
}

async fn an_upload_that_breaks_off_claims_nothing<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let reports = app.reports.clone();
        let server = A::serve(app).await;
        let request = fixture.delivery(1);
        for bytes in [request.bytes(), request.chunked(10)] {
            let mut connection = Connection::open(server).await;
            connection.write(&bytes[..bytes.len() - 7]).await;
            connection.hang_up().await;
        }
        assert_eq!(request.send(server).await.status, 200);
        request.send(server).await.is_duplicate();
        assert_eq!(handler.runs(), 1);
        let accepted =
            reports.all().iter().filter(|(outcome, _)| *outcome == Outcome::Accepted).count();
        assert_eq!(accepted, 1, "{}", fixture.name);
    }
}
