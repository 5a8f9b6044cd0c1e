//! From a delivery to a typed event.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::delivery::Delivery;

/// What an extractor can give a handler: a built-in provider's event, your own type, or the
/// [`Delivery`] itself.
///
/// Your own type needs serde's `Deserialize` and nothing else. It is read with serde_json; where
/// that refuses what a string or number of the body holds, or how deep it is, the body is read as
/// [`providers`](crate::providers) says, so that a field which you do not look at loses no event:
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct OrderPaid {
///     id: String,
///     amount: u64,
/// }
/// # fn extractable<T: countersign::FromDelivery>() {}
/// # extractable::<OrderPaid>();
/// ```
///
/// # Bodies that are not a JSON object
///
/// A JSON array is a `Vec<T>`. Where a form has the event as JSON in a field (GitHub's `payload`), that
/// JSON is read, so one type does for both content types.
///
/// Where the form is the event (Slack's commands, Twilio), its fields are those of your type:
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct SlashCommand {
///     command: String,
///     text: String,
///     trigger_id: Option<String>,
/// }
/// # fn extractable<T: countersign::FromDelivery>() {}
/// # extractable::<SlashCommand>();
/// ```
///
/// All values of a form are text. Numbers, `true` and `false`, and variants of enums are read from it
/// where the type asks for them; an empty value is `None` where it asks for an `Option`. A field that is
/// repeated is a `Vec`, and an error where the type has one value for it. What is not UTF-8 becomes
/// U+FFFD. Inside `#[serde(flatten)]` and tagged enums, serde asks for no type, and values stay text.
///
/// Which it is, is decided by the body's bytes and the provider, see
/// [`Delivery::payload`](crate::Delivery::payload).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from a webhook delivery",
    label = "not an event type",
    note = "derive `serde::Deserialize` for it (it must own its data), or use a built-in `Event`, \
            or `Delivery` for the raw bytes"
)]
pub trait FromDelivery: Sized {
    /// Makes the event.
    ///
    /// # Errors
    ///
    /// An [`EventError`] if the delivery does not hold such an event.
    fn from_delivery(delivery: &Delivery) -> Result<Self, EventError>;
}

impl FromDelivery for Delivery {
    fn from_delivery(delivery: &Delivery) -> Result<Self, EventError> {
        Ok(delivery.clone())
    }
}

impl<T: DeserializeOwned> FromDelivery for T {
    fn from_delivery(delivery: &Delivery) -> Result<Self, EventError> {
        crate::payload::read_own(delivery).map_err(|error| EventError::mismatch(delivery, error))
    }
}

/// What an adapter's extractor does: makes the event of the delivery that the middleware left in
/// the request, and [marks](Delivery::mark_taken) the delivery as taken, also where it does not hold
/// such an event: its handler knows of it. A failure is logged with the request's path.
///
/// # Errors
///
/// [`EventError::NotVerified`] without a delivery, naming the middleware to `add`; otherwise what
/// [`FromDelivery::from_delivery`] says.
pub fn extract_event<T: FromDelivery>(
    delivery: Option<&Delivery>,
    path: &str,
    add: &'static str,
) -> Result<(T, Delivery), EventError> {
    let event = match delivery {
        Some(delivery) => {
            delivery.mark_taken();
            T::from_delivery(delivery).map(|event| (event, delivery.clone()))
        }
        None => Err(EventError::NotVerified { add }),
    };
    event.inspect_err(|error| crate::trace::extractor_failed(error, path))
}

/// Why a handler could not be given its event. The claim is released, so a retry is accepted.
#[derive(Debug)]
#[non_exhaustive]
pub enum EventError {
    /// The route is not behind the middleware (500).
    #[non_exhaustive]
    NotVerified {
        /// What to write, and where.
        add: &'static str,
    },
    /// The body is not of the type that the handler takes (400; 500 where the provider takes a 4xx
    /// as final, because the mistake may be the type's, and then a retry must come). What does not
    /// fit is the error's [`source`](std::error::Error::source).
    #[non_exhaustive]
    Mismatch {
        /// What does not fit, of JSON or of a form.
        error: serde_json::Error,
        /// Whether the provider takes a 4xx as final.
        final_on_4xx: bool,
    },
    /// The handler takes another provider's events (500).
    WrongProvider {
        /// The endpoint's provider.
        endpoint: String,
        /// The provider of the handler's event type.
        event: &'static str,
    },
}

impl EventError {
    pub(crate) fn mismatch(delivery: &Delivery, error: serde_json::Error) -> Self {
        Self::Mismatch { error, final_on_4xx: delivery.is_final_on_4xx() }
    }

    /// The HTTP status to answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Mismatch { final_on_4xx: false, .. } => 400,
            Self::Mismatch { .. } | Self::WrongProvider { .. } | Self::NotVerified { .. } => 500,
        }
    }

    /// The body to answer, of content type `application/json`.
    #[must_use]
    pub const fn body(&self) -> &'static str {
        match self {
            Self::Mismatch { .. } => r#"{"error":"event_mismatch"}"#,
            Self::WrongProvider { .. } | Self::NotVerified { .. } => r#"{"error":"misconfigured"}"#,
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVerified { add } => write!(
                f,
                "the handler takes a `Webhook` but its route is not behind the middleware: add {add}"
            ),
            Self::Mismatch { .. } => {
                f.write_str("the delivery is genuine but not of the handler's type")
            }
            Self::WrongProvider { endpoint, event } => write!(
                f,
                "the handler takes events of `{event}` but the endpoint's provider is \
                 `{endpoint}`: use that provider's `Event`"
            ),
        }
    }
}

impl std::error::Error for EventError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Mismatch { error, .. } => Some(error),
            Self::WrongProvider { .. } | Self::NotVerified { .. } => None,
        }
    }
}
