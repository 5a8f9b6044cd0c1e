//! The extractor.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use countersign::{Delivery, EventError, FromDelivery, extract_event};

/// A delivery that [`WebhookMiddleware`](crate::WebhookMiddleware) accepted, as your handler wants
/// it.
///
/// `T` is a built-in provider's `Event`, a type of your own that implements serde's
/// `Deserialize`, or nothing for the raw delivery. The body is still there for other extractors,
/// such as `web::Bytes`, `web::Json` or `String`.
///
/// ```
/// use actix_web::{HttpRequest, HttpResponse};
/// use countersign::providers::hostwares;
/// use countersign_actix::Webhook;
///
/// async fn typed(webhook: Webhook<hostwares::Event>) -> HttpResponse {
///     match webhook.event.event_type {
///         hostwares::EventType::DeploymentFailed => HttpResponse::Ok().finish(),
///         _ => HttpResponse::NoContent().finish(),
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
/// async fn raw(Webhook { delivery, .. }: Webhook, request: HttpRequest) -> String {
///     format!("{} bytes, {} headers", delivery.body().len(), request.headers().len())
/// }
/// # actix_web::App::new()
/// #     .route("/a", actix_web::web::post().to(typed))
/// #     .route("/b", actix_web::web::post().to(own))
/// #     .route("/c", actix_web::web::post().to(raw));
/// ```
///
/// The request is rejected if:
///
/// - the middleware is missing: 500, and a line in the log that says so;
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
    /// # actix_web::rt::System::new().block_on(async {
    /// use actix_web::http::StatusCode;
    /// use countersign::providers::hostwares;
    /// use countersign::testing::TestKit;
    /// use countersign_actix::Webhook;
    ///
    /// async fn on_event(webhook: Webhook<hostwares::Event>) -> StatusCode {
    ///     if webhook.event.account_id.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND }
    /// }
    ///
    /// let kit = TestKit::new("hostwares");
    /// let webhook = Webhook::from_delivery(kit.delivery(&kit.event("site.created")))?;
    /// assert_eq!(on_event(webhook).await, StatusCode::OK);
    /// # Ok::<(), countersign_actix::WebhookRejection>(())
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

impl<T: FromDelivery> FromRequest for Webhook<T> {
    type Error = WebhookRejection;
    type Future = Ready<Result<Self, WebhookRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let add = "`.wrap(WebhookMiddleware::new(endpoint, store))` to the resource";
        let extensions = request.extensions();
        let extracted = extract_event(extensions.get::<Delivery>(), request.path(), add);
        ready(match extracted {
            Ok((event, delivery)) => Ok(Self { event, delivery }),
            Err(error) => Err(error.into()),
        })
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

impl ResponseError for WebhookRejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code())
            .content_type(ContentType::json())
            .body(self.0.body())
    }
}

impl fmt::Display for WebhookRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for WebhookRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
