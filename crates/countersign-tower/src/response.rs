//! A rejection as a response.

use bytes::Bytes;
use countersign::Rejection;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};

/// The body of a response: the inner service's, or a rejection's.
pub type ResponseBody<B> = Either<B, Full<Bytes>>;

pub(crate) fn rejected<B>(rejection: Rejection) -> Response<ResponseBody<B>> {
    let body = Bytes::from_static(rejection.body().as_bytes());
    let mut response = Response::new(Either::Right(Full::new(body)));
    *response.status_mut() =
        StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !rejection.body().is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(seconds) = rejection.retry_after_secs() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response.extensions_mut().insert(rejection);
    response
}
