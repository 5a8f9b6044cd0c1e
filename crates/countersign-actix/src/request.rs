//! A request as the core reads it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};
use bytes::Bytes;
use countersign::{BodyError, BodySource, Delivery, Headers, Lookup};
use futures_core::Stream;

/// The method and headers of an actix request.
pub(crate) struct ActixHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
}

impl Headers for ActixHead<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn lookup(&self, name: &str) -> Lookup<'_> {
        let Ok(name) = HeaderName::try_from(name) else { return Lookup::Missing };
        let mut values = self.headers.get_all(name);
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

/// The proven body, as the inner service gets it. Whoever reads it has taken the delivery.
pub(crate) struct ProvenPayload(Option<Delivery>);

impl ProvenPayload {
    pub(crate) fn of(delivery: &Delivery) -> Payload {
        Payload::Stream { payload: Box::pin(Self(Some(delivery.clone()))) }
    }
}

impl Stream for ProvenPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(delivery) = self.0.take() else { return Poll::Ready(None) };
        delivery.mark_taken();
        let body = delivery.body();
        Poll::Ready((!body.is_empty()).then(|| Ok(body.clone())))
    }
}
