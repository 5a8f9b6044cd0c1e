//! A request as the core reads it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, UPGRADE};
use actix_web::http::{Method, Uri};
use bytes::Bytes;
use countersign::{BodyError, BodySource, Delivery, KnownName, Lookup, RequestHead};
use futures_core::Stream;

/// The method, target and headers of an actix request.
pub(crate) struct ActixHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
}

impl RequestHead for ActixHead<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(|authority| authority.as_str())
    }

    fn lookup(&self, name: &str) -> Lookup<'_> {
        // A request has few headers, and names in the map are in lower case: to look at each is
        // quicker than to make a name, which takes an allocation.
        let named = self.headers.iter().filter(|(other, _)| other.as_str() == name);
        Lookup::of(named.map(|(_, value)| value.as_bytes()))
    }

    #[inline]
    fn lookup_known(&self, name: &KnownName) -> Lookup<'_> {
        match name.prepared(|name| HeaderName::from_bytes(name.as_bytes()).ok()) {
            Some(Some(name)) => {
                Lookup::of(self.headers.get_all(name).map(|value| value.as_bytes()))
            }
            _ => self.lookup(name.as_str()),
        }
    }
}

/// A request's body. actix has dropped its trailers.
pub(crate) struct ActixBody {
    payload: Payload,
    /// How much of it is the body's, where actix cannot tell.
    left: Option<u64>,
}

impl ActixBody {
    /// Takes the request's body.
    pub(crate) fn of(request: &mut ServiceRequest) -> Self {
        let payload = request.take_payload();
        let left = match payload {
            Payload::H1 { .. } if asks_for_websocket(request) => Some(declared_length(request)),
            _ => None,
        };
        Self { payload, left }
    }

    /// Takes what was not read of it.
    pub(crate) fn take_unread(&mut self) -> Payload {
        std::mem::replace(&mut self.payload, Payload::None)
    }
}

impl BodySource for ActixBody {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        let chunk = match ready!(Pin::new(&mut self.payload).poll_next(cx)) {
            None => return Poll::Ready(None),
            Some(Ok(chunk)) => chunk,
            // An outer middleware's limit.
            Some(Err(PayloadError::Overflow)) => {
                return Poll::Ready(Some(Err(BodyError::TooLarge)));
            }
            Some(Err(_)) => return Poll::Ready(Some(Err(BodyError::Broken))),
        };
        Poll::Ready(Some(Ok(self.own_part(chunk))))
    }
}

impl ActixBody {
    /// What of a chunk is the body's.
    fn own_part(&mut self, mut chunk: Bytes) -> Bytes {
        let Some(left) = self.left else { return chunk };
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.left = Some(left.saturating_sub(chunk.len() as u64));
        chunk
    }
}

/// Whether actix takes all that comes on the connection from here on for the request's body,
/// whatever length it declares: it does so for `Upgrade: websocket`, unless the body is chunked.
fn asks_for_websocket(request: &ServiceRequest) -> bool {
    let mut upgrades = request.headers().get_all(UPGRADE);
    upgrades.any(|name| name.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket"))
        && !request.chunked().unwrap_or(true)
}

/// A request that declares no length has no body (RFC 9112, section 6.3). actix refuses one that
/// declares several.
fn declared_length(request: &ServiceRequest) -> u64 {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
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
