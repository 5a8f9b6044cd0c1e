//! Signing and sending as a provider would (feature `signing`), for tests and for tools.
//!
//! A [`Sender`] is a provider with a secret. It makes [`SignedRequest`]s of an [`Outgoing`] event: of a
//! sample that comes with the crate, or of a body of yours.
//!
//! ```
//! use countersign::signing::Sender;
//! use countersign::{Endpoint, Secret, catalogue};
//!
//! let secret = Secret::new("whsec_test")?;
//! let stripe = Sender::catalogue("stripe", secret.clone())?;
//! let event = stripe.event("invoice.paid")?.set("data.object.amount_paid", "4200")?;
//!
//! let endpoint = Endpoint::builder("stripe", catalogue::provider("stripe")?).secret(secret).build()?;
//! let genuine = stripe.request(&event)?;
//! assert!(endpoint.verify(&genuine, genuine.body()).is_ok());
//! let tampered = stripe.tampered(&event)?;
//! assert!(endpoint.verify(&tampered, tampered.body()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a provider would not do is an error and never passed over: an id that is too long, a key that
//! is not of the provider's kind, a stale delivery of a provider that sends no time.
//!
//! [`Signer`] is the part that makes the headers alone.

mod attempts;
mod captured;
mod error;
mod fresh;
mod json_text;
mod outgoing;
mod request;
pub mod samples;
mod sender;
mod signer;
mod tampering;

pub use attempts::{Attempts, Next};
pub use error::SignError;
#[cfg(all(feature = "testing", feature = "tokio"))]
pub(crate) use fresh::new_text;
pub use outgoing::Outgoing;
pub use request::SignedRequest;
pub use sender::Sender;
pub use signer::{Signer, sha256_hex};
