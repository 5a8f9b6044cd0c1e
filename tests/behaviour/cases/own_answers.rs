//! Answers of the user's own that go wrong: the sender gets a good one all the same.

use countersign::{Rejection, RejectionKind};

use crate::client::Connection;
use crate::fixtures;
use crate::harness::{
    Adapter, App, Handler, OwnAnswer, on_every_adapter, on_every_adapter_over_http1,
};

on_every_adapter! {
    an_error_handler_that_panics_leaves_the_default_answer
    a_status_without_a_body_is_sent_without_one
    a_wrong_length_is_not_sent
}

// What follows on the same connection.
on_every_adapter_over_http1! {
    a_status_without_a_body_leaves_the_connection_in_step
    a_wrong_length_leaves_the_connection_in_step
}

async fn an_error_handler_that_panics_leaves_the_default_answer<A: Adapter>() {
    fn panics(rejection: &Rejection) -> OwnAnswer {
        panic!("the error handler's own bug, on purpose, at {}", rejection.code());
    }
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
    let server = A::serve(app.error_handler(panics)).await;
    let request = fixture.delivery(1);
    let unsigned = request.clone().without(fixture.proof_header);
    unsigned.send(server).await.is_rejection(401, "signature_missing");
    let forged = request.clone().with_value(fixture.proof_header, |_| fixture.forged.into());
    forged.send(server).await.is_rejection(401, "signature_mismatch");
    assert_eq!(request.send(server).await.status, 200);
    request.send(server).await.is_duplicate();
}

/// A body, and headers that tell of it.
fn talkative(rejection: &Rejection) -> OwnAnswer {
    let body = format!("no: {}", rejection.code());
    let headers = vec![
        ("content-type", "text/plain".to_owned()),
        ("content-length", body.len().to_string()),
        ("x-refused", rejection.code().to_owned()),
    ];
    OwnAnswer { status: 418, headers, body }
}

/// The statuses that an endpoint may answer a duplicate with and that have no body.
const WITHOUT_BODY: [u16; 2] = [204, 205];

async fn a_status_without_a_body_is_sent_without_one<A: Adapter>() {
    for status in WITHOUT_BODY {
        let fixture = fixtures::piora();
        let endpoint = fixture.endpoint().answer(RejectionKind::Duplicate, status);
        let app = App::new([endpoint.build().unwrap()], &Handler::answering(200));
        let server = A::serve(app.error_handler(talkative)).await;
        let request = fixture.delivery(1);
        assert_eq!(request.send(server).await.status, 200);
        let reply = request.send(server).await;
        assert_eq!((reply.status, reply.raw_body.len()), (status, 0));
        assert_eq!(reply.header("x-refused"), Some("duplicate"));
        assert!(matches!(reply.header("content-length"), None | Some("0")), "{reply:?}");
    }
}

async fn a_status_without_a_body_leaves_the_connection_in_step<A: Adapter>() {
    for status in WITHOUT_BODY {
        let fixture = fixtures::piora();
        let endpoint = fixture.endpoint().answer(RejectionKind::Duplicate, status);
        let app = App::new([endpoint.build().unwrap()], &Handler::answering(202));
        let server = A::serve(app.error_handler(talkative)).await;
        let mut connection = Connection::open(server).await;
        for number in 1..=3 {
            let request = fixture.delivery(number);
            connection.write(&request.bytes()).await;
            assert_eq!(connection.reply().await.status, 202);
            connection.write(&request.bytes()).await;
            assert_eq!(connection.reply().await.status, status);
        }
    }
}

/// Lengths that are not the body's, as a copy of another answer's headers has them.
fn wrong(rejection: &Rejection) -> OwnAnswer {
    let length = if rejection.kind() == RejectionKind::Duplicate { "50" } else { "1" };
    let headers = vec![
        ("content-length", length.to_owned()),
        ("transfer-encoding", "chunked".to_owned()),
        ("x-refused", rejection.code().to_owned()),
    ];
    OwnAnswer { status: 418, headers, body: "no".to_owned() }
}

async fn a_wrong_length_is_not_sent<A: Adapter>() {
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(202));
    let server = A::serve(app.error_handler(wrong)).await;
    let request = fixture.delivery(1);
    assert_eq!(request.send(server).await.status, 202);
    let unsigned = request.clone().without(fixture.proof_header);
    for (request, status, code) in
        [(request, 200, "duplicate"), (unsigned, 401, "signature_missing")]
    {
        let reply = request.send(server).await;
        assert_eq!((reply.status, &*reply.body), (status, "no"));
        assert_eq!(reply.header("x-refused"), Some(code));
    }
}

async fn a_wrong_length_leaves_the_connection_in_step<A: Adapter>() {
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(202));
    let server = A::serve(app.error_handler(wrong)).await;
    let mut connection = Connection::open(server).await;
    for number in 1..=3 {
        let request = fixture.delivery(number);
        connection.write(&request.bytes()).await;
        assert_eq!(connection.reply().await.status, 202);
        connection.write(&request.bytes()).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, &*reply.body), (200, "no"));
    }
}
