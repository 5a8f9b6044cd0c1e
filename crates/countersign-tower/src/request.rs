//! A request as the core reads it.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use countersign::{BodyError, BodySource, KnownName, Lookup, RequestHead};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
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

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(|authority| authority.as_str())
    }

    fn lookup(&self, name: &str) -> Lookup<'_> {
        // A request has few headers, and names in the map are in lower case: to look at each is
        // quicker than to parse and hash the name.
        let named = self.headers.iter().filter(|(other, _)| other.as_str() == name);
        Lookup::of(named.map(|(_, value)| value.as_bytes()))
    }

    #[inline(always)]
    fn lookup_known(&self, name: &KnownName) -> Lookup<'_> {
        let prepare = |name: &str| HeaderName::from_bytes(name.as_bytes()).ok();
        let Some(Some(name)) = name.prepared(prepare) else { return self.lookup(name.as_str()) };
        if self.headers.len() == self.headers.keys_len() {
            // No header of the request is there twice.
            return self
                .headers
                .get(name)
                .map_or(Lookup::Missing, |value| Lookup::One(value.as_bytes()));
        }
        Lookup::of(self.headers.get_all(name).iter().map(HeaderValue::as_bytes))
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
