//! The core's reply as a response.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
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
    let mut printed = reply.print(error_handler);
    let own = printed.take_own();
    let mut response = own.unwrap_or_else(|| HttpResponse::new(StatusCode::OK));
    *response.status_mut() =
        StatusCode::from_u16(printed.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for name in printed.removed() {
        headers.remove(*name);
    }
    for (name, value) in printed.headers() {
        let value = match value {
            Cow::Borrowed(fixed) => Ok(HeaderValue::from_static(fixed)),
            Cow::Owned(value) => HeaderValue::try_from(value),
        };
        if let Ok(value) = value {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(body) = printed.body() {
        response = response.set_body(BoxBody::new(body));
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
            // `BoxBody` would drop this body, and the request's with it.
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
