//! actix-web's server: its workers, and how it stops.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::App as Actix;
use actix_web::dev::{ServerHandle, Service};
use countersign::{Outcome, Reason};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::{Connection, Server};
use crate::fixtures::{self, Fixture};
use crate::harness::{App, DropSignal, Gate, Handler, eventually};
use crate::on_actix::{configure, serve};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);

/// Serves Piora's endpoint on two workers.
fn piora_server(handler: &Handler) -> (Fixture, App, Server, ServerHandle) {
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], handler);
    let configure = configure(&app);
    let (server, handle) = serve!(move || Actix::new().configure(configure.clone()));
    (fixture, app, server, handle)
}

#[tokio::test]
async fn workers_share_one_receiver_and_one_store() {
    let (fixture, gate) = (fixtures::piora(), Gate::shut());
    let handler = Handler::gated(&gate);
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let workers = Arc::new(Mutex::new(HashSet::new()));
    let (configure, seen) = (configure(&app), Arc::clone(&workers));
    let server = serve!(
        move || {
            let seen = Arc::clone(&seen);
            Actix::new().configure(configure.clone()).wrap_fn(move |request, inner| {
                seen.lock().unwrap().insert(std::thread::current().id());
                inner.call(request)
            })
        },
        4
    )
    .0;
    let request = fixture.delivery(1);
    let copies: Vec<_> = (0..8)
        .map(|_| {
            let request = request.clone();
            tokio::spawn(async move { request.send(server).await })
        })
        .collect();
    eventually("seven answers", || copies.iter().filter(|copy| copy.is_finished()).count() == 7)
        .await;
    gate.open();
    let mut handled = 0;
    for copy in copies {
        match timeout(LONG, copy).await.unwrap().unwrap() {
            reply if reply.status == 200 => handled += 1,
            reply => reply.is_not_now("in_flight"),
        }
    }
    assert_eq!((handled, handler.runs()), (1, 1));
    for _ in 0..8 {
        request.send(server).await.is_duplicate();
    }
    assert!(workers.lock().unwrap().len() > 1, "more than one worker served");
}

#[tokio::test]
async fn a_shutdown_waits_for_a_handler_whose_connection_broke() {
    let gate = Gate::shut();
    let handler = Handler::gated(&gate);
    let (fixture, app, server, handle) = piora_server(&handler);
    let mut connection = Connection::open(server).await;
    connection.write(&fixture.delivery(1).bytes()).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    connection.reset();
    timeout(LONG, handle.pause()).await.unwrap();
    assert!(timeout(SHORT, app.tasks.finished()).await.is_err());
    assert_eq!(app.tasks.running(), 1);
    gate.open();
    timeout(LONG, app.tasks.finished()).await.unwrap();
    assert_eq!(handler.ended(), 1);
    assert_eq!(app.reports.all(), [(Outcome::Accepted, None)], "settled before it is finished");
    timeout(LONG, handle.stop(true)).await.unwrap();
}

/// What the docs say: pause, drain, wait, stop. A paused server still serves its connections.
#[tokio::test]
async fn a_paused_server_with_connections_that_are_kept_alive_comes_to_its_end() {
    let handler = Handler::new(|_| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        200
    });
    let (fixture, app, server, handle) = piora_server(&handler);
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let fixture = fixture.clone();
            tokio::spawn(async move {
                let mut connection = Connection::open(server).await;
                let mut statuses = Vec::new();
                while statuses.last() != Some(&503) {
                    let number = sender * 100_000 + u32::try_from(statuses.len()).unwrap();
                    connection.write(&fixture.delivery(number).bytes()).await;
                    statuses.push(connection.reply().await.status);
                }
                statuses
            })
        })
        .collect();
    eventually("all of them deliver", || handler.runs() > 16).await;
    timeout(LONG, handle.pause()).await.unwrap();
    let paused = handler.runs();
    eventually("they go on delivering", || handler.runs() > paused + 16).await;
    app.tasks.drain();
    timeout(LONG, app.tasks.finished()).await.expect("no handler runs any more");
    for sender in senders {
        let statuses = timeout(LONG, sender).await.unwrap().unwrap();
        assert!(statuses.iter().rev().skip(1).all(|status| *status == 200), "{statuses:?}");
    }
    timeout(LONG, handle.stop(true)).await.unwrap();
    assert_eq!(handler.runs(), handler.ended());
}

#[tokio::test]
async fn a_graceful_stop_waits_for_a_handler_whose_sender_waits() {
    let gate = Gate::shut();
    let handler = Handler::gated(&gate);
    let (fixture, app, server, handle) = piora_server(&handler);
    let exchange = fixture.delivery(1).start(server).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    let stopping = tokio::spawn(handle.stop(true));
    tokio::time::sleep(SHORT).await;
    assert!(!stopping.is_finished());
    gate.open();
    assert_eq!(exchange.reply().await.status, 200);
    timeout(LONG, stopping).await.unwrap().unwrap();
    assert_eq!(app.reports.all(), [(Outcome::Accepted, None)]);
}

/// A worker that stops takes its handlers with it, unless it waits for their senders. Their claims are
/// released by a thread that outlives the worker.
#[tokio::test]
async fn a_handler_that_a_stop_cut_off_is_done_again_at_once() {
    for (sender_waits, graceful) in [(true, false), (false, false), (false, true)] {
        let (sender, dropped) = oneshot::channel();
        let handler = hanging_once(sender);
        let fixture = fixtures::piora();
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let configure = configure(&app);
        let make = move || Actix::new().configure(configure.clone());
        let (server, handle) = serve!(make.clone());
        let request = fixture.delivery(1);
        let mut connection = Connection::open(server).await;
        connection.write(&request.bytes()).await;
        eventually("the handler runs", || handler.runs() == 1).await;
        if sender_waits {
            timeout(LONG, handle.stop(graceful)).await.unwrap();
            assert!(connection.try_reply().await.is_none(), "nobody says that all is well");
        } else {
            connection.reset();
            tokio::time::sleep(SHORT).await;
            assert_eq!(app.reports.all(), [], "the handler goes on");
            timeout(LONG, handle.stop(graceful)).await.unwrap();
        }
        timeout(LONG, dropped).await.unwrap().unwrap();
        timeout(LONG, app.tasks.finished()).await.unwrap();
        assert_eq!(app.reports.all(), [(Outcome::Failed, Some(Reason::HandlerCancelled))]);
        let next = serve!(make).0;
        assert_eq!(request.send(next).await.status, 200);
        request.send(next).await.is_duplicate();
    }
}

/// A handler whose first run never ends, and tells when it is dropped.
fn hanging_once(dropped: oneshot::Sender<()>) -> Handler {
    let signal = Mutex::new(Some(dropped));
    Handler::new(move |call| {
        let signal = DropSignal(signal.lock().unwrap().take());
        async move {
            if call.run == 1 {
                std::future::pending::<()>().await;
            }
            drop(signal);
            200
        }
    })
}
