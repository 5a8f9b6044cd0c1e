//! A rejection as a response.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use countersign::Rejection;

/// Makes the headers and the body of an answer to a rejection.
pub(crate) type ErrorHandler = dyn Fn(&Rejection) -> HttpResponse + Send + Sync;

pub(crate) fn rejected(rejection: Rejection, error_handler: Option<&ErrorHandler>) -> HttpResponse {
    let mut response = match error_handler {
        Some(make) => make(&rejection),
        None => default(&rejection),
    };
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
    response.extensions_mut().insert(rejection);
    response
}

fn default(rejection: &Rejection) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::OK);
    if !rejection.body().is_empty() {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response.set_body(actix_web::body::BoxBody::new(rejection.body()))
}
