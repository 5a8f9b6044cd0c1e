//! A request as the core reads it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{HeaderMap, HeaderName};
use bytes::Bytes;
use countersign::{BodyError, BodySource, Headers, Lookup};
use futures_core::Stream;

/// The headers of an actix request.
pub(crate) struct ActixHeaders<'a>(pub(crate) &'a HeaderMap);

impl Headers for ActixHeaders<'_> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        let Ok(name) = HeaderName::try_from(name) else { return Lookup::Missing };
        let mut values = self.0.get_all(name);
        match (values.next(), values.next()) {
            (None, _) => Lookup::Missing,
            (Some(value), None) => Lookup::One(value.as_bytes()),
            (Some(_), Some(_)) => Lookup::Repeated,
        }
    }
}

/// A request's body. actix has dropped its trailers.
pub(crate) struct ActixBody<'a>(pub(crate) &'a mut Payload);

impl BodySource for ActixBody<'_> {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        Poll::Ready(ready!(Pin::new(&mut *self.0).poll_next(cx)).map(|chunk| {
            chunk.map_err(|error| match error {
                // An outer middleware's limit.
                PayloadError::Overflow => BodyError::TooLarge,
                _ => BodyError::Broken,
            })
        }))
    }
}
