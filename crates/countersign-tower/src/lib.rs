//! Webhook verification as a tower [`Layer`](tower_layer::Layer), with an extractor for axum.
//!
//! A route behind a [`WebhookLayer`] sees only deliveries that are genuine, fresh and not handled
//! before; a delivery that its handler did not finish is accepted again. The
//! [`countersign`] crate makes the decisions and says exactly what is promised; this one translates.
//!
//! ```
//! use axum::{Router, http::StatusCode, routing::post};
//! use countersign::{Endpoint, MemoryStore, Secret, providers::hostwares};
//! use countersign_tower::{Webhook, WebhookLayer};
//!
//! async fn on_event(webhook: Webhook<hostwares::Event>) -> StatusCode {
//!     match webhook.event.event_type {
//!         hostwares::EventType::DeploymentFailed => println!("{:?}", webhook.event.data),
//!         other => println!("{other}"),
//!     }
//!     StatusCode::OK
//! }
//!
//! let endpoint = Endpoint::builder("hostwares", hostwares::provider())
//!     .secret(Secret::new("from your configuration")?)
//!     .build()?;
//! let webhooks = WebhookLayer::new(endpoint, MemoryStore::new());
//! let app: Router = Router::new()
//!     .route("/webhooks/hostwares", post(on_event).route_layer(webhooks));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a handler gets
//!
//! The extractor [`Webhook`] gives a built-in provider's `Event`, a type of your own, or the
//! raw [`Delivery`](countersign::Delivery). The body is still there for extractors that come after
//! it, such as `Json` or `Bytes`; axum's own `DefaultBodyLimit` of 2 MB applies to those. Without
//! axum, the delivery is in the request's extensions
//! ([`extract_event`](countersign::extract_event) makes an event of it) and the body is a
//! [`ProvenBody`].
//!
//! Only the body and what [`Delivery`](countersign::Delivery) has are proven. Other headers, the
//! path and the query are not: anyone can have written them. Trailers are dropped.
//!
//! # What happens when a sender hangs up
//!
//! A provider that gives up after five seconds does not cut a handler in half: the handler goes on in
//! a task of its own, runs to its end, and its answer settles the claim, although it cannot be sent.
//! [`WebhookLayer::cancel_on_disconnect`] ties a handler to its request instead; when it is
//! cancelled, its claim is released. For a shutdown that waits for handlers whose sender has
//! hung up, see [`WebhookLayer::tasks`].
//!
//! The answer's status is what counts. A 2xx whose body breaks off on its way to the sender has
//! acknowledged the event, and the sender's retry is answered as a duplicate.
//!
//! # Other layers, and their order
//!
//! Layers that are added later stand further outside.
//!
//! | layer | where | because |
//! |---|---|---|
//! | `TraceLayer` | outside | the delivery's span is then inside the request's. Do not log request headers of a shared-token provider there: put `SetSensitiveRequestHeadersLayer` outside of it |
//! | `CatchPanicLayer` | outside | the claim is released either way; outside it also catches panics of other layers |
//! | `TimeoutLayer` | inside, shorter than the provider's deadline | the handler is cancelled at the deadline, answers non-2xx, and its claim is released. Outside, it answers the sender while the handler goes on and may yet succeed |
//! | `RequestBodyLimitLayer` | not needed | the endpoint has its own limit; outside, its refusal is answered 413 as well |
//! | `ConcurrencyLimitLayer` | outside | inside, a place is taken before the body is read and proven. Either way it bounds the memory that bodies of well-formed forgeries hold |
//! | decompression | not outside | a signature covers the bytes as they were sent. With a shared token it may be outside, if it removes `Content-Length` or leaves `Content-Encoding`, as `RequestDecompressionLayer` does: a body shorter than its declared length is refused |
//! | `NormalizePath` and the like | anywhere | the path is not part of the proof |
//!
//! Put the layer on the route itself, with `route_layer`. With several layers on one route, axum
//! wants them in one call, the outermost first: `post(handler).route_layer((webhooks, timeout))`.
//! (`any(handler)` has no `route_layer`: use `layer` there.)
//!
//! Around a whole router the layer would get the 2xx of *any* route, and an attacker who captured a
//! delivery can send it to any of them. The answer of a `/health` completes no event, because a 2xx
//! counts only if the delivery was taken, see [`WebhookLayer`]; the error log says so. But another route
//! that reads its body has taken the delivery, and every route then needs a signature. A layer that is
//! applied twice, on a route and around its router, answers 500 and says in the log which one to remove.
//!
//! # Methods
//!
//! A signature does not cover the request's method. Only `POST` is accepted, before anything else is
//! looked at, unless the endpoint names [others](countersign::EndpointBuilder::methods); the answer
//! is 405 with an `Allow` header. Where several methods of one path have handlers of their own, a
//! captured delivery could otherwise be completed by the wrong one.
//!
//! A provider's [`Handshake`](countersign::Handshake) may be a `GET` or an `OPTIONS`. It is answered
//! by the layer, if the layer gets to see it: [`WebhookLayer`] says how to add it then.
//!
//! # What a refusal looks like
//!
//! A small JSON body, a status by [`RejectionKind`](countersign::RejectionKind) (each can be changed
//! with [`EndpointBuilder::answer`](countersign::EndpointBuilder::answer)), and the
//! [`Rejection`](countersign::Rejection) in the response's extensions for an outer layer to log. For
//! a body and headers of your own there is [`WebhookLayer::error_handler`].
//!
//! # Requirements
//!
//! A tokio runtime with its timer enabled, as `#[tokio::main]` makes it.
//!
//! # Feature flags
//!
//! | flag | default | |
//! |---|---|---|
//! | `axum` | on | the [`Webhook`] extractor, on axum-core 0.5 (axum 0.8) |
//! | `tracing` | on | spans and events through `tracing` |
//! | `testing` | off | `testing`: a provider's delivery as a request, for tests of handlers |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
mod extract;
mod idle;
mod layer;
mod outliving;
mod proven_body;
mod request;
mod response;
mod service;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "axum")]
pub use extract::{Webhook, WebhookRejection};
pub use layer::WebhookLayer;
pub use proven_body::ProvenBody;
pub use response::ResponseBody;
pub use service::{ResponseFuture, WebhookService};

pub use countersign::HandlerTasks;
