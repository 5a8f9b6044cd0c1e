//! One place that one provider sends to: its secrets, its window, its limits, its answers.

mod build;
mod builder;
mod mismatches;
mod parking;
mod replaced;
mod secrets;
mod tenant;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use builder::EndpointBuilder;
pub use parking::Parking;

use crate::clock::Clock;
use crate::handshake::VerifyToken;
use crate::key::KeyHasher;
use crate::provider::Provider;
use crate::rejection::{Rejection, RejectionKind};
use crate::report::metrics::EndpointMetrics;
use crate::resolver::Lookups;
use crate::trace;
use crate::window::Window;
pub(crate) use mismatches::Mismatches;
use replaced::Replaced;
pub(crate) use secrets::SecretSet;

/// One place that one provider sends to. Cheap to clone.
///
/// ```
/// use countersign::{Endpoint, Secret, providers::hostwares};
///
/// let endpoint = Endpoint::builder("hostwares", hostwares::provider())
///     .secret(Secret::new("your_webhook_signing_secret")?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

/// Everything is flat and in one place, because every delivery looks at it. An endpoint with other secrets
/// is a copy of it: see [`Endpoint::with`].
pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) secrets: SecretSet,
    pub(crate) key_hasher: KeyHasher,
    /// Whose secrets they are, where an endpoint has several tenants.
    tenant: Option<Arc<str>>,
    /// The one with other secrets that takes this one's place.
    replaced: Replaced,
    /// Where the secrets are looked up, if there are none here.
    resolved: Option<Arc<Lookups>>,
}

/// All but the secrets.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) name: Arc<str>,
    pub(crate) provider: Provider,
    /// The methods that are accepted, and the same as the `Allow` header has them.
    pub(crate) methods: Arc<[Box<str>]>,
    pub(crate) allow: Arc<str>,
    /// Scheme, host and port under which the world reaches this endpoint.
    pub(crate) public_url: Option<Arc<str>>,
    /// What a handshake has to show.
    pub(crate) verify_token: Option<Arc<VerifyToken>>,
    pub(crate) window: Option<Window>,
    pub(crate) max_body: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) lease: Duration,
    pub(crate) renewed_for: Duration,
    pub(crate) retention: Duration,
    /// Whether a handled event is forgotten.
    pub(crate) forgets: bool,
    pub(crate) counts_attempts: bool,
    pub(crate) parking: Option<Parking>,
    pub(crate) store_timeout: Duration,
    pub(crate) retry_after: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) statuses: Arc<[(RejectionKind, u16)]>,
    mismatches: Arc<Mismatches>,
    metrics: Arc<EndpointMetrics>,
}

impl std::ops::Deref for Inner {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Endpoint {
    /// Starts an endpoint.
    ///
    /// The name keeps the events of endpoints apart that share a store, so it must be the same in
    /// every process of a fleet, and no two endpoints may have the same: two accounts at one
    /// provider can both have an event `1001`.
    pub fn builder(name: &str, provider: Provider) -> EndpointBuilder {
        EndpointBuilder::new(name, provider)
    }

    /// The endpoint's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The provider that sends here.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.0.provider
    }

    /// The replay window; none where deliveries carry no time.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        self.0.window
    }

    /// The scheme and host that the provider sends to, where they were given: see
    /// [`EndpointBuilder::public_url`].
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.0.public_url.as_deref()
    }

    /// The largest body that is accepted, in bytes.
    #[must_use]
    pub fn max_body(&self) -> usize {
        self.0.max_body
    }

    /// How long a body may take to arrive.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        self.0.body_timeout
    }

    /// How long a claim holds if it is neither settled nor renewed.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.0.lease
    }

    pub(crate) fn renewed_for(&self) -> Duration {
        self.0.renewed_for
    }

    /// How long one call of the store may take.
    #[must_use]
    pub fn store_timeout(&self) -> Duration {
        self.0.store_timeout
    }

    /// How long a handled event is remembered.
    #[must_use]
    pub fn retention(&self) -> Duration {
        self.0.retention
    }

    /// Whether a handled event is [forgotten at once](EndpointBuilder::forget_when_handled).
    #[must_use]
    pub fn forgets_when_handled(&self) -> bool {
        self.0.forgets
    }

    /// Whether attempts of an event are [counted](EndpointBuilder::count_attempts).
    #[must_use]
    pub fn counts_attempts(&self) -> bool {
        self.0.counts_attempts
    }

    /// When an event is [parked](EndpointBuilder::park); none where that is for its handler alone to say.
    #[must_use]
    pub fn parking(&self) -> Option<Parking> {
        self.0.parking
    }

    /// Whether an event is parked before its attempt of this number is tried.
    pub(crate) fn is_overdue(&self, number: u32, since_first: Duration) -> bool {
        let longest_wait = self.0.provider.retries().longest_wait();
        self.0.parking.is_some_and(|parking| parking.is_overdue(number, since_first, longest_wait))
    }

    /// How long a parked event is kept: at least as long as a handled one.
    pub(crate) fn parked_for(&self) -> Duration {
        self.0.parking.unwrap_or(Parking::after(1)).kept_for().max(self.0.retention)
    }

    /// The request headers whose value is the secret itself, for shared tokens; mostly none or one.
    /// Adapters mark them as sensitive, so that a handler that prints its headers does not print a token.
    pub fn secret_headers(&self) -> impl Iterator<Item = &str> {
        self.0.provider.spec().scheme.secret_headers()
    }

    /// The rejection of this kind, with the status that this endpoint answers.
    #[must_use]
    pub fn reject(&self, kind: RejectionKind) -> Rejection {
        self.reject_with(kind, self.default_status(kind))
    }

    /// The same for what a delivery's head lacks. A time that is missing from the signed content is a
    /// bad proof (401); one that is not part of it is bad form (400).
    pub(crate) fn reject_head(&self, kind: RejectionKind) -> Rejection {
        let scheme = &self.0.provider.spec().scheme;
        let signs_time = scheme.covers_content() && scheme.content.signs_time();
        match kind {
            RejectionKind::TimestampMissing if !signs_time => self.reject_with(kind, 400),
            _ => self.reject(kind),
        }
    }

    /// Counts a delivery that matches no secret, and warns of them from time to time.
    pub(crate) fn note_refusal(&self, rejection: &Rejection) {
        if let RejectionKind::SignatureMismatch | RejectionKind::TokenMismatch = rejection.kind() {
            let mismatches = &self.0.mismatches;
            if let Some(count) = mismatches.note(self.0.clock.monotonic()) {
                trace::mismatches(self, count, &self.0.secrets.likely);
            }
        }
    }

    fn reject_with(&self, kind: RejectionKind, default_status: u16) -> Rejection {
        let statuses = &self.0.statuses;
        let status = statuses.iter().rfind(|(other, _)| *other == kind).map(|(_, status)| *status);
        let rejection = Rejection::new(kind, status.unwrap_or(default_status));
        match kind {
            RejectionKind::InFlight
            | RejectionKind::StoreUnavailable
            | RejectionKind::StoreFull
            | RejectionKind::SecretsUnavailable
            | RejectionKind::ShuttingDown => rejection.retry_after_at(self.0.retry_after),
            RejectionKind::MethodNotAllowed => rejection.allow_only(Arc::clone(&self.0.allow)),
            _ => rejection,
        }
    }

    fn default_status(&self, kind: RejectionKind) -> u16 {
        match kind {
            // Not the delivery's fault, so it must come again.
            RejectionKind::BodyIncomplete | RejectionKind::BodyTimeout
                if self.0.provider.is_final_on_4xx() =>
            {
                503
            }
            _ => kind.default_status(),
        }
    }

    /// The same endpoint, that judges no delivery's age. Only for one that nobody has a clone of.
    #[cfg(feature = "diagnosis")]
    pub(crate) fn without_window(mut self) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.settings.window = None;
        }
        self
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn metrics(&self) -> &EndpointMetrics {
        &self.0.metrics
    }

    /// The time by which durations are measured, whatever is done to the time of day.
    pub(crate) fn monotonic(&self) -> Duration {
        self.0.clock.monotonic()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.0.name)
            .field("provider", &self.0.provider.name())
            .field("window", &self.0.window)
            .field("lease", &self.0.lease)
            .field("retention", &self.0.retention)
            .finish_non_exhaustive()
    }
}
