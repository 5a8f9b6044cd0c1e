//! Servers around the layer: a plain hyper server, and how axum's stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use countersign::{Delivery, MemoryStore};
use countersign_tower::{HandlerTasks, ProvenBody, Webhook, WebhookLayer};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Body as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tower::Layer;

use crate::client::Connection;
use crate::fixtures;
use crate::harness::{App, Gate, Handler, eventually};

#[tokio::test]
async fn a_plain_hyper_server_works_too() {
    let fixture = fixtures::piora();
    let inner = tower::service_fn(|request: http::Request<ProvenBody>| async move {
        assert!(request.extensions().get::<Delivery>().is_some());
        let mut body = request.into_body();
        let (length, ended) = (body.size_hint().exact(), body.is_end_stream());
        let bytes = body.frame().await.unwrap()?.into_data().unwrap();
        // A service that forwards a body looks at these, and does not poll again.
        assert_eq!((length, ended), (Some(bytes.len() as u64), false));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert!(body.frame().await.is_none());
        Ok::<_, Infallible>(Response::new(Full::new(bytes)))
    });
    let layer = WebhookLayer::new(fixture.endpoint().build().unwrap(), MemoryStore::new());
    let service = layer.layer(inner);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper_util::service::TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    let request = fixture.delivery(1);
    let reply = request.send(server).await;
    assert_eq!((reply.status, reply.body.as_bytes()), (200, &*request.body));
    request.send(server).await.is_duplicate();
}

#[tokio::test]
async fn a_shutdown_waits_for_handlers_whose_sender_hung_up() {
    const LONG: Duration = Duration::from_secs(10);
    let gate = Gate::shut();
    let handler = Handler::gated(&gate);
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let tasks = HandlerTasks::new();
    let webhook = WebhookLayer::from_receiver(app.receiver(&app.endpoints[0])).tasks(&tasks);
    let route = axum::routing::post(
        |webhook: Webhook, axum::extract::State(handler): axum::extract::State<Handler>| async move {
            StatusCode::from_u16(handler.run(webhook.delivery, Bytes::new()).await).unwrap()
        },
    );
    let app_router =
        Router::new().route("/piora", route.with_state(handler.clone()).route_layer(webhook));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(tokio::sync::Notify::new());
    let server = tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            let stopped = async move { stop.notified().await };
            axum::serve(listener, app_router).with_graceful_shutdown(stopped).await
        }
    });
    assert_eq!(tasks.running(), 0);
    tokio::time::timeout(LONG, tasks.finished()).await.unwrap();

    let mut connection = Connection::open(address).await;
    connection.write(&fixture.delivery(1).bytes()).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    drop(connection);
    stop.notify_one();
    tokio::time::timeout(LONG, server).await.unwrap().unwrap().unwrap();
    assert_eq!(tasks.running(), 1, "the server is gone, the handler is not");
    let finished = tokio::time::timeout(Duration::from_millis(50), tasks.finished()).await;
    assert!(finished.is_err());
    gate.open();
    tokio::time::timeout(LONG, tasks.finished()).await.unwrap();
    assert_eq!(handler.ended(), 1);
    assert_eq!(app.reports.all().len(), 1, "settled before it counts as finished");
}
