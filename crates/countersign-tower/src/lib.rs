//! Stub front page.

#[cfg(feature = "axum")]
mod extract;
mod layer;
mod request;
mod response;
mod service;
mod tasks;

#[cfg(feature = "axum")]
pub use extract::{Webhook, WebhookRejection};
pub use layer::WebhookLayer;
pub use response::ResponseBody;
pub use service::{ResponseFuture, WebhookService};
pub use tasks::HandlerTasks;
