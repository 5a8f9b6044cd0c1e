//! The core's reply as a response.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use countersign::{Rejection, Reply};
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
    let mut printed = reply.print(error_handler.map(|make| |rejection: &_| make(rejection)));
    let mut response = printed.take_own().unwrap_or_default();
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
        *response.body_mut() = body;
    }
    if let Some(rejection) = reply.into_rejection() {
        response.extensions_mut().insert(rejection);
    }
    response.map(|body| Either::Right(Full::new(body)))
}
