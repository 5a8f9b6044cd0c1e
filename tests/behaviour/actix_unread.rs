//! P7 on actix-web: what is left of a refused request's body is not read for long.

use std::time::Duration;

use actix_web::body;
use actix_web::http::StatusCode;
use actix_web::web::{self, post};
use actix_web::{App as Actix, HttpResponse, HttpServer};
use countersign::Rejection;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{Connection, Request, Server};
use crate::fixtures;
use crate::harness::{App, Handler};
use crate::on_actix::{middleware, started};

const PIECE: usize = 64 << 10;
const MAX_BODY: usize = 2 * PIECE;
/// More than six times as many as are sent, one every 2 ms, while actix-web lingers.
const PIECES: usize = 2_000;
/// actix-web counts it from a time that it read up to 500 ms ago.
const LINGER: Duration = Duration::from_millis(600);

/// Piora's endpoint, on a server that does not linger long on a connection that it is to close.
fn server(own: Option<fn(&Rejection) -> HttpResponse>) -> Server {
    let fixture = fixtures::piora();
    let endpoint = fixture.endpoint().max_body(MAX_BODY).body_timeout(Duration::from_millis(100));
    let app = App::new([endpoint.build().unwrap()], &Handler::answering(200));
    let mut webhooks = middleware(&app, &app.endpoints[0]);
    if let Some(make) = own {
        webhooks = webhooks.error_handler(make);
    }
    let server = started(|listener, on_start| {
        HttpServer::new(move || {
            on_start();
            let resource = web::resource("/piora").wrap(webhooks.clone());
            Actix::new().service(resource.route(post().to(HttpResponse::Ok)))
        })
        .workers(1)
        .client_disconnect_timeout(LINGER)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run()
    });
    server.0
}

/// Sends a body for as long as the server takes it, 64 KiB every 2 ms; gives how many pieces.
async fn pieces_taken(server: Server, head: Vec<u8>, framed: bool) -> usize {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&head).await.unwrap();
    let mut piece = Vec::new();
    if framed {
        piece.extend_from_slice(format!("{PIECE:x}\r\n").as_bytes());
    }
    piece.extend_from_slice(&vec![b' '; PIECE]);
    if framed {
        piece.extend_from_slice(b"\r\n");
    }
    for sent in 0..PIECES {
        // A server that has stopped reading but keeps the connection takes no more either.
        match timeout(Duration::from_secs(10), stream.write_all(&piece)).await {
            Ok(Ok(())) => sleep(Duration::from_millis(2)).await,
            Ok(Err(_)) | Err(_) => return sent,
        }
    }
    PIECES
}

fn unsigned(request: Request) -> Request {
    request.without(fixtures::piora().proof_header)
}

const CHUNKED: &str = "transfer-encoding: chunked";

#[tokio::test]
async fn a_refused_body_is_not_read_without_end() {
    let server = server(None);
    let request = fixtures::piora().delivery(1);
    let length = format!("content-length: {}", PIECES * PIECE);
    let (by_head, by_size, by_length) = tokio::join!(
        pieces_taken(server, unsigned(request.clone()).head(CHUNKED), true),
        pieces_taken(server, request.head(CHUNKED), true),
        pieces_taken(server, unsigned(request.clone()).head(&length), false),
    );
    assert!(by_size > MAX_BODY / PIECE, "it is the limit that refuses it");
    for (what, taken) in [("head", by_head), ("size", by_size), ("length", by_length)] {
        assert!(taken < PIECES / 2, "refused by its {what}: {taken} pieces were taken");
    }
}

/// The same with answers of the user's own, whatever they have for a body.
#[tokio::test]
async fn nor_with_an_answer_of_the_users_own() {
    fn some(_: &Rejection) -> HttpResponse {
        HttpResponse::Ok().body("own words")
    }
    fn empty(_: &Rejection) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    fn none(_: &Rejection) -> HttpResponse {
        HttpResponse::with_body(StatusCode::OK, body::None::new()).map_into_boxed_body()
    }
    async fn taken(make: fn(&Rejection) -> HttpResponse) -> usize {
        let head = unsigned(fixtures::piora().delivery(1)).head(CHUNKED);
        pieces_taken(server(Some(make)), head, true).await
    }
    let (some, empty, none) = tokio::join!(taken(some), taken(empty), taken(none));
    for (body, taken) in [("some", some), ("empty", empty), ("none", none)] {
        assert!(taken < PIECES / 2, "{body}: {taken} pieces were taken");
    }
}

/// The answer is whole, says that the connection closes, and the connection does.
#[tokio::test]
async fn the_answer_says_that_the_connection_closes() {
    let server = server(None);
    let request = fixtures::piora().delivery(1);
    for (status, head) in [
        (401, unsigned(request.clone()).head(CHUNKED)),
        (408, request.head(CHUNKED)),
        (401, unsigned(request.clone()).head("content-length: 100")),
    ] {
        let mut connection = Connection::open(server).await;
        connection.write(&head).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (status, Some("close")));
        assert!(reply.body.starts_with(r#"{"error":""#), "{}", reply.body);
        assert!(connection.try_reply().await.is_none(), "the connection closes");
    }
}
