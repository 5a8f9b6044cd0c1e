//! Requests whose body a framework frames in a way of its own: those that ask for an upgrade.

use countersign::{Outcome, Reason, RejectionKind};

use crate::client::{Connection, Request};
use crate::fixtures;
use crate::harness::{Adapter, App, Handler, on_every_adapter_over_http1};

// HTTP/2 has no upgrades.
on_every_adapter_over_http1! {
    a_delivery_that_asks_for_an_upgrade_is_answered
    a_request_for_an_upgrade_has_no_body_but_the_declared_one
    a_request_for_an_upgrade_that_breaks_off_is_incomplete
}

/// The same request, with the headers of somebody who would like to speak WebSocket.
fn asking(request: Request) -> Request {
    request.header("upgrade", "WebSocket").header("connection", "upgrade")
}

async fn a_delivery_that_asks_for_an_upgrade_is_answered<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let requests = [1, 2, 3].map(|number| fixture.delivery(number));
        let [first, second, third] = requests.clone();
        // With the header that makes it a request for an upgrade, and without.
        let alone = second.header("upgrade", "websocket").bytes();
        for bytes in [asking(first).bytes(), alone, asking(third).chunked(7)] {
            let mut connection = Connection::open(server).await;
            connection.write(&bytes).await;
            assert_eq!(connection.reply().await.status, 200, "{}", fixture.name);
        }
        for ((_, body), request) in handler.seen().iter().zip(&requests) {
            assert_eq!(body, &request.body);
        }
        assert_eq!(handler.runs(), 3);
    }
}

async fn a_request_for_an_upgrade_has_no_body_but_the_declared_one<A: Adapter>() {
    let fixture = fixtures::percher();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    // What follows the body is not of it, though it comes in the same packet.
    let request = asking(fixture.delivery(1));
    let mut connection = Connection::open(server).await;
    connection.write(&[request.bytes(), b"and more".to_vec()].concat()).await;
    assert_eq!(connection.reply().await.status, 200);
    assert_eq!(handler.seen()[0].1, request.body);
    // No length, no body: what is signed is not there.
    let mut connection = Connection::open(server).await;
    connection.write(&asking(fixture.delivery(2)).head("x-nothing: 0")).await;
    connection.reply().await.is_rejection(401, "signature_mismatch");
}

async fn a_request_for_an_upgrade_that_breaks_off_is_incomplete<A: Adapter>() {
    for fixture in [fixtures::piora(), fixtures::all().swap_remove(4)] {
        let handler = Handler::answering(200);
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let reports = app.reports.clone();
        let server = A::serve(app).await;
        let bytes = asking(fixture.delivery(1)).bytes();
        let mut connection = Connection::open(server).await;
        connection.write(&bytes[..bytes.len() - 1]).await;
        connection.hang_up().await;
        crate::harness::eventually("it is reported", || !reports.all().is_empty()).await;
        let expected = [(Outcome::Rejected, Some(Reason::Rejected(RejectionKind::BodyIncomplete)))];
        assert_eq!(reports.all(), expected, "{}", fixture.name);
        assert_eq!(handler.runs(), 0);
    }
}
