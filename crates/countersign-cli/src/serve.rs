//! The server: so many connections at a time, and none that keeps its place by saying nothing.

use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// What one connection, and all of them, may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many there are at a time. Further ones wait until they are accepted.
    pub(crate) connections: usize,
    /// How long a request's head may take, from the end of the answer before. Bodies have a
    /// deadline of their own, and answers too.
    pub(crate) head: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // Half of the files that a process may usually open: the other half is for forwarding.
        Self { connections: 512, head: Duration::from_secs(10) }
    }
}

/// Serves until `stop`, and then until the last answer has left.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head);
    let service = TowerToHyperService::new(router);
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        let connection = http.serve_connection(TokioIo::new(stream), service.clone());
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection closed");
            }
            drop(place);
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// The next connection, once there is a place for it. Cancel safe.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // It is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok();
    let mut said = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
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
mod tests {
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    async fn start(limits: Limits) -> (std::net::SocketAddr, oneshot::Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().route("/", get(async || "served"));
        tokio::spawn(serve(listener, router, limits, async { drop(stopped.await) }));
        (addr, stop)
    }

    async fn send(addr: std::net::SocketAddr, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    /// All that comes until the server closes the connection.
    async fn rest(mut stream: TcpStream) -> String {
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        let _ = timeout(Duration::from_secs(20), read).await.expect("still open");
        String::from_utf8(rest).unwrap()
    }

    const WHOLE: &str = "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    const HALF: &str = "GET / HTTP/1.1\r\nhost: h\r\n";
    const HEAD: Duration = Duration::from_millis(400);

    #[tokio::test]
    async fn a_connection_without_a_request_loses_its_place() {
        let (addr, _stop) = start(Limits { connections: 3, head: HEAD }).await;
        let started = Instant::now();
        let silent = send(addr, "").await;
        let half = send(addr, HALF).await;
        let idle = send(addr, &WHOLE.replace("close", "keep-alive")).await;
        // There is no place for this one yet.
        assert!(rest(send(addr, WHOLE).await).await.ends_with("served"));
        assert!(started.elapsed() >= HEAD, "{:?}", started.elapsed());
        assert_eq!(rest(silent).await, "");
        assert_eq!(rest(half).await, "");
        assert!(rest(idle).await.ends_with("served"));
    }

    #[tokio::test]
    async fn the_end_waits_for_answers_and_not_for_idle_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (entered, mut running) = tokio::sync::mpsc::channel(1);
        let handler = async move || {
            entered.send(()).await.unwrap();
            sleep(HEAD).await;
            "served"
        };
        let router = Router::new().route("/", get(handler));
        let (stop, stopped) = oneshot::channel::<()>();
        let server =
            tokio::spawn(serve(listener, router, Limits::default(), async { drop(stopped.await) }));
        let request = WHOLE.replace("close", "keep-alive");
        let mut idle = send(addr, &request).await;
        running.recv().await.unwrap();
        assert_ne!(idle.read(&mut [0; 1024]).await.unwrap(), 0);
        let answered = send(addr, &request).await;
        running.recv().await.unwrap();
        drop(stop);
        server.await.unwrap();
        assert!(rest(answered).await.ends_with("served"));
        assert_eq!(rest(idle).await, "");
        assert!(TcpStream::connect(addr).await.is_err());
    }
}
