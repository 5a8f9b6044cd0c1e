//! A rejection as a response.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use countersign::Rejection;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};

/// The body of a response: the inner service's, or a rejection's.
pub type ResponseBody<B> = Either<B, Full<Bytes>>;

/// Makes the headers and the body of an answer to a rejection.
pub(crate) type ErrorHandler = Arc<dyn Fn(&Rejection) -> Response<Bytes> + Send + Sync>;

pub(crate) fn rejected<B>(
    rejection: Rejection,
    error_handler: Option<&ErrorHandler>,
) -> Response<ResponseBody<B>> {
    // A panic would take the connection with it, and over HTTP/2 other requests' as well.
    let own =
        error_handler.and_then(|make| catch_unwind(AssertUnwindSafe(|| make(&rejection))).ok());
    let mut response = own.unwrap_or_else(|| default(&rejection));
    *response.status_mut() =
        StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match rejection.retry_after_secs() {
        Some(seconds) => drop(response.headers_mut().insert(RETRY_AFTER, seconds.into())),
        None => drop(response.headers_mut().remove(RETRY_AFTER)),
    }
    // Methods that were checked by the builder are a header's value.
    if let Some(allow) = rejection.allow().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        response.headers_mut().insert(ALLOW, allow);
    }
    // These have no body, and a connection that carries one all the same is out of step.
    if matches!(rejection.status(), 204 | 205) {
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Bytes::new();
    }
    response.extensions_mut().insert(rejection);
    response.map(|body| Either::Right(Full::new(body)))
}

fn default(rejection: &Rejection) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(rejection.body().as_bytes()));
    if !rejection.body().is_empty() {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response
}
