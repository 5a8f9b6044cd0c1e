//! A rejection as a response.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use bytes::Bytes;
use countersign::Rejection;

/// Makes the headers and the body of an answer to a rejection.
pub(crate) type ErrorHandler = dyn Fn(&Rejection) -> HttpResponse + Send + Sync;

/// The answer to a rejection. `unread` is what is left of the request's body.
pub(crate) fn rejected(
    rejection: Rejection,
    error_handler: Option<&ErrorHandler>,
    unread: Payload,
) -> HttpResponse {
    // A panic would take the connection with it, and over HTTP/2 other requests' as well.
    let own =
        error_handler.and_then(|make| catch_unwind(AssertUnwindSafe(|| make(&rejection))).ok());
    let mut response = own.unwrap_or_else(|| default(&rejection));
    *response.status_mut() =
        StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().remove(RETRY_AFTER);
    if let Some(seconds) = rejection.retry_after_secs() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    // Methods that were checked by the builder are a header's value.
    if let Some(allow) = rejection.allow().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        response.headers_mut().insert(ALLOW, allow);
    }
    // These have no body, and a connection that carries one all the same is out of step.
    if matches!(rejection.status(), 204 | 205) {
        response.headers_mut().remove(CONTENT_LENGTH);
        response = response.set_body(BoxBody::new(()));
    }
    response.extensions_mut().insert(rejection);
    match unread {
        Payload::None => response,
        unread => response.map_body(|_, body| BoxBody::new(WithUnread { body, _unread: unread })),
    }
}

fn default(rejection: &Rejection) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::OK);
    if !rejection.body().is_empty() {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response.set_body(BoxBody::new(rejection.body()))
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
