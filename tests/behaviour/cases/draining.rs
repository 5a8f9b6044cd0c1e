//! A process that shuts down: what runs comes to its end, and what comes is sent somewhere else.

use std::time::Duration;

use countersign::{Outcome, Reason, RejectionKind};
use tokio::time::timeout;

use crate::client::Connection;
use crate::fixtures;
use crate::harness::{
    Adapter, App, Gate, Handler, eventually, on_every_adapter, on_every_adapter_over_http1,
};

on_every_adapter! {
    a_draining_process_refuses_new_deliveries_and_ends_what_runs
}

// With a bare connection: one that is kept alive, and one whose body comes late.
on_every_adapter_over_http1! {
    connections_that_are_kept_alive_cannot_hold_up_a_shutdown
    a_body_that_arrives_while_draining_starts_no_handler
}

const LONG: Duration = Duration::from_secs(10);
const SHUTTING_DOWN: (Outcome, Option<Reason>) =
    (Outcome::Rejected, Some(Reason::Rejected(RejectionKind::ShuttingDown)));

async fn a_draining_process_refuses_new_deliveries_and_ends_what_runs<A: Adapter>() {
    let (fixture, gate) = (fixtures::piora(), Gate::shut());
    let handler = Handler::gated(&gate);
    let endpoint = fixture.endpoint().retry_after(Duration::from_secs(42)).build().unwrap();
    let app = App::new([endpoint], &handler);
    let (tasks, reports) = (app.tasks.clone(), app.reports.clone());
    let server = A::serve(app).await;
    let first = fixture.delivery(1).start(server).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    tasks.drain();
    let refused = fixture.delivery(2).send(server).await;
    refused.is_not_now("shutting_down");
    assert_eq!(refused.header("retry-after"), Some("42"));
    // Also a copy of what runs, and not with the status of a stranger.
    fixture.delivery(1).send(server).await.is_not_now("shutting_down");
    let unsigned = fixture.delivery(3).without(fixture.proof_header);
    unsigned.send(server).await.is_rejection(401, "signature_missing");
    assert_eq!(tasks.running(), 1);
    gate.open();
    timeout(LONG, tasks.finished()).await.unwrap();
    assert_eq!(first.reply().await.status, 200);
    assert_eq!((handler.runs(), handler.ended()), (1, 1));
    assert_eq!(reports.all().last(), Some(&(Outcome::Accepted, None)));
}

/// Each sends its next delivery as soon as the last one is answered, and two of them take turns, so
/// that there is always a handler that runs.
async fn connections_that_are_kept_alive_cannot_hold_up_a_shutdown<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::new(|_| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        200
    });
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let tasks = app.tasks.clone();
    let server = A::serve(app).await;
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let fixture = fixture.clone();
            tokio::spawn(async move {
                let mut connection = Connection::open(server).await;
                for number in 0.. {
                    connection.write(&fixture.delivery(sender * 100_000 + number).bytes()).await;
                    let reply = connection.reply().await;
                    if reply.status != 200 {
                        reply.is_not_now("shutting_down");
                        return;
                    }
                }
            })
        })
        .collect();
    eventually("all of them deliver", || handler.runs() > 16).await;
    tasks.drain();
    timeout(LONG, tasks.finished()).await.expect("no handler runs any more");
    let runs = handler.runs();
    for sender in senders {
        timeout(LONG, sender).await.unwrap().unwrap();
    }
    assert_eq!(handler.runs(), runs, "none starts after it");
}

async fn a_body_that_arrives_while_draining_starts_no_handler<A: Adapter>() {
    let (fixture, handler) = (fixtures::piora(), Handler::answering(200));
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let (tasks, reports) = (app.tasks.clone(), app.reports.clone());
    let server = A::serve(app).await;
    let (mut connection, mut other) =
        (Connection::open(server).await, Connection::open(server).await);
    let bytes = fixture.delivery(1).bytes();
    let (most, last) = bytes.split_at(bytes.len() - 1);
    connection.write(most).await;
    // An answer on another connection shows that the server is there; the head before it was
    // written before.
    other.write(&fixture.delivery(2).bytes()).await;
    assert_eq!(other.reply().await.status, 200);
    tokio::time::sleep(Duration::from_millis(50)).await;
    tasks.drain();
    timeout(LONG, tasks.finished()).await.unwrap();
    connection.write(last).await;
    connection.reply().await.is_not_now("shutting_down");
    assert_eq!(handler.runs(), 1);
    assert_eq!(reports.all(), [(Outcome::Accepted, None), SHUTTING_DOWN]);
}
