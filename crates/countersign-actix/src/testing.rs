//! For tests of handlers (feature `testing`): a provider's delivery as a `TestRequest`.
//!
//! ```
//! use actix_web::{App, HttpResponse, test, web};
//! use countersign::{providers::hostwares, testing::TestKit};
//! use countersign_actix::Webhook;
//! use countersign_actix::testing::{middleware, test_request};
//!
//! # actix_web::rt::System::new().block_on(async {
//! let kit = TestKit::new("hostwares").to("/hooks");
//! let handler = async |_: Webhook<hostwares::Event>| HttpResponse::Ok();
//! let hooks = web::resource("/hooks").wrap(middleware(&kit)).route(web::post().to(handler));
//! let app = test::init_service(App::new().service(hooks)).await;
//!
//! let request = kit.request(&kit.event("site.created"));
//! let response = test::call_service(&app, test_request(&request).to_request()).await;
//! assert_eq!(response.status(), 200);
//! kit.assert_handled();
//! # });
//! ```

use actix_web::http::Method;
use actix_web::test::TestRequest;
use countersign::MemoryStore;
use countersign::signing::SignedRequest;
use countersign::testing::TestKit;

use crate::WebhookMiddleware;

/// A middleware for the test: the kit's endpoint, store and clock.
///
/// # Panics
///
/// As [`TestKit::receiver`].
#[track_caller]
pub fn middleware(kit: &TestKit) -> WebhookMiddleware<MemoryStore> {
    WebhookMiddleware::from_receiver(kit.receiver())
}

/// The delivery as a request for actix-web's test server.
///
/// # Panics
///
/// If the method or the URL is none that actix-web takes.
#[must_use]
pub fn test_request(signed: &SignedRequest) -> TestRequest {
    let method = Method::from_bytes(signed.method().as_bytes());
    let method = method.unwrap_or_else(|_| panic!("`{}` is not a method", signed.method()));
    let mut request = TestRequest::with_uri(signed.target()).method(method);
    for (name, value) in signed.headers() {
        request = request.append_header((name.as_str(), value.as_str()));
    }
    request.set_payload(signed.body().clone())
}
