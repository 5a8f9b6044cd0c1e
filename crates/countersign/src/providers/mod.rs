//! The providers that come with the crate.
//!
//! Each module holds a provider's value, made with the builder that is open to you too, and its
//! typed events. What is typed is what the provider's documentation names; every field of it is
//! optional unless the documentation promises it; and what the documentation does not name is
//! kept: event types as `Unknown(name)`, fields in `extra`. No field can cost you the event but a
//! documented one that is there twice, of which nobody knows which one counts. A documented field
//! whose value is not of the documented kind reads as `None`. Text that is not Unicode (cut inside a
//! character, or not UTF-8) has U+FFFD for what is wrong; a number that no `f64` holds, and what is
//! nested more than 127 levels deep, are null. The bytes as sent are in
//! [`Delivery::body`](crate::Delivery::body).
//!
//! | | proof | fresh by | key | retried after |
//! |---|---|---|---|---|
//! | [`piora`] | HMAC over the body | `timestamp` in the body, 15 h 36 min | signed content | 1 min, 5 min, 30 min, 2 h, 12 h |
//! | [`hostwares`] | HMAC over the body | `timestamp` in the body, 3 h 36 min | `id` | 10 s, 60 s, 5 min, 30 min, 2 h |
//! | [`percher`] | HMAC over time and body | `X-Percher-Timestamp`, 5 min | signed content | never |
//! | [`pingara`] | shared token | `timestamp` in the body, 1 h 42 min | event, time, monitor, incident | 30 s, 2 min, 10 min, 30 min |
//! | [`pakyas`] | HMAC over the body | `timestamp` in the body, 1 h 21 min | signed content | 1 min, 5 min, 15 min |

pub mod hostwares;
pub mod pakyas;
pub mod percher;
pub mod pingara;
pub mod piora;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::provider::{Provider, ProviderBuilder};
use crate::window::{TimeFormat, UnixMillis};

/// The fields of an object that the provider's documentation does not name, as they were sent.
pub type Extra = serde_json::Map<String, serde_json::Value>;

/// Reads a field if its value is of the documented kind.
///
/// It goes through serde_json's own value: in what serde keeps for an untagged enum, a number is no
/// number any more where anything in the user's tree turns on `serde_json/arbitrary_precision`.
fn lenient<'de, T: DeserializeOwned, D: Deserializer<'de>>(json: D) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(json)?;
    Ok(T::deserialize(value).ok())
}

/// The same for an event's id, as [`Delivery::id`](crate::Delivery::id) has it: an integer is an id,
/// an empty text is none.
fn lenient_id<'de, D: Deserializer<'de>>(json: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(json)? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text),
        serde_json::Value::Number(number) if number.is_i64() || number.is_u64() => {
            Some(number.to_string())
        }
        _ => None,
    })
}

/// The same for a time, in any of the formats that deliveries have.
fn lenient_time<'de, D: Deserializer<'de>>(json: D) -> Result<Option<OffsetDateTime>, D::Error> {
    Ok(match serde_json::Value::deserialize(json)? {
        serde_json::Value::String(text) => {
            OffsetDateTime::parse(&text, &Rfc3339).ok().or_else(|| {
                TimeFormat::Detect.read(text.as_bytes()).and_then(UnixMillis::to_offset_date_time)
            })
        }
        serde_json::Value::Number(number) => number
            .as_i64()
            .and_then(|number| TimeFormat::Detect.read_number(number))
            .and_then(UnixMillis::to_offset_date_time),
        _ => None,
    })
}

/// Builds a provider of this crate. Each is built in the tests, so none can fail for a user.
pub(crate) fn built_in(provider: ProviderBuilder) -> Provider {
    provider.build().unwrap_or_else(|error| unreachable!("a built-in provider is sound: {error}"))
}

/// Durations from minutes.
fn minutes<const N: usize>(minutes: [u64; N]) -> [Duration; N] {
    minutes.map(|minutes| Duration::from_secs(60 * minutes))
}

/// Declares a provider's event types: an enum with a variant for each documented name, and
/// `Unknown` for the others.
macro_rules! event_types {
    ($(#[doc = $doc:literal] $variant:ident = $name:literal,)+) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EventType {
            $(#[doc = concat!("`", $name, "`: ", $doc)] $variant,)+
            /// A type that the provider's documentation does not name.
            Unknown(Box<str>),
        }

        impl EventType {
            /// Every documented type.
            pub const DOCUMENTED: &[Self] = &[$(Self::$variant),+];

            /// The type's name, as the provider sends it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Unknown(name) => name,
                }
            }
        }

        impl From<&str> for EventType {
            fn from(name: &str) -> Self {
                match name {
                    $($name => Self::$variant,)+
                    _ => Self::Unknown(name.into()),
                }
            }
        }

        impl std::fmt::Display for EventType {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for EventType {
            fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<str>::deserialize(json)?;
                Ok(Self::from(name.as_ref()))
            }
        }
    };
}
use event_types;

/// Makes a provider's `Event` what an extractor can give, for that provider's endpoints only.
///
/// `Event` is deserialized by an associated function (serde's `remote = "Self"`) and not by the
/// trait: through the trait, any provider's body would pass for it.
macro_rules! typed_event {
    ($provider:literal) => {
        impl Event {
            /// Reads an event from the bytes of a delivery, for one that was stored and is worked
            /// on later. Nothing is verified here.
            ///
            /// # Errors
            ///
            /// If the bytes are not a JSON object with the promised fields.
            pub fn from_slice(body: &[u8]) -> serde_json::Result<Self> {
                crate::json::read_lossy(body, |json| Self::deserialize(json))
            }
        }

        impl crate::FromDelivery for Event {
            fn from_delivery(delivery: &crate::Delivery) -> Result<Self, crate::EventError> {
                if delivery.provider() != $provider {
                    return Err(crate::EventError::WrongProvider {
                        endpoint: delivery.provider().to_owned(),
                        event: $provider,
                    });
                }
                Self::from_slice(delivery.body())
                    .map_err(|error| crate::EventError::mismatch(delivery, error))
            }
        }
    };
}
use typed_event;
