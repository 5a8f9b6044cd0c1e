//! A provider with a secret, as it sends.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::samples::{self, Sample};
use super::{Attempts, Outgoing, SignError, SignedRequest, Signer, sha256_hex, tampering};
use crate::catalogue;
use crate::clock::{Clock, ManualClock, SystemClock};
use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::provider::{Provider, TimeSource};
use crate::rejection::Rejection;
use crate::secret::Secret;

/// Sends as a provider would: genuine deliveries, retries, and those that must be refused.
///
/// For a provider that signs with a private key, the secret is that key: PKCS #8 in PEM; for ed25519 also
/// its 32 bytes in hex or base64, and Standard Webhooks' `whsk_…`.
#[derive(Clone)]
pub struct Sender {
    pub(super) provider: Provider,
    secret: Secret,
    method: String,
    origin: String,
    target: String,
    clock: Arc<dyn Clock>,
}

impl Sender {
    /// A sender for any provider, also one of your own.
    #[must_use]
    pub fn new(provider: Provider, secret: Secret) -> Self {
        Self {
            provider,
            secret,
            method: "POST".to_owned(),
            origin: String::new(),
            target: "/".to_owned(),
            clock: Arc::new(SystemClock),
        }
    }

    /// A sender for a provider of the [`catalogue`].
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownProvider`], or [`ConfigError::FeatureMissing`].
    pub fn catalogue(id: &str, secret: Secret) -> Result<Self, ConfigError> {
        Ok(Self::new(catalogue::provider(id)?, secret))
    }

    /// Where the provider sends to, such as `https://hooks.example.test/webhooks/twilio?account=1`, or
    /// only the path. Some providers sign it; the part before the path is then the endpoint's
    /// [`public_url`](crate::EndpointBuilder::public_url). Defaults to `/`.
    #[must_use]
    pub fn to(mut self, url: &str) -> Self {
        let host = url.find("://").map_or(0, |at| at + 3);
        let path = match url.get(host..).unwrap_or_default().find(['/', '?']) {
            Some(at) => host + at,
            None => url.len(),
        };
        let (origin, target) = url.split_at_checked(path).unwrap_or((url, ""));
        origin.clone_into(&mut self.origin);
        // A URL without a path has the path `/`.
        self.target =
            if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        self
    }

    /// The method. Defaults to `POST`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// The clock that deliveries are signed by. Defaults to the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The same with another secret: an old one, or a stranger's.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        self.secret = secret;
        self
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The secret that an endpoint needs to accept what this sends: the same one, or the public key of a
    /// private key.
    ///
    /// # Errors
    ///
    /// [`SignError`] where the secret is not of the provider's kind.
    pub fn verifying_secret(&self) -> Result<Secret, SignError> {
        let scheme = &self.provider.spec().scheme;
        scheme.verifying_secret(&self.secret).ok_or_else(|| {
            SignError::new(format!(
                "the secret is not of the kind that {} signs with: {}",
                self.provider.name(),
                scheme.signing_secret(),
            ))
        })
    }

    /// The header whose value is the secret itself, where the provider shows a shared token.
    #[must_use]
    pub fn secret_header(&self) -> Option<&str> {
        self.provider.spec().scheme.secret_headers().next()
    }

    /// The names of the sample events that there are of this provider.
    #[must_use]
    pub fn events(&self) -> Vec<&'static str> {
        samples::events(self.provider.name())
    }

    /// A sample event, with new ids and the present time.
    ///
    /// # Errors
    ///
    /// [`SignError`] where there is no such sample.
    pub fn event(&self, name: &str) -> Result<Outgoing, SignError> {
        let sample = Sample::find(self.provider.name(), name)?;
        Outgoing::sample(&sample, self.clock.now())
    }

    /// The event's delivery, signed at the present time.
    ///
    /// # Errors
    ///
    /// [`SignError`], where a provider could not send this: see [`Signer::try_sign`].
    pub fn request(&self, event: &Outgoing) -> Result<SignedRequest, SignError> {
        self.sign(event, self.clock.now())
    }

    /// The same of another time, in the past or in the future: the time that is signed, in a header or in
    /// the body, is this one.
    ///
    /// # Errors
    ///
    /// The same, and if the provider's time is in the body and this body has none.
    pub fn request_at(
        &self,
        event: &Outgoing,
        time: SystemTime,
    ) -> Result<SignedRequest, SignError> {
        self.sign(&event.clone().at(time, &self.provider)?, time)
    }

    /// The event's retry of this number, counted from 1, signed at the present time. It has the same id,
    /// and a new time where the provider gives each delivery a time of its own. When it comes is told by
    /// [`attempts`](Self::attempts).
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn retry(&self, event: &Outgoing, number: usize) -> Result<SignedRequest, SignError> {
        let now = self.clock.now();
        let mut event = event.clone().retry(number, now)?;
        let spec = self.provider.spec();
        if spec.time.as_ref().is_some_and(TimeSource::is_per_delivery) {
            event = event.at(now, &self.provider)?;
        }
        if let Some(name) = spec.unverified.as_ref().and_then(|names| names.attempt_header()) {
            event = event.header(name, &number.to_string());
        }
        self.sign(&event, now)
    }

    /// A delivery whose body was changed after it was signed. Where the provider shows a shared token,
    /// which does not cover the body, the token is wrong instead.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn tampered(&self, event: &Outgoing) -> Result<SignedRequest, SignError> {
        if !self.provider.spec().scheme.covers_content() {
            return self.clone().with_secret(tampering::other_secret(&self.secret)?).request(event);
        }
        let request = self.request(event)?;
        let body = tampering::other_body(request.body());
        Ok(request.with_body(body))
    }

    /// A delivery that was genuine an hour before it became too old for the provider's
    /// [default window](Provider::default_window).
    ///
    /// # Errors
    ///
    /// As [`request_at`](Self::request_at), and for a provider that sends no time.
    pub fn stale(&self, event: &Outgoing) -> Result<SignedRequest, SignError> {
        const HOUR: Duration = Duration::from_secs(3600);
        let window = self.provider.default_window().ok_or_else(|| {
            let name = self.provider.name();
            SignError::new(format!("{name} sends no time, so no delivery of it is too old"))
        })?;
        let age = window.past.saturating_add(HOUR);
        let time = self.clock.now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        self.request_at(event, time)
    }

    /// When the provider sends an event again.
    ///
    /// # Errors
    ///
    /// As [`Attempts::of`].
    pub fn attempts(&self) -> Result<Attempts, SignError> {
        Attempts::of(&self.provider)
    }

    /// Method, origin and target.
    pub(super) fn line(&self) -> (&str, &str, &str) {
        (&self.method, &self.origin, &self.target)
    }

    fn sign(&self, event: &Outgoing, time: SystemTime) -> Result<SignedRequest, SignError> {
        let spec = self.provider.spec();
        let body = event.body();
        let mut headers = event.headers.clone();
        let claimed = spec.unverified.as_ref();
        let claims = [
            (claimed.and_then(|names| names.event_type_header()), &event.name),
            (claimed.and_then(|names| names.id_header()), &event.delivery_id),
        ];
        for (name, value) in claims {
            let is_given =
                |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
            if let Some(name) = name.filter(|name| !value.is_empty() && !is_given(name)) {
                headers.push((name.to_owned(), value.clone()));
            }
        }
        let mut target = self.target.clone();
        if let Some(parameter) = spec.scheme.content.body_sha256_parameter() {
            let separator = if target.contains('?') { '&' } else { '?' };
            target.push_str(&format!("{separator}{parameter}={}", sha256_hex(&body)));
        }
        let mut signer = Signer::new(&self.provider, &self.secret)
            .at(time)
            .id(&event.id)
            .method(&self.method)
            .url(&self.origin, &target);
        for (name, value) in &headers {
            signer = signer.header(name, value);
        }
        if spec.scheme.content.needs_public_url() && self.origin.is_empty() {
            let name = self.provider.name();
            return Err(SignError::new(format!(
                "{name} signs the URL: say where it sends to, with scheme and host"
            )));
        }
        let mut headers = signer.try_sign(&body)?;
        headers.push(("content-length".to_owned(), body.len().to_string()));
        let (method, origin) = (self.method.clone(), self.origin.clone());
        let request = SignedRequest::new(method, origin, target, headers, body)?;
        self.check(&request, time)?;
        Ok(request)
    }

    /// What a receiver would refuse at its time is none that the provider sends: an id with a character
    /// that no id has, a body of another kind.
    fn check(&self, request: &SignedRequest, time: SystemTime) -> Result<(), SignError> {
        let mut endpoint = Endpoint::builder(self.provider.name(), self.provider.clone())
            .secret(self.verifying_secret()?)
            .methods([&self.method])
            .max_body(request.body().len().max(1))
            .clock(ManualClock::at(time));
        if !self.origin.is_empty() {
            endpoint = endpoint.public_url(&self.origin);
        }
        let endpoint = endpoint.build().map_err(|error| SignError::new(error.to_string()))?;
        let refused = |rejection: Rejection| {
            let (name, code) = (self.provider.name(), rejection.code());
            SignError::new(format!("{name} does not send this: it would be refused as {code}"))
        };
        endpoint.verify(request, request.body()).map(drop).map_err(refused)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("provider", &self.provider.name())
            .field("secret", &self.secret)
            .field("origin", &self.origin)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
