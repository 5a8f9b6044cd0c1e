//! The extractor for axum.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use countersign::{Delivery, EventError, FromDelivery};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};

/// A delivery that [`WebhookLayer`](crate::WebhookLayer) let through, as your handler wants it.
///
/// `T` is a built-in provider's `Event`, a type of your own that implements serde's
/// `Deserialize`, or nothing for the raw delivery. The body is still there for extractors that
/// come after, such as `Bytes` or `Json`.
///
/// ```
/// use axum::http::StatusCode;
/// use countersign::providers::hostwares;
/// use countersign_tower::Webhook;
///
/// async fn typed(webhook: Webhook<hostwares::Event>) -> StatusCode {
///     match webhook.event.event_type {
///         hostwares::EventType::DeploymentFailed => StatusCode::OK,
///         _ => StatusCode::NO_CONTENT,
///     }
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Paid { amount: u64 }
///
/// async fn own(Webhook { event, delivery, .. }: Webhook<Paid>) -> String {
///     format!("{} paid, key {}", event.amount, delivery.key())
/// }
///
/// async fn raw(Webhook { delivery, .. }: Webhook, headers: axum::http::HeaderMap) -> String {
///     format!("{} bytes, {} headers", delivery.body().len(), headers.len())
/// }
/// # axum::Router::<()>::new()
/// #     .route("/a", axum::routing::post(typed))
/// #     .route("/b", axum::routing::post(own))
/// #     .route("/c", axum::routing::post(raw));
/// ```
///
/// The request is rejected if:
///
/// - the layer is missing: 500, and a line in the log that says so;
/// - the delivery is not of the type `T`: 400, with the reason in the log;
/// - `T` is the `Event` of another provider than the endpoint's: 500, likewise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Webhook<T = Delivery> {
    /// The event, as the type you asked for.
    pub event: T,
    /// What is known of the delivery: bytes, key, type, time, matched secret.
    pub delivery: Delivery,
}

impl<T: FromDelivery, S: Sync> FromRequestParts<S> for Webhook<T> {
    type Rejection = WebhookRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let delivery = parts.extensions.get::<Delivery>().ok_or(WebhookRejection::MissingLayer);
        let made = delivery.cloned().and_then(|delivery| {
            let event = T::from_delivery(&delivery).map_err(WebhookRejection::Event)?;
            Ok(Self { event, delivery })
        });
        #[cfg(feature = "tracing")]
        if let Err(error) = &made {
            tracing::error!(%error, path = parts.uri.path(), "webhook extractor failed");
        }
        made
    }
}

/// Why there is no [`Webhook`] to extract.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebhookRejection {
    /// The route is not behind a [`WebhookLayer`](crate::WebhookLayer) (500).
    MissingLayer,
    /// The delivery is not what the handler takes (400 or 500).
    Event(EventError),
}

impl WebhookRejection {
    /// The HTTP status answered.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::MissingLayer => 500,
            Self::Event(error) => error.status(),
        }
    }
}

impl IntoResponse for WebhookRejection {
    fn into_response(self) -> Response {
        let body = match &self {
            Self::MissingLayer => r#"{"error":"misconfigured"}"#,
            Self::Event(error) => error.body(),
        };
        let status =
            StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = HeaderValue::from_static("application/json");
        (status, [(CONTENT_TYPE, json)], body).into_response()
    }
}

impl std::fmt::Display for WebhookRejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MissingLayer => f.write_str(
                "the handler takes a `Webhook` but its route is not behind a `WebhookLayer`: add \
                 `.layer(WebhookLayer::new(endpoint, store))` to the route",
            ),
            Self::Event(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WebhookRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::MissingLayer => None,
            Self::Event(error) => Some(error),
        }
    }
}
