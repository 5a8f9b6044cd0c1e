//! A request as the core reads it.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use countersign::{BodyError, BodySource, Lookup, RequestHead};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body::Body;
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

/// The method, target and headers of an `http` 1.x request.
pub(crate) struct HttpHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
}

impl RequestHead for HttpHead<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    fn lookup(&self, name: &str) -> Lookup<'_> {
        // These two are looked up in every request, and the map knows their names.
        if name == CONTENT_LENGTH.as_str() {
            return only(self.headers.get_all(CONTENT_LENGTH).iter());
        }
        if name == CONTENT_ENCODING.as_str() {
            return only(self.headers.get_all(CONTENT_ENCODING).iter());
        }
        // A request has few headers, and names in the map are in lower case: to look at each is
        // quicker than to parse and hash the name.
        let named = self.headers.iter().filter(|(other, _)| other.as_str() == name);
        only(named.map(|(_, value)| value))
    }
}

fn only<'a>(mut values: impl Iterator<Item = &'a HeaderValue>) -> Lookup<'a> {
    match (values.next(), values.next()) {
        (None, _) => Lookup::Missing,
        (Some(value), None) => Lookup::One(value.as_bytes()),
        (Some(_), Some(_)) => Lookup::Repeated,
    }
}

pin_project! {
    /// A request's body; its trailers are dropped, for they are not proven.
    pub(crate) struct HttpBody<B> {
        #[pin]
        pub(crate) body: B,
    }
}

impl<B> BodySource for HttpBody<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn poll_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut body = self.project().body;
        loop {
            return Poll::Ready(match ready!(body.as_mut().poll_frame(cx)) {
                None => None,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(mut data) => Some(Ok(data.copy_to_bytes(data.remaining()))),
                    Err(_trailers) => continue,
                },
                Some(Err(error)) => Some(Err(body_error(&*error.into()))),
            });
        }
    }
}

/// An outer body limit speaks through an error in the body, perhaps wrapped.
fn body_error(error: &(dyn Error + 'static)) -> BodyError {
    let mut causes = std::iter::successors(Some(error), |error| (**error).source());
    if causes.any(|cause| cause.is::<LengthLimitError>()) {
        BodyError::TooLarge
    } else {
        BodyError::Broken
    }
}
