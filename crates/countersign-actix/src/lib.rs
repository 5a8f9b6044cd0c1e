//! Webhook verification as an actix-web middleware, with an extractor.
//!
//! A resource behind a [`WebhookMiddleware`] sees only deliveries that are genuine, fresh and not
//! handled before; a delivery that its handler did not finish is accepted again. The
//! [`countersign`] crate makes the decisions and says exactly what is promised; this one translates.
//!
//! ```no_run
//! use actix_web::{App, HttpResponse, HttpServer, web};
//! use countersign::{Endpoint, MemoryStore, Secret, providers::hostwares};
//! use countersign_actix::{Webhook, WebhookMiddleware};
//!
//! async fn on_event(webhook: Webhook<hostwares::Event>) -> HttpResponse {
//!     match webhook.event.event_type {
//!         hostwares::EventType::DeploymentFailed => println!("{:?}", webhook.event.data),
//!         other => println!("{other}"),
//!     }
//!     HttpResponse::Ok().finish()
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let endpoint = Endpoint::builder("hostwares", hostwares::provider())
//!         .secret(Secret::from_env("HOSTWARES_WEBHOOK_SECRET")?)
//!         .build()?;
//!     // Once, and not in the closure: all workers share one receiver and one store.
//!     let webhooks = WebhookMiddleware::new(endpoint, MemoryStore::new());
//!     let server = HttpServer::new(move || {
//!         let hostwares = web::resource("/webhooks/hostwares").wrap(webhooks.clone());
//!         App::new().service(hostwares.route(web::post().to(on_event)))
//!     });
//!     server.bind("127.0.0.1:3000")?.run().await?;
//!     Ok(())
//! }
//! ```
//!
//! # What a handler gets
//!
//! The extractor [`Webhook`] gives a built-in provider's `Event`, a type of your own, or the
//! raw [`Delivery`](countersign::Delivery). The body is still there for other extractors, such as
//! `web::Json` or `web::Bytes`; actix's own limits (`PayloadConfig`, `JsonConfig`) apply to those,
//! and only to those. They also unpack a body whose `Content-Encoding` says so, which is the
//! sender's unproven word; the delivery's own body is always as it was signed.
//!
//! Only the body and what [`Delivery`](countersign::Delivery) has are proven. Other headers, the
//! path and the query are not: anyone can have written them. Trailers are dropped.
//!
//! # What happens when a sender hangs up
//!
//! A provider that gives up after five seconds does not cut a handler in half: the handler goes on
//! in a task of its own on its worker's thread, runs to its end, and its answer settles the claim,
//! although it cannot be sent. (actix itself goes on with a request whose sender has only closed its
//! side properly; it drops one whose connection broke.)
//! The handler goes on wherever the thread's runtime has no other threads, as actix's workers have
//! it. On a runtime of several threads, in a test perhaps, it is cancelled: it may not move to
//! another thread.
//!
//! [`WebhookMiddleware::cancel_on_disconnect`] ties a handler to its request instead; when it is
//! cancelled, its claim is released (over HTTP/1.1 only: over HTTP/2, actix-web goes on with every
//! handler). For a shutdown that waits for handlers whose sender has hung up, see
//! [`WebhookMiddleware::tasks`].
//!
//! The answer's status is what counts. A 2xx whose body breaks off on its way to the sender has
//! acknowledged the event, and the sender's retry is answered as a duplicate.
//!
//! # What is left of a refused request
//!
//! The body of a refused request is not read. The answer says `Connection: close`, and actix closes
//! the connection once it has lingered: for
//! [`client_disconnect_timeout`](actix_web::HttpServer::client_disconnect_timeout), one second
//! unless you say otherwise, it takes what still arrives and throws it away, so that the sender gets
//! to read the answer. This holds for bodies with a `Content-Length` and for chunked ones, as long as
//! no outer middleware replaces the answer's body: what actix holds of a chunked body is let go of
//! with it, and actix then reads that body to its end, however long it is. Over HTTP/2 flow control
//! bounds what arrives.
//!
//! Do not set that timeout below 500 ms, except to zero, which closes at once: actix counts it from a
//! time that may be 500 ms old, and a linger that is over before it begins does not end by itself.
//!
//! A request that asks for `Upgrade: websocket` is answered as if it had not asked. Its body is as
//! long as its `Content-Length` says, and the connection closes after the answer.
//!
//! # Other middleware, and their order
//!
//! Middleware that is wrapped later stands further outside.
//!
//! | middleware | where | because |
//! |---|---|---|
//! | `Logger` | outside | it then logs refusals too (through `log`). Do not let it log the header of a shared token |
//! | `NormalizePath` | around the `App` | it has to run before routing; the path is not part of the proof |
//! | `Compress` | outside | it packs the answer, refusals included. What it reads of a request it leaves alone, so a signature still covers the bytes as they were sent |
//! | `ErrorHandlers` | outside | inside, it sees no refusals, and what it makes of a handler's answer settles the claim; outside, it may change the body and headers of either. It must not turn a refusal into a 2xx |
//! | a time limit of your own | inside, shorter than the provider's deadline | the handler is cancelled at the deadline, answers non-2xx, and its claim is released. Outside, it answers the sender while the handler goes on and may yet succeed |
//! | `PayloadConfig`, `JsonConfig` | anywhere | they limit the extractors. The endpoint's own limit is [`max_body`](countersign::EndpointBuilder::max_body) |
//! | anything that reads or unpacks the request's body | inside | a signature covers the bytes as they were sent. If it has to be outside, it must remove `Content-Length` or leave `Content-Encoding`: a body shorter than its declared length is refused |
//! | anything that holds a clone of the `HttpRequest` while it waits | inside | outside, the header of a shared token cannot be marked as sensitive, nor can it in a program that is built with `panic = "abort"`. actix reports this with a panic, which is caught, and printed once for each `WebhookMiddleware` |
//!
//! Wrap the resource itself. Around a scope or the whole app the middleware would get the 2xx of
//! *any* route, and an attacker who captured a delivery can send it to any of them. The answer of a `/health`
//! completes no event, because a 2xx counts only if the delivery was taken, see
//! [`WebhookMiddleware`]; the error log says so. But another route that reads its body has taken the
//! delivery, and every route then needs a signature. A middleware that is applied
//! twice, on a resource and around its app, answers 500 and says in the log which one to remove.
//!
//! # Methods
//!
//! A signature does not cover the request's method, and a resource's routes for all methods are
//! behind its middleware. Only `POST` is accepted, before anything else is looked at, unless the
//! endpoint names [others](countersign::EndpointBuilder::methods); the answer is 405 with an `Allow`
//! header. A captured delivery could otherwise be completed by the handler of another method.
//!
//! A provider's [`Handshake`](countersign::Handshake) may be a `GET` or an `OPTIONS`. The middleware
//! answers it.
//!
//! # What a refusal looks like
//!
//! A small JSON body, a status by [`RejectionKind`](countersign::RejectionKind) (each can be changed
//! with [`EndpointBuilder::answer`](countersign::EndpointBuilder::answer)), and the
//! [`Rejection`](countersign::Rejection) in the response's extensions for an outer middleware to
//! log. For a body and headers of your own there is [`WebhookMiddleware::error_handler`].
//!
//! An error of an inner middleware becomes its response once, inside. The status of that response
//! settles the claim, and that response is sent. An outer middleware gets an error that reads the
//! same and has that response; [`Error::as_error`](actix_web::Error::as_error) does not find the
//! inner middleware's own type in it.
//!
//! # Feature flags
//!
//! | flag | default | |
//! |---|---|---|
//! | `tracing` | on | spans and events through `tracing` |
//! | `testing` | off | `testing`: a provider's delivery as a request, for tests of handlers |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod extract;
mod middleware;
mod outliving;
mod request;
mod response;
mod service;
#[cfg(feature = "testing")]
pub mod testing;

pub use extract::{Webhook, WebhookRejection};
pub use middleware::WebhookMiddleware;
pub use service::{ResponseFuture, WebhookService};

pub use countersign::HandlerTasks;
