//! The listener's socket, and its end.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use countersign_tower::HandlerTasks;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::time::{sleep, timeout};

use super::Routes;
use crate::serve::{self, Limits};
use crate::signals::Stop;

/// How long requests that are still arriving hold up the end. Nothing of them is claimed yet, so
/// they lose nothing but time. The user's program is waited for however long it takes.
const ARRIVAL_GRACE: Duration = Duration::from_secs(3);

/// How long the last answers may take to leave.
const DEPARTURE_GRACE: Duration = Duration::from_secs(1);

/// How many connections may wait in the kernel until they are accepted; it may allow less.
const BACKLOG: u32 = 4096;

/// Takes the address. An error is a sentence.
pub(crate) async fn bind(addr: &str) -> Result<(TcpListener, SocketAddr), String> {
    let cannot = |error: io::Error| format!("cannot listen on {addr}: {error}");
    let mut bound = Err(io::Error::new(ErrorKind::NotFound, "the name has no address"));
    for addr in lookup_host(addr).await.map_err(cannot)? {
        bound = bind_one(addr);
        if bound.is_ok() {
            break;
        }
    }
    let listener = bound.map_err(cannot)?;
    let local = listener.local_addr().map_err(cannot)?;
    Ok((listener, local))
}

/// What `TcpListener::bind` does, with a longer backlog: connections that strangers make faster
/// than they are closed must not keep others from being made.
fn bind_one(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop`, and then until what runs has ended.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Routes,
    limits: Limits,
    tasks: &HandlerTasks,
    stop: Stop,
) {
    let router =
        Router::new().fallback(async move |request: Request<Body>| routes.answer(request).await);
    let (stopped, handling) = (stop.clone().stopped(), tasks.clone());
    let server = serve::serve(listener, router, limits, async move {
        stopped.await;
        tracing::info!(handling = handling.running(), "stopping");
    });
    let mut server = pin!(server);
    let overdue = async {
        stop.stopped().await;
        sleep(ARRIVAL_GRACE).await;
        // A connection that is kept alive starts no further handler.
        tasks.drain();
        tasks.finished().await;
    };
    tokio::select! {
        () = &mut server => {}
        () = overdue => drop(timeout(DEPARTURE_GRACE, server).await),
    }
    // A handler whose sender hung up has no connection that the server could wait for.
    tasks.finished().await;
}
