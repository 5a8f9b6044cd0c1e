//! The core's reply as a response.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use countersign::{Rejection, Reply};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};

/// The body of a response: the inner service's, or a reply's.
pub type ResponseBody<B> = Either<B, Full<Bytes>>;

/// Makes the headers and the body of an answer to a rejection.
pub(crate) type ErrorHandler = Arc<dyn Fn(&Rejection) -> Response<Bytes> + Send + Sync>;

pub(crate) fn print<B>(
    reply: Reply,
    error_handler: Option<&ErrorHandler>,
) -> Response<ResponseBody<B>> {
    // A panic would take the connection with it, and over HTTP/2 other requests' as well.
    let own = reply
        .rejection()
        .zip(error_handler)
        .and_then(|(rejection, make)| catch_unwind(AssertUnwindSafe(|| make(rejection))).ok());
    let is_own = own.is_some();
    let mut response = own.unwrap_or_else(|| Response::new(reply.body()));
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
        *response.body_mut() = Bytes::new();
    }
    if let Some(rejection) = reply.into_rejection() {
        response.extensions_mut().insert(rejection);
    }
    response.map(|body| Either::Right(Full::new(body)))
}
