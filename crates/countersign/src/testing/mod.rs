//! For tests (feature `testing`): signing as a provider would, and the acceptance suite for stores.
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

mod store_suite;

pub use crate::signing::{SignError, Signer, sha256_hex};
pub use store_suite::StoreSuite;
