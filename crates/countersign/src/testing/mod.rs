//! For tests (feature `testing`): a kit for tests of handlers, signing as a provider would, and the
//! acceptance suite for stores. `docs/testing.md` shows the tests of a handler.
//!
//! ```
//! use countersign::testing::Signer;
//! use countersign::{Endpoint, Secret, providers::percher};
//! use std::time::SystemTime;
//!
//! let secret = Secret::new("percher's secret")?;
//! let endpoint =
//!     Endpoint::builder("percher", percher::provider()).secret(secret.clone()).build()?;
//! let body = r#"{"event":"deploy.failed"}"#;
//!
//! let headers = Signer::new(&percher::provider(), &secret).at(SystemTime::now()).sign(body);
//! let mut incoming = endpoint.begin(&headers)?;
//! incoming.push(body.into())?;
//! assert_eq!(incoming.finish()?.event_type(), Some("deploy.failed"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "tokio")]
mod assertions;
#[cfg(feature = "tokio")]
mod clock;
#[cfg(feature = "tokio")]
mod kit;
#[cfg(feature = "tokio")]
mod secret;
mod store_suite;

#[cfg(feature = "tokio")]
pub use clock::TestClock;
#[cfg(feature = "tokio")]
pub use kit::TestKit;

pub use crate::signing::{SignError, Signer, sha256_hex};
pub use store_suite::StoreSuite;
