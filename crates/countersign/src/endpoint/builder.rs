//! Making an endpoint, and refusing one that cannot keep what it promises.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::mismatches::Mismatches;
use super::{Endpoint, Inner};
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::handshake::{Unsigned, VerifyToken};
use crate::key::KeyHasher;
use crate::provider::Provider;
use crate::rejection::RejectionKind;
use crate::request_head::is_method;
use crate::scheme::{BadSecret, Keyed};
use crate::secret::Secret;
use crate::window::Window;

const DEFAULT_MAX_BODY: usize = 1024 * 1024;
const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);
const DEFAULT_LEASE: Duration = Duration::from_secs(5 * 60);
const DEFAULT_STORE_TIMEOUT: Duration = Duration::from_secs(2);
const DEFAULT_RENEWED_FOR: Duration = Duration::from_secs(60 * 60);
const DEFAULT_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// No provider retries for so long; a window beyond it would be none.
const LONGEST_PAST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// No clock that anybody looks after is further ahead.
const LONGEST_FUTURE: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes an [`Endpoint`]; start with [`Endpoint::builder`].
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct EndpointBuilder {
    name: Box<str>,
    provider: Provider,
    secrets: Vec<Secret>,
    methods: Vec<Box<str>>,
    public_url: Option<Box<str>>,
    verify_token: Option<Secret>,
    window: Option<Window>,
    max_body: usize,
    body_timeout: Duration,
    lease: Option<Duration>,
    renewed_for: Duration,
    retention: Option<Duration>,
    store_timeout: Option<Duration>,
    retry_after: Duration,
    clock: Arc<dyn Clock>,
    statuses: Vec<(RejectionKind, u16)>,
}

impl EndpointBuilder {
    pub(super) fn new(name: &str, provider: Provider) -> Self {
        Self {
            name: name.into(),
            provider,
            secrets: Vec::new(),
            methods: vec!["POST".into()],
            public_url: None,
            verify_token: None,
            window: None,
            max_body: DEFAULT_MAX_BODY,
            body_timeout: DEFAULT_BODY_TIMEOUT,
            lease: None,
            renewed_for: DEFAULT_RENEWED_FOR,
            retention: None,
            store_timeout: None,
            retry_after: DEFAULT_RETRY_AFTER,
            clock: Arc::new(SystemClock),
            statuses: Vec::new(),
        }
    }

    /// Adds a secret. The first is the current one; further ones are older, and are tried only
    /// when those before do not match. A header that names the key (Pusher, Twilio's shared keys) is
    /// not read: nobody signs it, and a wrong one could only choose the wrong key or the wrong hash.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Adds several secrets, the current one first.
    pub fn secrets(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// The methods to accept, instead of only `POST`. Any other is answered 405.
    ///
    /// A signature does not cover the method: whoever captures a delivery can send it with each of
    /// these. If the path has a handler for every one of them, all of these handlers must handle the
    /// event in the same way, because the first 2xx completes it.
    pub fn methods<M: AsRef<str>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.methods = methods.into_iter().map(|method| method.as_ref().into()).collect();
        self
    }

    /// The scheme, host and port under which the world reaches this endpoint, such as
    /// `https://hooks.example.test`, for providers that sign the URL. The URL is this followed by the
    /// path and the query as received; where a proxy or a router cuts something off the front of the
    /// path, that belongs here: `https://example.test/api`.
    ///
    /// It is never taken from `Host` or `X-Forwarded-*`, which anybody can write.
    pub fn public_url(mut self, origin: &str) -> Self {
        self.public_url = Some(origin.into());
        self
    }

    /// The token that the provider shows in its handshake, such as Meta's `hub.verify_token`: what was
    /// typed into the provider's console. Another token is refused with
    /// [`VerifyTokenMismatch`](RejectionKind::VerifyTokenMismatch). Without this, the endpoint answers
    /// no such handshake. It comes in the URL, where access logs show it, and proves no delivery: it
    /// must not be a secret that does.
    pub fn verify_token(mut self, token: Secret) -> Self {
        self.verify_token = Some(token);
        self
    }

    /// How old, and how far in the future, a delivery's time may be: at most 366 days and one day.
    /// Defaults to [`Provider::default_window`].
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

    /// How long a claim holds if nobody settles it or renews it: shorter than the provider's retry
    /// schedule, so that the event of a crashed handler has a retry to come, and longer than
    /// [`store_timeout`](Self::store_timeout). It is renewed at a
    /// third of it while the handler runs, see [`renew_for`](Self::renew_for). Defaults to 5 minutes, or to half the wait before the last retry where that is less.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// How long the lease of a running handler is renewed; then it runs out, and the event's next
    /// delivery is accepted although the handler still runs. Zero renews nothing. Defaults to an hour.
    pub fn renew_for(mut self, time: Duration) -> Self {
        self.renewed_for = time;
        self
    }

    /// How long one call of the store may take before the delivery is answered 503 and comes again,
    /// or the claim is settled in the background. Defaults to 2 s, or to half the
    /// [`lease`](Self::lease) where that is less.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = Some(timeout);
        self
    }

    /// How long a handled event is remembered: at least the window and the retry schedule.
    /// Defaults to the longest of both and a day. The receiver remembers it for
    /// [`store_timeout`](Self::store_timeout) and a second more, because a delivery that was fresh
    /// when it was judged may take so long to its claim.
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
    /// A [`ConfigError`] that names the setting, both numbers and how to fix it.
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
        let store_timeout = self.store_timeout.unwrap_or(DEFAULT_STORE_TIMEOUT.min(lease / 2));
        self.check_numbers(lease, store_timeout)?;
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
            _ if lease <= store_timeout => {
                return Err(ConfigError::LeaseNotLongerThanStoreTimeout { lease, store_timeout });
            }
            _ if retention.is_zero() => return Err(ConfigError::Zero { field: "retention" }),
            _ => {}
        }
        let asks_for_token = |handshake: &Unsigned| handshake.needs_token();
        if self.verify_token.is_some()
            && !self.provider.spec().handshakes.unsigned.iter().any(asks_for_token)
        {
            let provider = self.provider.name().to_owned();
            return Err(ConfigError::NoVerifyTokenAsked { provider });
        }
        if let Some(token) = &self.verify_token
            && let Some(index) = self.secrets.iter().position(|secret| secret.is_equal(token))
        {
            let (endpoint, position) = (self.name.into_string(), index + 1);
            return Err(ConfigError::VerifyTokenIsSecret { endpoint, position });
        }
        let keys = self.keys()?;
        let public_url = self.checked_public_url()?;
        let labels = self.secrets.iter().map(Secret::shared_label).collect();
        let mismatches = Mismatches::of(&self.provider.spec().scheme, &self.secrets);
        Ok(Endpoint(Arc::new(Inner {
            key_hasher: KeyHasher::new(&self.name),
            name: self.name,
            provider: self.provider,
            allow: self.methods.join(", ").into(),
            methods: self.methods,
            keys,
            labels,
            public_url,
            verify_token: self.verify_token.as_ref().map(VerifyToken::new),
            window,
            max_body: self.max_body,
            body_timeout: self.body_timeout,
            lease,
            renewed_for: self.renewed_for,
            retention,
            store_timeout,
            retry_after: self.retry_after,
            clock: self.clock,
            statuses: self.statuses,
            mismatches,
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
            _ => {
                let tolerances = [
                    ("past", window.past, LONGEST_PAST),
                    ("future", window.future, LONGEST_FUTURE),
                ];
                match tolerances.into_iter().find(|(_, given, longest)| given > longest) {
                    Some((tolerance, given, longest)) => {
                        Err(ConfigError::WindowTooLong { tolerance, given, longest })
                    }
                    None => Ok(Some(window)),
                }
            }
        }
    }

    fn check_numbers(&self, lease: Duration, store_timeout: Duration) -> Result<(), ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::EmptyEndpointName);
        }
        if self.methods.is_empty() {
            return Err(ConfigError::NoMethod);
        }
        if let Some(method) = self.methods.iter().find(|method| !is_method(method)) {
            return Err(ConfigError::InvalidMethod { method: method.clone().into_string() });
        }
        let numbers = [
            ("max_body", self.max_body == 0),
            ("body_timeout", self.body_timeout.is_zero()),
            // Stores count in milliseconds.
            ("lease", lease.as_millis() == 0),
            ("store_timeout", store_timeout.is_zero()),
        ];
        if let Some((field, _)) = numbers.into_iter().find(|(_, zero)| *zero) {
            return Err(ConfigError::Zero { field });
        }
        match self.statuses.iter().find(|(kind, status)| !kind.allows_status(*status)) {
            Some(&(kind, status)) => Err(ConfigError::UnsuitableStatus { kind, status }),
            None => Ok(()),
        }
    }

    fn keys(&self) -> Result<Keyed, ConfigError> {
        let endpoint = self.name.clone().into_string();
        if self.secrets.is_empty() {
            return Err(ConfigError::NoSecret { endpoint });
        }
        let keyed = self.provider.spec().scheme.key(&self.secrets);
        keyed.map_err(|bad| match bad {
            BadSecret::Unusable { index, expected } => {
                ConfigError::UnusableSecret { endpoint, position: index + 1, expected }
            }
            BadSecret::Ambiguous { index } => {
                ConfigError::AmbiguousSecret { endpoint, position: index + 1 }
            }
        })
    }

    fn checked_public_url(&self) -> Result<Option<Box<str>>, ConfigError> {
        let needed = self.provider.spec().scheme.content.needs_public_url();
        let Some(given) = &self.public_url else {
            let provider = || self.provider.name().to_owned();
            return match needed {
                true => Err(ConfigError::NoPublicUrl { provider: provider() }),
                false => Ok(None),
            };
        };
        let authority = given.strip_prefix("https://").or_else(|| given.strip_prefix("http://"));
        let legal = |rest: &str| {
            let graphic =
                rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\".contains(&byte));
            graphic && !rest.starts_with('/') && !rest.is_empty()
        };
        match authority.map(|rest| rest.trim_end_matches('/')) {
            Some(rest) if legal(rest) => Ok(Some(given.trim_end_matches('/').into())),
            _ => Err(ConfigError::InvalidPublicUrl { given: given.clone().into_string() }),
        }
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
