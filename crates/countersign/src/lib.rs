//! The core of countersign. (Front page to come.)

mod claim;
mod clock;
mod dedup;
mod delivery;
mod encoding;
mod endpoint;
mod envelope;
mod error;
mod event;
mod headers;
mod key;
mod provider;
mod receiver;
mod rejection;
mod report;
mod scheme;
mod secret;
mod trace;
mod verifier;
mod window;

pub mod providers;
#[cfg(feature = "testing")]
pub mod testing;

pub use claim::Spawn;
pub use clock::{Clock, ManualClock, SystemClock};
pub use dedup::{
    ClaimToken, Claimed, DynStore, MemoryStore, MemoryStoreBuilder, Settled, Store, StoreError,
    StoreErrorKind, StoreFuture,
};
pub use delivery::Delivery;
pub use endpoint::{Endpoint, EndpointBuilder};
pub use error::ConfigError;
pub use event::{EventError, FromDelivery};
pub use headers::{Headers, Lookup};
pub use key::EventKey;
pub use provider::{Provider, ProviderBuilder, Retries, Timestamp};
pub use receiver::{Answer, Arriving, BodyError, BodySource, Receiver, ReceiverBuilder};
pub use rejection::{Rejection, RejectionKind};
pub use report::{Observer, Outcome, Report};
pub use scheme::content::Part;
pub use scheme::hmac::Signature;
pub use scheme::token::Token;
pub use secret::{Secret, SecretError};
pub use verifier::{Incoming, Proven};
pub use window::{TimeFormat, Window};
