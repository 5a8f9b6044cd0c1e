//! For tests of handlers (feature `testing`): a provider's delivery as a request for `oneshot`.
//!
//! ```
//! use axum::{Router, body::Body, routing::post};
//! use countersign::{providers::hostwares, testing::TestKit};
//! use countersign_tower::Webhook;
//! use countersign_tower::testing::{http_request, layer, send};
//! use tower::ServiceExt as _;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let kit = TestKit::new("hostwares").to("/hooks");
//! let handler = async |_: Webhook<hostwares::Event>| ();
//! let app: Router = Router::new().route("/hooks", post(handler).route_layer(layer(&kit)));
//!
//! let request = kit.request(&kit.event("site.created"));
//! assert_eq!(send(&app, &request).await.status(), 200);
//! kit.assert_handled();
//! // The same with tower's own means.
//! app.oneshot(http_request::<Body>(&request)?).await?;
//! kit.assert_duplicate();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::future::poll_fn;

use bytes::Bytes;
use countersign::MemoryStore;
use countersign::signing::SignedRequest;
use countersign::testing::TestKit;
use http::{Request, Response};
use http_body_util::Full;
use tower_service::Service;

use crate::WebhookLayer;

/// A layer for the test: the kit's endpoint, store and clock.
///
/// # Panics
///
/// As [`TestKit::receiver`].
#[track_caller]
pub fn layer(kit: &TestKit) -> WebhookLayer<MemoryStore> {
    WebhookLayer::from_receiver(kit.receiver())
}

/// The delivery as a request of `http`, with a body of any kind that is made of bytes: axum's `Body`,
/// or `Full<Bytes>`.
///
/// # Errors
///
/// If the URL is none that `http` takes.
pub fn http_request<B: From<Bytes>>(signed: &SignedRequest) -> Result<Request<B>, http::Error> {
    let mut request = Request::builder().method(signed.method()).uri(signed.target());
    for (name, value) in signed.headers() {
        request = request.header(name, value);
    }
    request.body(B::from(signed.body().clone()))
}

/// Sends the delivery to a service, such as an axum `Router`, and gives its response.
///
/// # Panics
///
/// If the service has an error (a `Router` has none), or the URL is none that `http` takes.
pub async fn send<S, B>(service: &S, signed: &SignedRequest) -> Response<B>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: std::fmt::Debug,
{
    let request = match http_request(signed) {
        Ok(request) => request,
        Err(error) => panic!("{} cannot be requested: {error}", signed.target()),
    };
    // The clone that is polled ready is the one that is called.
    let mut service = service.clone();
    let ready = poll_fn(|context| service.poll_ready(context)).await;
    let answered = match ready {
        Ok(()) => service.call(request).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(response) => response,
        Err(error) => panic!("the service has failed: {error:?}"),
    }
}
