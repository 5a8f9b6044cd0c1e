//! Running handlers, counted for a shutdown that waits for them.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Outcome, Reason};
use tokio::time::timeout;

use crate::client::Connection;
use crate::fixtures;
use crate::harness::{
    Adapter, App, Gate, Handler, eventually, on_every_adapter, on_every_adapter_over_http1,
};
use crate::stores::SlowToRelease;

on_every_adapter! {
    a_handler_counts_until_its_claim_is_settled
}

// With a bare connection, which is broken in the middle of a handler.
on_every_adapter_over_http1! {
    a_cancelled_handler_counts_until_its_claim_is_released
    a_handler_whose_connection_broke_counts_until_its_claim_is_settled
}

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);

async fn a_handler_counts_until_its_claim_is_settled<A: Adapter>() {
    let fixture = fixtures::piora();
    let (handling, releasing) = (Gate::shut(), Gate::shut());
    let handler = {
        let gate = handling.clone();
        Handler::new(move |_| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                500
            }
        })
    };
    let store = SlowToRelease::new(&releasing);
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let (tasks, reports) = (app.tasks.clone(), app.reports.clone());
    let server = A::serve(app.store(Arc::new(store.clone()))).await;
    assert_eq!(tasks.running(), 0);
    timeout(LONG, tasks.finished()).await.unwrap();
    let exchange = fixture.delivery(1).start(server).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    assert_eq!(tasks.running(), 1);
    assert!(timeout(SHORT, tasks.finished()).await.is_err());
    handling.open();
    eventually("the claim is being released", || store.releasing() == 1).await;
    assert!(timeout(SHORT, tasks.finished()).await.is_err(), "settling is part of it");
    releasing.open();
    timeout(LONG, tasks.finished()).await.unwrap();
    assert_eq!(reports.all(), [(Outcome::Failed, Some(Reason::HandlerStatus))]);
    assert_eq!(exchange.reply().await.status, 500);
}

async fn a_cancelled_handler_counts_until_its_claim_is_released<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::new(|call| async move {
        if call.run == 1 {
            std::future::pending::<()>().await;
        }
        200
    });
    let gate = Gate::shut();
    let store = SlowToRelease::new(&gate);
    let app = App::new([fixture.endpoint().build().unwrap()], &handler).cancel_on_disconnect();
    let (tasks, reports) = (app.tasks.clone(), app.reports.clone());
    let server = A::serve(app.store(Arc::new(store.clone()))).await;
    let request = fixture.delivery(1);
    let mut connection = Connection::open(server).await;
    connection.write(&request.bytes()).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    assert_eq!(tasks.running(), 1);
    connection.reset();
    eventually("the claim is being released", || store.releasing() == 1).await;
    assert!(timeout(SHORT, tasks.finished()).await.is_err(), "in the background, but not alone");
    gate.open();
    timeout(LONG, tasks.finished()).await.unwrap();
    assert_eq!(reports.all(), [(Outcome::Failed, Some(Reason::HandlerCancelled))]);
    assert_eq!(request.send(server).await.status, 200, "released, and not a moment later");
}

async fn a_handler_whose_connection_broke_counts_until_its_claim_is_settled<A: Adapter>() {
    let fixture = fixtures::piora();
    let gate = Gate::shut();
    let handler = Handler::gated(&gate);
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let (tasks, reports) = (app.tasks.clone(), app.reports.clone());
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    let mut connection = Connection::open(server).await;
    connection.write(&request.bytes()).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    connection.reset();
    assert!(timeout(SHORT, tasks.finished()).await.is_err());
    assert_eq!(tasks.running(), 1);
    gate.open();
    timeout(LONG, tasks.finished()).await.unwrap();
    assert_eq!(handler.ended(), 1);
    assert_eq!(reports.all(), [(Outcome::Accepted, None)]);
    request.send(server).await.is_duplicate();
}
