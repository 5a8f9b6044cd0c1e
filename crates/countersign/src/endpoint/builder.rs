//! Settings of an endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::parking::Parking;
use crate::clock::{Clock, SystemClock};
use crate::provider::Provider;
use crate::rejection::RejectionKind;
use crate::secret::Secret;
use crate::window::Window;

const DEFAULT_MAX_BODY: usize = 1024 * 1024;
const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);
const DEFAULT_RENEWED_FOR: Duration = Duration::from_secs(60 * 60);

/// Makes an [`Endpoint`](crate::Endpoint); start with [`Endpoint::builder`](crate::Endpoint::builder).
///
/// A setting that has a default may be set again: the last call holds. [`methods`](Self::methods),
/// [`public_url`](Self::public_url) and [`verify_token`](Self::verify_token) may be called once: their
/// second call would replace what the first one meant to be accepted, so it is an error of
/// [`build`](Self::build). [`secret`](Self::secret) and [`secrets`](Self::secrets) add.
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct EndpointBuilder {
    pub(super) name: Box<str>,
    pub(super) provider: Provider,
    pub(super) secrets: Vec<Secret>,
    #[cfg(feature = "resolver")]
    pub(super) resolve: Option<crate::resolver::ResolvedSecrets>,
    pub(super) methods: Option<Vec<Box<str>>>,
    pub(super) public_url: Option<Box<str>>,
    pub(super) verify_token: Option<Secret>,
    pub(super) window: Option<Window>,
    pub(super) max_body: usize,
    pub(super) body_timeout: Duration,
    pub(super) lease: Option<Duration>,
    pub(super) renewed_for: Duration,
    pub(super) retention: Option<Duration>,
    pub(super) forgets: Option<bool>,
    pub(super) counts_attempts: bool,
    pub(super) parking: Option<Parking>,
    pub(super) store_timeout: Option<Duration>,
    pub(super) retry_after: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) statuses: Vec<(RejectionKind, u16)>,
    /// A setter that was called twice although its calls do not add up.
    pub(super) set_twice: Option<&'static str>,
}

impl EndpointBuilder {
    pub(super) fn new(name: &str, provider: Provider) -> Self {
        Self {
            name: name.into(),
            provider,
            secrets: Vec::new(),
            #[cfg(feature = "resolver")]
            resolve: None,
            methods: None,
            public_url: None,
            verify_token: None,
            window: None,
            max_body: DEFAULT_MAX_BODY,
            body_timeout: DEFAULT_BODY_TIMEOUT,
            lease: None,
            renewed_for: DEFAULT_RENEWED_FOR,
            retention: None,
            forgets: None,
            counts_attempts: false,
            parking: None,
            store_timeout: None,
            retry_after: DEFAULT_RETRY_AFTER,
            clock: Arc::new(SystemClock),
            statuses: Vec::new(),
            set_twice: None,
        }
    }

    /// Adds a secret. The first is the current one; further ones are older, and are tried only
    /// when those before do not match. A header that names the key (Pusher, Twilio's shared keys) is
    /// not read: it is not signed, and a wrong one could only choose the wrong key or the wrong hash.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Adds several secrets, the current one first.
    pub fn secrets(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// Looks the secrets up for each delivery, by the tenant that its head names, instead of having them
    /// here: see [`ResolvedSecrets`](crate::ResolvedSecrets) (feature `resolver`).
    #[cfg(feature = "resolver")]
    pub fn resolve(mut self, secrets: crate::resolver::ResolvedSecrets) -> Self {
        if self.resolve.replace(secrets).is_some() {
            self.set_twice = Some("resolve");
        }
        self
    }

    /// The methods to accept, instead of only `POST`. Any other is answered 405.
    ///
    /// A signature does not cover the method: a captured delivery can be sent with each of
    /// these. If the path has a handler for every one of them, all of these handlers must handle the
    /// event in the same way, because the first 2xx completes it.
    pub fn methods<M: AsRef<str>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        let methods = methods.into_iter().map(|method| method.as_ref().into()).collect();
        if self.methods.replace(methods).is_some() {
            self.set_twice = Some("methods");
        }
        self
    }

    /// The scheme, host and port under which the world reaches this endpoint, such as
    /// `https://hooks.example.test`, for providers that sign the URL. The URL is this followed by the
    /// path and the query as received; where a proxy or a router cuts something off the front of the
    /// path, that belongs here: `https://example.test/api`.
    ///
    /// It is never taken from `Host` or `X-Forwarded-*`, which anyone can write.
    pub fn public_url(mut self, origin: &str) -> Self {
        if self.public_url.replace(origin.into()).is_some() {
            self.set_twice = Some("public_url");
        }
        self
    }

    /// The token that the provider shows in its handshake, such as Meta's `hub.verify_token`: what was
    /// typed into the provider's console. Another token is refused with
    /// [`VerifyTokenMismatch`](RejectionKind::VerifyTokenMismatch). Without this, the endpoint answers
    /// no such handshake. It comes in the URL, where access logs show it, and proves no delivery: it
    /// must not be a secret that does.
    pub fn verify_token(mut self, token: Secret) -> Self {
        if self.verify_token.replace(token).is_some() {
            self.set_twice = Some("verify_token");
        }
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

    /// How long a claim holds if it is neither settled nor renewed: shorter than the provider's retry
    /// schedule, so that the event of a crashed handler has a retry to come, and longer than
    /// [`store_timeout`](Self::store_timeout). It is renewed at a third of it while the handler runs, see
    /// [`renew_for`](Self::renew_for). Defaults to 5 minutes, or to half the wait before the last retry
    /// where that is less.
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

    /// Whether an event is forgotten as soon as it is handled, whatever the provider's default is. See
    /// [`ProviderBuilder::forget_when_handled`](crate::ProviderBuilder::forget_when_handled) for what holds
    /// then. An endpoint of Twilio's that asks a caller for keys needs it: the same key pressed twice in
    /// one call is the same form to the byte.
    pub fn forget_when_handled(mut self, forget: bool) -> Self {
        self.forgets = Some(forget);
        self
    }

    /// Counts the attempts to handle an event, so that its handler [sees](crate::Delivery::attempt) which
    /// one it runs for: one more call of the store for each delivery that is handled
    /// ([`Store::attempt`](crate::Store::attempt)). If that call fails, the delivery is answered 503 and
    /// comes again. Not for an endpoint that [forgets](Self::forget_when_handled) what is handled.
    ///
    /// What is counted is what this store saw: claims, also of a process that died before its handler
    /// ended, and not deliveries that were refused, or that came while the event was in flight.
    pub fn count_attempts(mut self) -> Self {
        self.counts_attempts = true;
        self
    }

    /// Parks an event after so many attempts that failed: its delivery is answered 200 with
    /// [`RejectionKind::Parked`] so that the provider stops, further ones are duplicates, and the event is
    /// kept with its reason for an operator, who has it handled again once the cause is removed
    /// (`countersign store STORE parked` and `forget`, or [`Store::parked`](crate::Store::parked) and
    /// [`Store::forget`](crate::Store::forget)). It [counts](Self::count_attempts) attempts. Without
    /// it, only an event that its [handler](crate::Delivery::park) gives up is parked.
    ///
    /// An attempt has failed if the handler answered other than 2xx, panicked, or had not committed the
    /// transaction that it completed the event in. One that never ended, because its process died or it was cancelled, is
    /// counted too: the event is parked when it comes the next time, without running its handler. If the
    /// event cannot be parked now, its delivery is answered as a failed one and comes again.
    ///
    /// Nothing sends a parked event again by itself: have the provider resend it, or replay it from a
    /// recording, after it was forgotten.
    pub fn park(mut self, parking: Parking) -> Self {
        self.parking = Some(parking);
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
}

impl fmt::Debug for EndpointBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointBuilder")
            .field("name", &self.name)
            .field("provider", &self.provider.name())
            .finish_non_exhaustive()
    }
}
