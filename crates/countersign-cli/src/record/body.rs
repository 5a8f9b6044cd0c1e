//! A request's body that is copied while it is read.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

/// What was read of a body so far, and the rest of it once nobody reads on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copied(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    read: BytesMut,
    most: usize,
    over: bool,
    complete: bool,
    rest: Option<Body>,
}

impl Copied {
    /// The body, and what will be known of it: up to `most` bytes.
    pub(crate) fn of(body: Body, most: usize) -> (Self, Body) {
        let copied = Self(Arc::new(Mutex::new(State { most, ..State::default() })));
        let copying = Copying { body: Some(body), copied: copied.clone() };
        (copied, Body::new(copying))
    }

    /// A body that is there.
    pub(crate) fn whole(body: &[u8]) -> Self {
        let (read, most) = (BytesMut::from(body), body.len());
        Self(Arc::new(Mutex::new(State { read, most, complete: true, ..State::default() })))
    }

    /// The bytes so far, and whether these are all.
    pub(crate) fn bytes(&self) -> (Bytes, bool) {
        let state = self.lock();
        (Bytes::copy_from_slice(&state.read), state.complete && !state.over)
    }

    /// Reads what a refusal left unread, for the one who looks at it. It ends with the limit.
    pub(crate) async fn read_rest(&self) {
        let rest = self.lock().rest.take();
        let Some(mut rest) = rest else { return };
        loop {
            match rest.frame().await {
                Some(Ok(frame)) => {
                    if !self.took(&frame) {
                        return;
                    }
                }
                Some(Err(_)) => return,
                None => {
                    self.lock().complete = true;
                    return;
                }
            }
        }
    }

    /// Notes a piece. False if there is no room for more.
    fn took(&self, frame: &Frame<Bytes>) -> bool {
        let Some(data) = frame.data_ref() else { return true };
        let mut state = self.lock();
        let room = state.most.saturating_sub(state.read.len());
        let fits = data.get(..room.min(data.len())).unwrap_or_default();
        state.read.extend_from_slice(fits);
        state.over |= fits.len() < data.len();
        !state.over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Copying {
    body: Option<Body>,
    copied: Copied,
}

impl HttpBody for Copying {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => drop(self.copied.took(frame)),
            Some(Err(_)) => self.body = None,
            None => {
                self.body = None;
                self.copied.lock().complete = true;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

/// Who stops reading, such as a layer that refuses by the headers, leaves the rest for the copy.
impl Drop for Copying {
    fn drop(&mut self) {
        let rest = self.body.take();
        let mut state = self.copied.lock();
        // A body that says at once that it is at its end is never polled for that.
        state.complete |= rest.as_ref().is_some_and(HttpBody::is_end_stream);
        state.rest = rest;
    }
}
