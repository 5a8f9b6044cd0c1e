//! For tests of handlers (feature `testing`): a provider's delivery as a `TestRequest`.
//!
//! ```
//! use actix_web::{App, HttpResponse, test, web};
//! use countersign::signing::Sender;
//! use countersign::{Endpoint, MemoryStore, Secret, providers::hostwares};
//! use countersign_actix::{Webhook, WebhookMiddleware, testing::test_request};
//!
//! # actix_web::rt::System::new().block_on(async {
//! let secret = Secret::new("a test's secret")?;
//! let endpoint =
//!     Endpoint::builder("hostwares", hostwares::provider()).secret(secret.clone()).build()?;
//! let webhooks = WebhookMiddleware::new(endpoint, MemoryStore::new());
//! let handler = async |_: Webhook<hostwares::Event>| HttpResponse::Ok();
//! let hooks = web::resource("/hooks").wrap(webhooks).route(web::post().to(handler));
//! let app = test::init_service(App::new().service(hooks)).await;
//!
//! let hostwares = Sender::new(hostwares::provider(), secret).to("/hooks");
//! let request = hostwares.request(&hostwares.event("site.created")?)?;
//! let response = test::call_service(&app, test_request(&request).to_request()).await;
//! assert_eq!(response.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use actix_web::http::Method;
use actix_web::test::TestRequest;
use countersign::signing::SignedRequest;

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
