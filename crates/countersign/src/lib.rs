//! Webhook deliveries that are genuine, fresh and not handled before. No event is lost: one that a
//! handler did not finish is accepted again.
//!
//! A provider reports an event with an HTTP request, signs it, and sends it again until it is
//! answered 2xx. A receiver has to check the signature over the bytes as sent, refuse what is too old,
//! handle each event once although it is delivered many times, and accept it again when handling it
//! failed. This crate makes those decisions. It depends on no web framework and no async
//! runtime. On axum, tower or hyper, use it through
//! [`countersign-tower`](https://docs.rs/countersign-tower); on actix-web, through
//! [`countersign-actix`](https://docs.rs/countersign-actix).
//!
//! # The parts
//!
//! - A [`Provider`] says how deliveries are sent: where the signature is, what it covers, where the time
//!   and the id are, when it is retried. The [`catalogue`] has many, five with typed events are in
//!   [`providers`]; yours is [ten lines](Provider).
//! - An [`Endpoint`] is one place that a provider sends to: its [`Secret`]s, its [`Window`], its
//!   limits. An endpoint that cannot keep its promises does not build: a [`ConfigError`] says what to
//!   change.
//! - [`ResolvedSecrets`] are for an endpoint whose secrets are not in the process: of many tenants, in a
//!   database or a vault. A [`SecretResolver`] of yours finds them.
//! - A [`Store`] remembers which events are being handled and which have been. [`MemoryStore`] is
//!   for one process; [`countersign-sqlx`](https://docs.rs/countersign-sqlx) and
//!   [`countersign-redis`](https://docs.rs/countersign-redis) have stores for several.
//! - A [`Receiver`] is an endpoint with a store, for adapters and for servers that have no adapter.
//! - A [`Handshake`] is a request by which a provider asks whether an endpoint wants its deliveries. It
//!   is answered without a handler. A [`Reply`] is what to answer, to it or to what is refused.
//! - A [`Delivery`] is what comes out: the bytes, and what is proven about them. [`FromDelivery`] makes
//!   the typed event of it: of JSON, of JSON in a form, or of a form.
//!
//! # The way of a delivery
//!
//! 1. **Head.** The method is one that the endpoint accepts. The signature or token is there, once,
//!    and well formed; a header time is inside the window; the declared length is within the limit.
//!    Nothing of the body has been read.
//! 2. **Body.** Chunks are counted against the limit and fed to the MAC as they come.
//! 3. **Proof.** One MAC for any number of candidate signatures, compared in constant time. Older
//!    secrets are tried only when the current one does not match.
//! 4. **Envelope.** One pass over the JSON or the form finds the event's type, id, time and key
//!    fields. A time in the body is held against the window.
//! 5. **Claim.** The store says whether the event is fresh, being handled, or handled.
//! 6. **Handler.** Yours.
//! 7. **Settle.** A 2xx completes the claim. Anything else, an error, a panic, a cancelled handler,
//!    releases it, and the event's next delivery is accepted.
//!
//! Each step can only refuse or pass on. What each refusal is answered with is in
//! [`RejectionKind`].
//!
//! # Without a framework
//!
//! ```
//! use bytes::Bytes;
//! use countersign::testing::Signer;
//! use countersign::{Answer, Endpoint, MemoryStore, Receiver, Secret, providers::hostwares};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let secret = Secret::new("your_webhook_signing_secret")?;
//! let endpoint = Endpoint::builder("hostwares", hostwares::provider())
//!     .secret(secret.clone())
//!     .build()?;
//! let receiver = Receiver::new(endpoint, MemoryStore::new());
//!
//! // What your server got. Here it is signed as Hostwares would sign it.
//! let now = time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339)?;
//! let body = Bytes::from(format!(r#"{{"id":"evt_1","event":"site.created","timestamp":"{now}"}}"#));
//! let headers = Signer::new(&hostwares::provider(), &secret).sign(&body);
//!
//! let arriving = receiver.begin(&headers)?;
//! let no_deadline = std::future::pending::<()>(); // the body is here already
//! let delivery = receiver.receive(arriving, Some(body), no_deadline).await?;
//! let answer = receiver.handle(delivery, |delivery| async move {
//!     println!("{} {}", delivery.key(), delivery.event_type().unwrap_or("?"));
//!     Answer::new(200, "thank you")
//! });
//! assert_eq!(answer.await?, "thank you");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Feature flags
//!
//! | flag | default | | what it adds to build |
//! |---|---|---|---|
//! | `tracing` | on | a span for every proven delivery and an event for every delivery | 6 of the 42 crates of the default |
//! | `metrics` | off | counters and durations through the facade `metrics` | 3 small crates |
//! | `sha1` | off | HMAC with SHA-1, which Twilio and some older providers sign with | 1 crate, hardly any time |
//! | `ed25519` | off | ed25519 signatures, such as Discord's | 5 crates, about a quarter of the time of the default |
//! | `p256` | off | ECDSA over P-256, as SendGrid signs | 20 crates, more than a quarter of that time |
//! | `resolver` | off | [`ResolvedSecrets`]: secrets in a database or a vault, looked up by tenant | 3 crates: quick_cache, equivalent, and tokio with `sync` |
//! | `tokio` | off | [`Runtime::tokio`], which the adapters bring | tokio, with `rt`, `sync` and `time` |
//! | `signing` | off | [`signing`]: signing and sending as a provider would, with sample events | nothing |
//! | `testing` | off | [`testing`]: the same, the acceptance suite for stores, and with `tokio` a kit for tests of handlers | nothing |
//! | `diagnosis` | off | [`diagnosis`]: why a delivery is not genuine | 5 crates, which unpack gzip |
//!
//! The default has no elliptic curve and no async runtime in it.
//!
//! # What is promised, and what is not
//!
//! - **Genuine.** No handler runs for a delivery whose proof fails. What the proof does not cover is
//!   never presented as proven. A shared token proves the sender, not the content.
//! - **Fresh.** No handler runs for a delivery outside its window. Where a provider signs no time, there
//!   is no window, and a replay is recognised for as long as the event is remembered.
//! - **Once at a time.** At most one handler runs per event while its lease holds.
//! - **Never lost.** Unless a handler answered 2xx, the event's next delivery is handled: after an error,
//!   a panic, a hang-up or a store outage at once, after the process is killed when the lease has run
//!   out. A provider that sends each event once (Percher) sends no next delivery.
//! - **Once.** A handled event is not handled again within its retention. An effect outside of the
//!   store's database can still happen twice after a crash; inside of it,
//!   [`complete_in`](https://docs.rs/countersign-sqlx) makes it happen exactly once.
//! - **Distinct.** Two different events are never merged.
//! - **Cheap to refuse.** A delivery without a signature is refused by its headers: no body is read, and
//!   the store is not asked.
//! - **Silent.** No secret, expected signature or token is in any `Debug`, log or answer.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod dedup;
mod delivery;
mod encoding;
mod endpoint;
mod envelope;
mod error;
mod event;
mod form;
mod handshake;
mod json;
mod key;
#[cfg(feature = "ed25519")]
mod key_set;
mod known_name;
mod misuse;
mod payload;
mod provider;
mod receiver;
mod rejection;
mod reply;
mod report;
mod request_head;
#[cfg(feature = "resolver")]
mod resolver;
#[cfg(not(feature = "resolver"))]
#[path = "resolver/disabled.rs"]
mod resolver;
mod runtime;
mod scheme;
mod secret;
mod secret_files;
mod trace;
mod verifier;
mod window;

pub mod catalogue;
#[cfg(feature = "diagnosis")]
pub mod diagnosis;
pub mod providers;
#[cfg(feature = "signing")]
pub mod signing;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::{Clock, ManualClock, SystemClock};
pub use dedup::{
    Attempt, ClaimToken, Claimed, DynStore, EventState, Forgotten, InTransaction, LONGEST_KEPT,
    MemoryStore, MemoryStoreBuilder, Parked, ParkedNote, RELEASED_FOR, Settled, Store, StoreError,
    StoreErrorKind, StoreStats, Transactional,
};
pub use delivery::{Delivery, Unverified};
pub use endpoint::{Endpoint, EndpointBuilder, Parking};
pub use error::{ConfigError, ErrorChain};
pub use event::{EventError, FromDelivery, extract_event};
pub use handshake::{FieldValue, Handshake, When};
pub use key::{EventKey, InvalidEventKey};
pub use known_name::KnownName;
pub use payload::Payload;
pub use provider::{Provider, ProviderBuilder, Retries, Timestamp};
pub use receiver::{
    Answer, Arriving, BodyError, BodySource, Claim, CompleteError, Fenced, HandlerTasks, Receiver,
    ReceiverBuilder, Receiving, Way,
};
pub use rejection::{Rejection, RejectionKind};
pub use reply::{Printed, Reply};
pub use report::{Observer, Outcome, Reason, Report, Stages};
pub use request_head::{HeadParts, Lookup, RequestHead};
#[cfg(feature = "resolver")]
pub use resolver::{ResolveError, ResolvedSecrets, SecretResolver, TenantSecrets};
pub use runtime::{BoxFuture, Runtime};
pub use scheme::Proof;
pub use scheme::content::Part;
pub use scheme::signature::Signature;
pub use scheme::token::Token;
pub use secret::{Secret, SecretError};
pub use secret_files::{ReloadError, SecretFiles, WatchedSecrets};
pub use verifier::{Incoming, Opened, Proven, Verified};
pub use window::{TimeFormat, Window};
