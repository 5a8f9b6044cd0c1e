//! One place that one provider sends to: its secrets, its window, its limits, its answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::key::KeyHasher;
use crate::provider::Provider;
use crate::rejection::{Rejection, RejectionKind};
use crate::scheme::Scheme;
use crate::scheme::hmac::HmacKey;
use crate::scheme::token::TokenKey;
use crate::secret::Secret;
use crate::window::Window;

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

pub(crate) struct Inner {
    pub(crate) name: Box<str>,
    pub(crate) provider: Provider,
    pub(crate) keys: Keys,
    pub(crate) window: Option<Window>,
    pub(crate) max_body: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) lease: Duration,
    pub(crate) retention: Duration,
    pub(crate) retry_after: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key_hasher: KeyHasher,
    statuses: Vec<(RejectionKind, u16)>,
}

/// The endpoint's secrets in the form its scheme works with, the current one first.
pub(crate) enum Keys {
    Hmac(Vec<HmacKey>),
    Token(Vec<TokenKey>),
}

impl Endpoint {
    /// Starts an endpoint.
    ///
    /// The name keeps the events of endpoints apart that share a store, so it must be the same in
    /// every process of a fleet, and no two endpoints may have the same: two accounts at one
    /// provider can both have an event `1001`.
    pub fn builder(name: &str, provider: Provider) -> EndpointBuilder {
        EndpointBuilder {
            name: name.into(),
            provider,
            secrets: Vec::new(),
            window: None,
            max_body: DEFAULT_MAX_BODY,
            body_timeout: DEFAULT_BODY_TIMEOUT,
            lease: None,
            retention: None,
            retry_after: DEFAULT_RETRY_AFTER,
            clock: Arc::new(SystemClock),
            statuses: Vec::new(),
        }
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

    /// How long a claim holds if nobody settles it.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.0.lease
    }

    /// How long a handled event is remembered.
    #[must_use]
    pub fn retention(&self) -> Duration {
        self.0.retention
    }

    /// The request header whose value is the secret itself, for a shared token. Adapters mark it
    /// as sensitive, so that a handler that prints its headers does not print the token.
    #[must_use]
    pub fn secret_header(&self) -> Option<&str> {
        match &self.0.provider.spec().scheme {
            Scheme::Token(token) => Some(&token.header),
            Scheme::Hmac { .. } => None,
        }
    }

    /// The rejection of this kind, with the status that this endpoint answers.
    #[must_use]
    pub fn reject(&self, kind: RejectionKind) -> Rejection {
        let statuses = &self.0.statuses;
        let status = statuses.iter().rfind(|(other, _)| *other == kind).map(|(_, status)| *status);
        let rejection = Rejection::new(kind, status.unwrap_or_else(|| self.default_status(kind)));
        match kind {
            RejectionKind::InFlight
            | RejectionKind::StoreUnavailable
            | RejectionKind::StoreFull => rejection.retry_after_at(self.0.retry_after),
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

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
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

const DEFAULT_MAX_BODY: usize = 1024 * 1024;
const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);
const DEFAULT_LEASE: Duration = Duration::from_secs(5 * 60);
const DEFAULT_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes an [`Endpoint`]; start with [`Endpoint::builder`].
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct EndpointBuilder {
    name: Box<str>,
    provider: Provider,
    secrets: Vec<Secret>,
    window: Option<Window>,
    max_body: usize,
    body_timeout: Duration,
    lease: Option<Duration>,
    retention: Option<Duration>,
    retry_after: Duration,
    clock: Arc<dyn Clock>,
    statuses: Vec<(RejectionKind, u16)>,
}

impl EndpointBuilder {
    /// Adds a secret. The first is the current one; further ones are older, and are tried only
    /// when those before do not match.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Adds several secrets, the current one first.
    pub fn secrets(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// How old, and how far in the future, a delivery's time may be. Defaults to
    /// [`Provider::default_window`].
    pub fn window(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// The largest body to accept, in bytes. Defaults to 1 MiB.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How long a body may take to arrive, from the request's head to its last byte. Defaults to
    /// 30 s.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// How long a claim holds if nobody settles it: longer than the slowest handler, and shorter
    /// than the provider's retry schedule, so that the event of a crashed handler has a retry to
    /// come. Defaults to 5 minutes, or to half the wait before the last retry where that is less.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// How long a handled event is remembered: at least the window and the retry schedule.
    /// Defaults to the longest of both and a day.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// What `Retry-After` says when the store cannot answer or is full. Defaults to 5 s. For an
    /// event in flight it is what is left of the lease: a provider that comes sooner, again and
    /// again, could use up its retries before a crashed handler's claim has run out.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = after;
        self
    }

    /// Answers a kind of rejection with this status instead of its default: 2xx for duplicates,
    /// 4xx or 5xx for what was not handled.
    pub fn answer(mut self, kind: RejectionKind, status: u16) -> Self {
        self.statuses.push((kind, status));
        self
    }

    /// The clock that the window is held against. Defaults to [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks the endpoint and makes it.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the setting, both numbers and the mend.
    pub fn build(self) -> Result<Endpoint, ConfigError> {
        let window = self.checked_window()?;
        let horizon = self.provider.retries().horizon();
        let span = window.as_ref().map(Window::span);
        let longest = [DEFAULT_RETENTION].into_iter().chain(span).chain(horizon).max();
        let retention = self.retention.or(longest).unwrap_or(DEFAULT_RETENTION);
        // So that a crash on any retry but the last has a retry to come.
        let half = self.provider.retries().last_wait().or(horizon).map(|wait| wait / 2);
        let lease =
            self.lease.or(half.map(|half| half.min(DEFAULT_LEASE))).unwrap_or(DEFAULT_LEASE);
        self.check_numbers(lease)?;
        match (span, horizon) {
            (Some(window), _) if retention < window => {
                return Err(ConfigError::RetentionShorterThanWindow { retention, window });
            }
            (_, Some(retries)) if retention < retries => {
                return Err(ConfigError::RetentionShorterThanRetries { retention, retries });
            }
            (_, Some(retries)) if lease >= retries => {
                return Err(ConfigError::LeaseNotShorterThanRetries { lease, retries });
            }
            _ if retention.is_zero() => return Err(ConfigError::Zero { field: "retention" }),
            _ => {}
        }
        let keys = self.keys()?;
        Ok(Endpoint(Arc::new(Inner {
            key_hasher: KeyHasher::new(&self.name),
            name: self.name,
            provider: self.provider,
            keys,
            window,
            max_body: self.max_body,
            body_timeout: self.body_timeout,
            lease,
            retention,
            retry_after: self.retry_after,
            clock: self.clock,
            statuses: self.statuses,
        })))
    }

    fn checked_window(&self) -> Result<Option<Window>, ConfigError> {
        let Some(window) = self.window else { return Ok(self.provider.default_window()) };
        let Some(time) = &self.provider.spec().time else {
            return Err(ConfigError::NoTimeToJudge { provider: self.provider.name().to_owned() });
        };
        match self.provider.retries().horizon() {
            Some(retries) if !time.is_per_delivery() && window.past < retries => {
                Err(ConfigError::WindowShorterThanRetries { past: window.past, retries })
            }
            _ if window.past.is_zero() => Err(ConfigError::Zero { field: "window" }),
            _ => Ok(Some(window)),
        }
    }

    fn check_numbers(&self, lease: Duration) -> Result<(), ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::EmptyEndpointName);
        }
        let numbers = [
            ("max_body", self.max_body == 0),
            ("body_timeout", self.body_timeout.is_zero()),
            // Stores count in milliseconds.
            ("lease", lease.as_millis() == 0),
        ];
        if let Some((field, _)) = numbers.into_iter().find(|(_, zero)| *zero) {
            return Err(ConfigError::Zero { field });
        }
        match self.statuses.iter().find(|(kind, status)| !kind.allows_status(*status)) {
            Some(&(kind, status)) => Err(ConfigError::UnsuitableStatus { kind, status }),
            None => Ok(()),
        }
    }

    fn keys(&self) -> Result<Keys, ConfigError> {
        let endpoint = || self.name.clone().into_string();
        if self.secrets.is_empty() {
            return Err(ConfigError::NoSecret { endpoint: endpoint() });
        }
        let scheme = &self.provider.spec().scheme;
        let unusable = |position, expected| ConfigError::UnusableSecret {
            endpoint: endpoint(),
            position,
            expected,
        };
        let secrets = self.secrets.iter().zip(1..);
        Ok(match scheme {
            Scheme::Token(token) => Keys::Token(
                secrets
                    .map(|(secret, n)| {
                        token.key(secret).ok_or_else(|| unusable(n, token.expected()))
                    })
                    .collect::<Result<_, _>>()?,
            ),
            Scheme::Hmac { signature, .. } => Keys::Hmac(
                secrets
                    .map(|(secret, n)| signature.key(secret).ok_or_else(|| unusable(n, "base64")))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }
}

impl fmt::Debug for EndpointBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointBuilder")
            .field("name", &self.name)
            .field("provider", &self.provider.name())
            .finish_non_exhaustive()
    }
}
