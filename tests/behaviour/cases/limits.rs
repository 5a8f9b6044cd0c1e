//! Bodies of every size and shape.

use std::time::Duration;

use crate::client::Connection;
use crate::fixtures;
use crate::harness::{Adapter, App, Handler, on_every_adapter, on_every_adapter_over_http1};

on_every_adapter! {
    a_body_over_the_limit_is_refused
    a_body_of_exactly_the_limit_is_accepted
    a_large_body_is_accepted
}

// What HTTP/1.1 frames a body with: declared lengths, chunks, trailers, one request after another
// on a connection.
on_every_adapter_over_http1! {
    an_unsigned_request_with_a_huge_declared_length_is_refused_at_once
    a_declared_length_over_the_limit_is_refused_before_the_body
    a_chunked_body_over_the_limit_is_refused_at_the_limit
    a_body_in_one_byte_chunks_is_accepted
    trailers_are_dropped
    a_body_that_does_not_arrive_is_given_up
    one_connection_serves_many_deliveries
    pipelined_deliveries_are_answered_in_order
}

async fn a_body_over_the_limit_is_refused<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let request = fixture.delivery(1);
    let endpoint = fixture.endpoint().max_body(request.body.len() - 1).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler)).await;
    request.send(server).await.is_rejection(413, "body_too_large");
    assert_eq!(handler.runs(), 0);
}

/// Many chunks, and far more than a framework's extractors take by themselves in one of them.
async fn a_large_body_is_accepted<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let now = std::time::SystemTime::now();
    let padded = fixture.body(1, now).replacen('{', &format!("{{{}", " ".repeat(200_000)), 1);
    let request = fixture.signed(padded, now);
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(handler.seen()[0].1, request.body);
}

async fn an_unsigned_request_with_a_huge_declared_length_is_refused_at_once<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let unsigned = fixture.delivery(1).without(fixture.proof_header);
        let mut connection = Connection::open(server).await;
        connection.write(&unsigned.head("content-length: 99999999999")).await;
        // No byte of the body is sent: the answer does not wait for one.
        assert_eq!(connection.reply().await.status, 401);
        let signed = fixture.delivery(1);
        let mut connection = Connection::open(server).await;
        connection.write(&signed.head("content-length: 99999999999")).await;
        connection.reply().await.is_rejection(413, "body_too_large");
        assert_eq!(handler.runs(), 0);
    }
}

async fn a_declared_length_over_the_limit_is_refused_before_the_body<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let endpoint = fixture.endpoint().max_body(100).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler)).await;
    let mut connection = Connection::open(server).await;
    connection.write(&fixture.delivery(1).head("content-length: 101")).await;
    connection.reply().await.is_rejection(413, "body_too_large");
}

async fn a_chunked_body_over_the_limit_is_refused_at_the_limit<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let request = fixture.delivery(1);
    let endpoint = fixture.endpoint().max_body(request.body.len() - 1).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler)).await;
    for size in [1, 10, request.body.len()] {
        let mut connection = Connection::open(server).await;
        connection.write(&request.chunked(size)).await;
        connection.reply().await.is_rejection(413, "body_too_large");
    }
    // A body without end is not read to its end.
    let mut connection = Connection::open(server).await;
    connection.write(&request.head("transfer-encoding: chunked")).await;
    connection.write(format!("ffffffff\r\n{}", " ".repeat(4096)).as_bytes()).await;
    connection.reply().await.is_rejection(413, "body_too_large");
    assert_eq!(handler.runs(), 0);
}

async fn a_body_of_exactly_the_limit_is_accepted<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let request = fixture.delivery(1);
    let endpoint = fixture.endpoint().max_body(request.body.len()).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler)).await;
    assert_eq!(request.send(server).await.status, 200);
}

async fn a_body_in_one_byte_chunks_is_accepted<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = fixture.delivery(1);
        let mut connection = Connection::open(server).await;
        connection.write(&request.chunked(1)).await;
        assert_eq!(connection.reply().await.status, 200, "{}", fixture.name);
        assert_eq!(handler.seen()[0].1, request.body);
        request.send(server).await.is_duplicate();
    }
}

async fn trailers_are_dropped<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let request = fixture.delivery(1);
    let mut bytes = request.chunked(50);
    bytes.truncate(bytes.len() - 2);
    bytes.extend_from_slice(b"x-piora-signature: in a trailer\r\n\r\n");
    let mut connection = Connection::open(server).await;
    connection.write(&bytes).await;
    assert_eq!(connection.reply().await.status, 200);
    assert_eq!(handler.seen()[0].1, request.body);
}

async fn a_body_that_does_not_arrive_is_given_up<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let endpoint = fixture.endpoint().body_timeout(Duration::from_millis(100)).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler)).await;
    let request = fixture.delivery(1);
    let mut connection = Connection::open(server).await;
    connection.write(&request.bytes()[..request.bytes().len() - 1]).await;
    connection.reply().await.is_rejection(408, "body_timeout");
    assert_eq!(request.send(server).await.status, 200);
}

async fn one_connection_serves_many_deliveries<A: Adapter>() {
    let fixture = fixtures::hostwares();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let mut connection = Connection::open(server).await;
    for number in 1..=20 {
        let request = fixture.delivery(number);
        connection.write(&request.bytes()).await;
        assert_eq!(connection.reply().await.status, 200);
        connection.write(&request.chunked(7)).await;
        connection.reply().await.is_duplicate();
    }
    assert_eq!(handler.runs(), 20);
}

/// Requests that do not wait for the answers before them.
async fn pipelined_deliveries_are_answered_in_order<A: Adapter>() {
    let fixture = fixtures::hostwares();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let forged = |number| {
        fixture.delivery(number).with_value(fixture.proof_header, |_| fixture.forged.into())
    };
    let mut connection = Connection::open(server).await;
    let mut bytes = Vec::new();
    for number in 1..=10 {
        let request = fixture.delivery(number);
        bytes.extend(request.bytes());
        bytes.extend(request.chunked(20));
        bytes.extend(forged(number).bytes());
    }
    connection.write(&bytes).await;
    for _ in 1..=10 {
        assert_eq!(connection.reply().await.status, 200);
        connection.reply().await.is_duplicate();
        connection.reply().await.is_rejection(401, "signature_mismatch");
    }
    assert_eq!(handler.runs(), 10);
}
