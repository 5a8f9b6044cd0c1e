//! The extractor for axum.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use countersign::{Delivery, EventError, FromDelivery, extract_event};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};

/// A delivery that [`WebhookLayer`](crate::WebhookLayer) accepted, as your handler wants it.
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
/// - the delivery is not of the type `T`: 400, with the cause in the log;
/// - `T` is the `Event` of another provider than the endpoint's: 500, with a line in the log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Webhook<T = Delivery> {
    /// The event, as the type you asked for.
    pub event: T,
    /// What is known of the delivery: bytes, key, type, time, matched secret.
    pub delivery: Delivery,
}

impl<T: FromDelivery> Webhook<T> {
    /// What the extractor would give, to call a handler as a plain function in a test. There is no way
    /// to a [`Delivery`] but to prove one, so this proves nothing less.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use axum::http::StatusCode;
    /// use countersign::providers::hostwares;
    /// use countersign::testing::TestKit;
    /// use countersign_tower::Webhook;
    ///
    /// async fn on_event(webhook: Webhook<hostwares::Event>) -> StatusCode {
    ///     if webhook.event.account_id.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND }
    /// }
    ///
    /// let kit = TestKit::new("hostwares");
    /// let webhook = Webhook::from_delivery(kit.delivery(&kit.event("site.created")))?;
    /// assert_eq!(on_event(webhook).await, StatusCode::OK);
    /// # Ok::<(), countersign_tower::WebhookRejection>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`WebhookRejection`], if the delivery is not of the type `T`.
    pub fn from_delivery(delivery: Delivery) -> Result<Self, WebhookRejection> {
        delivery.mark_taken();
        Ok(Self { event: T::from_delivery(&delivery)?, delivery })
    }
}

/// For what works on any delivery, such as `complete_in`.
impl<T> AsRef<Delivery> for Webhook<T> {
    fn as_ref(&self) -> &Delivery {
        &self.delivery
    }
}

impl<T: FromDelivery, S: Sync> FromRequestParts<S> for Webhook<T> {
    type Rejection = WebhookRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let delivery = parts.extensions.get::<Delivery>();
        let add = "`.route_layer(WebhookLayer::new(endpoint, store))` to the route";
        let (event, delivery) = extract_event(delivery, parts.uri.path(), add)?;
        Ok(Self { event, delivery })
    }
}

/// Why there is no [`Webhook`] to extract, as a response. To make a response of your own, take
/// `Result<Webhook<T>, WebhookRejection>` in the handler.
#[derive(Debug)]
pub struct WebhookRejection(EventError);

impl WebhookRejection {
    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &EventError {
        &self.0
    }
}

impl From<EventError> for WebhookRejection {
    fn from(error: EventError) -> Self {
        Self(error)
    }
}

impl IntoResponse for WebhookRejection {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = HeaderValue::from_static("application/json");
        (status, [(CONTENT_TYPE, json)], self.0.body()).into_response()
    }
}

impl std::fmt::Display for WebhookRejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for WebhookRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
