//! The way from a request's headers and body to its proof, and on to the delivery.

use bytes::Bytes;
use countersign::Endpoint;
use http::HeaderMap;

use crate::headers::HttpHeaders;

/// Steps 1 to 3. The body is given as a server gives it.
pub fn prove(endpoint: &Endpoint, headers: &HeaderMap, body: Bytes) -> bool {
    let Ok(mut incoming) = endpoint.begin(&HttpHeaders(headers)) else { return false };
    incoming.push(body).is_ok() && incoming.prove().is_ok()
}

/// Steps 1 to 4.
pub fn finish(endpoint: &Endpoint, headers: &HeaderMap, body: Bytes) -> bool {
    let Ok(mut incoming) = endpoint.begin(&HttpHeaders(headers)) else { return false };
    incoming.push(body).is_ok() && incoming.finish().is_ok()
}

/// The same for a body that is there already.
pub fn verify(endpoint: &Endpoint, headers: &HeaderMap, body: &[u8]) -> bool {
    endpoint.verify(&HttpHeaders(headers), body).is_ok()
}
