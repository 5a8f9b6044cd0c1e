//! `GET /events`: what changes, as server-sent events.
//!
//! Each event is made when the reader can take it, of the delivery as it is then. Whoever reads slowly gets
//! fewer of them, and the last state of each delivery all the same.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::App;
use super::history::Changes;
use super::view::Summary;

/// How many deliveries are looked up at a time.
const BATCH: usize = 64;

/// How often something is sent, so that a connection that is gone is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

pub(super) async fn events(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = last.filter(|id| !id.is_empty());
    let known = last.and_then(|id| id.parse().ok()).filter(|id| app.history.knows(*id));
    let reload = last.is_some() && known.is_none();
    let cursor = known.unwrap_or_else(|| app.history.sequence());
    let (pieces, body) = mpsc::channel(1);
    tokio::spawn(tell(app, cursor, reload, pieces));
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(Pieces(body))).into_response()
}

/// Sends until the reader is gone, or the program ends.
async fn tell(app: Arc<App>, mut cursor: u64, reload: bool, pieces: mpsc::Sender<Bytes>) {
    let mut changed = app.history.changed();
    // At once, so that the reader knows that it is connected.
    let mut text = format!("retry: 1000\nid: {cursor}\n: connected\n\n");
    if reload {
        text.push_str(&format!("id: {cursor}\nevent: reload\ndata: {{}}\n\n"));
    }
    let mut oldest = app.history.after(cursor, 0).oldest;
    loop {
        if !text.is_empty() {
            let sent = tokio::select! {
                sent = pieces.send(std::mem::take(&mut text).into()) => sent,
                () = app.stop.clone().stopped() => return,
            };
            if sent.is_err() {
                return;
            }
        }
        // Before it is looked: what changes meanwhile is seen next time.
        changed.mark_unchanged();
        let changes = app.history.after(cursor, BATCH);
        write(&changes, oldest, &mut text);
        (cursor, oldest) = (changes.upto, changes.oldest);
        if !text.is_empty() {
            continue;
        }
        tokio::select! {
            waited = timeout(SIGN_OF_LIFE, changed.changed()) => if waited.is_err() {
                text.push_str(": still here\n\n");
            },
            () = pieces.closed() => return,
            () = app.stop.clone().stopped() => return,
        }
    }
}

fn write(changes: &Changes, oldest: u64, text: &mut String) {
    let mut event = |id: u64, name: &str, data: &str| {
        text.push_str(&format!("id: {id}\nevent: {name}\ndata: {data}\n\n"));
    };
    if let Some(cleared) = changes.cleared {
        event(cleared, "cleared", "{}");
    }
    for entry in &changes.entries {
        // JSON has no line ends outside of its texts, and inside they are escaped.
        if let Ok(data) = serde_json::to_string(&Summary::of(entry)) {
            event(entry.sequence, "delivery", &data);
        }
    }
    if changes.oldest != oldest {
        event(changes.upto, "dropped", &format!("{{\"oldest\":{}}}", changes.oldest));
    }
}

/// A body of pieces that are made one by one.
struct Pieces(mpsc::Receiver<Bytes>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
