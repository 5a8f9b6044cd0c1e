//! The server: so many connections at a time, and none that keeps its place by sending slowly.

mod places;
mod watched;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use countersign::ErrorChain;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

pub(crate) use places::Place;
use places::Places;
use watched::{Answering, Open, WatchedBody, WatchedStream};

/// What one connection, and all of them, may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many there are at a time, with handlers that go on after their sender hung up. A further
    /// one gets the place of the slowest that waits for its sender, or waits until there is one.
    pub(crate) connections: usize,
    /// How long a request's head may take, from the end of the answer before. Bodies have a
    /// deadline of their own, and answers too.
    pub(crate) head: Duration,
}

/// How long a request's head may take.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest head, in bytes: what a connection may take of the memory before it proves anything.
const MAX_HEAD: usize = 64 * 1024;

/// Serves until `stop`, and then until the last answer has left. Requests have their [`Place`] as
/// an extension.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(MAX_HEAD);
    let router = TowerToHyperService::new(router);
    let places = Places::new(limits.connections);
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let arriving = async {
            // In this order: nobody has to leave before somebody comes.
            let stream = accept(&listener).await;
            (stream, places.take().await)
        };
        let (stream, place) = tokio::select! {
            arrived = arriving => arrived,
            () = &mut stop => break,
        };
        let (router, of_requests) = (router.clone(), place.clone());
        let service = service_fn(move |request| answer(&router, request, of_requests.clone()));
        let stream = WatchedStream { stream, place: place.clone() };
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            let open = Open(place);
            let done = tokio::select! {
                biased;
                done = connection => done,
                () = open.0.has_to_leave() => return,
            };
            if let Err(error) = done {
                tracing::debug!(error = %ErrorChain::of(&error), "connection closed");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// Has a request answered by the router, and notes it in the place.
fn answer(
    router: &TowerToHyperService<Router>,
    request: Request<Incoming>,
    place: Place,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
    let answering = Answering(place.clone());
    let mut request = request.map(|body| WatchedBody { body, place: place.clone() });
    request.extensions_mut().insert(place);
    let answer = router.call(request);
    async move {
        let answer = answer.await;
        drop(answering);
        answer
    }
}

/// The next connection. Cancel safe.
async fn accept(listener: &TcpListener) -> TcpStream {
    let mut said = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The sender's, who went away meanwhile.
            Err(error) if is_of_connection(error.kind()) => {}
            Err(error) => {
                if !said {
                    tracing::error!(%error, "cannot accept connections");
                    said = true;
                }
                // Such as too many open files: it takes a moment until some are closed.
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn is_of_connection(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
