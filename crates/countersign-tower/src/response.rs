//! The core's reply as a response.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use countersign::{Rejection, Reply};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Full};

/// The body of a response: the inner service's, or a reply's.
pub type ResponseBody<B> = Either<B, Full<Bytes>>;

/// Makes the headers and the body of an answer to a rejection.
pub(crate) type ErrorHandler = Arc<dyn Fn(&Rejection) -> Response<Bytes> + Send + Sync>;

/// An empty response in the memory of a request that is refused: a flood of those should cost little.
pub(crate) fn empty_response<B>(request: Request<B>) -> Response<Bytes> {
    let (mut head, _) = request.into_parts();
    head.headers.clear();
    head.extensions.clear();
    let mut response = Response::default();
    (*response.headers_mut(), *response.extensions_mut()) = (head.headers, head.extensions);
    response
}

/// The reply as a response: the user's own, or this empty one with the reply in it.
pub(crate) fn print<B>(
    reply: Reply,
    error_handler: Option<&ErrorHandler>,
    empty: Response<Bytes>,
) -> Response<ResponseBody<B>> {
    let mut printed = reply.print(error_handler.map(|make| |rejection: &_| make(rejection)));
    let mut response = printed.take_own().unwrap_or(empty);
    *response.status_mut() =
        StatusCode::from_u16(printed.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !headers.is_empty() {
        for name in printed.removed() {
            headers.remove(*name);
        }
    }
    for (name, value) in printed.headers() {
        let value = match value {
            Cow::Borrowed(fixed) => Ok(HeaderValue::from_static(fixed)),
            Cow::Owned(value) => HeaderValue::try_from(value),
        };
        if let Ok(mut value) = value {
            value.set_sensitive(printed.is_sensitive());
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
