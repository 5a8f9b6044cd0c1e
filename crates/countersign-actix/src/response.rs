//! The core's reply as a response.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use bytes::Bytes;
use countersign::{Rejection, Reply};

/// Makes the headers and the body of an answer to a rejection.
pub(crate) type ErrorHandler = dyn Fn(&Rejection) -> HttpResponse + Send + Sync;

/// The reply as a response. `unread` is what is left of the request's body.
pub(crate) fn print(
    reply: Reply,
    error_handler: Option<&ErrorHandler>,
    unread: Payload,
) -> HttpResponse {
    // A panic would take the connection with it, and over HTTP/2 other requests' as well.
    let own = reply
        .rejection()
        .zip(error_handler)
        .and_then(|(rejection, make)| catch_unwind(AssertUnwindSafe(|| make(rejection))).ok());
    let is_own = own.is_some();
    let mut response = own
        .unwrap_or_else(|| HttpResponse::new(StatusCode::OK).set_body(BoxBody::new(reply.body())));
    *response.status_mut() =
        StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.remove(RETRY_AFTER);
    for (name, value) in reply.headers() {
        let value = match value {
            Cow::Borrowed(fixed) => Ok(HeaderValue::from_static(fixed)),
            Cow::Owned(value) => HeaderValue::try_from(value),
        };
        match (HeaderName::try_from(name), value) {
            // The type of a body of the user's own is the user's to say.
            (Ok(name), _) if is_own && name == CONTENT_TYPE => {}
            (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
            _ => {}
        }
    }
    // These have no body, and a connection that carries one all the same is out of step.
    if matches!(reply.status(), 204 | 205) {
        headers.remove(CONTENT_LENGTH);
        response = response.set_body(BoxBody::new(()));
    }
    if let Some(rejection) = reply.into_rejection() {
        response.extensions_mut().insert(rejection);
    }
    match unread {
        Payload::None => response,
        unread => response.map_body(|_, body| BoxBody::new(WithUnread { body, _unread: unread })),
    }
}

/// An answer's body that keeps the request's until it is sent. Where that one comes in chunks and
/// nobody holds it any more, actix reads it to its end, which need not come; where somebody does,
/// it closes the connection after the answer.
struct WithUnread {
    body: BoxBody,
    _unread: Payload,
}

impl MessageBody for WithUnread {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        match self.body.size() {
            // `BoxBody` would let go of all that says so.
            BodySize::None => BodySize::Sized(0),
            size => size,
        }
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
