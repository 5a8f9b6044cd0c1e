//! For tests of handlers (feature `testing`): a provider's delivery as a request for `oneshot`.
//!
//! ```
//! use axum::{Router, body::Body, routing::post};
//! use countersign::signing::Sender;
//! use countersign::{Endpoint, MemoryStore, Secret, providers::hostwares};
//! use countersign_tower::{Webhook, WebhookLayer, testing::http_request};
//! use tower::ServiceExt as _;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let secret = Secret::new("a test's secret")?;
//! let endpoint =
//!     Endpoint::builder("hostwares", hostwares::provider()).secret(secret.clone()).build()?;
//! let layer = WebhookLayer::new(endpoint, MemoryStore::new());
//! let handler = async |_: Webhook<hostwares::Event>| ();
//! let app: Router = Router::new().route("/hooks", post(handler).route_layer(layer));
//!
//! let hostwares = Sender::new(hostwares::provider(), secret).to("/hooks");
//! let request = hostwares.request(&hostwares.event("site.created")?)?;
//! let response = app.oneshot(http_request::<Body>(&request)?).await?;
//! assert_eq!(response.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use bytes::Bytes;
use countersign::signing::SignedRequest;
use http::Request;

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
