//! Making an endpoint, and refusing one that cannot keep what it promises.

use std::sync::Arc;
use std::time::Duration;

use super::replaced::Replaced;
use super::{Endpoint, EndpointBuilder, Inner, SecretSet, Settings};
use crate::error::ConfigError;
use crate::handshake::{Unsigned, VerifyToken};
use crate::key::KeyHasher;
use crate::request_head::is_method;
use crate::resolver::Lookups;
use crate::window::Window;

const DEFAULT_LEASE: Duration = Duration::from_secs(5 * 60);
const DEFAULT_STORE_TIMEOUT: Duration = Duration::from_secs(2);
const DEFAULT_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// No provider retries for so long; a longer window would refuse no replay.
const LONGEST_PAST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// No clock that is looked after is further ahead.
const LONGEST_FUTURE: Duration = Duration::from_secs(24 * 60 * 60);

impl EndpointBuilder {
    /// Checks the endpoint and makes it.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the setting, both numbers and how to fix it.
    pub fn build(self) -> Result<Endpoint, ConfigError> {
        if let Some(setter) = self.set_twice {
            return Err(ConfigError::SetTwice { first: setter, second: setter });
        }
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
        let methods = self.checked_methods()?;
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
        let forgets = self.forgets.unwrap_or_else(|| self.provider.forgets_when_handled());
        if self.parking.is_some_and(|parking| parking.failures() == 0) {
            return Err(ConfigError::Zero { field: "Parking::after" });
        }
        let counts_attempts = self.counts_attempts || self.parking.is_some();
        if counts_attempts && forgets {
            return Err(ConfigError::CountsWhatIsForgotten);
        }
        let resolved = self.lookups()?;
        let secrets = match resolved {
            Some(_) => SecretSet::to_be_resolved(&self.name, &self.provider)?,
            None => SecretSet::of(&self.name, &self.provider, &self.secrets)?,
        };
        let public_url = self.checked_public_url()?;
        let key_hasher = KeyHasher::new(&self.name);
        let settings = Settings {
            name: self.name.into(),
            provider: self.provider,
            allow: methods.join(", ").into(),
            methods: methods.into(),
            public_url: public_url.map(Into::into),
            verify_token: self.verify_token.as_ref().map(|token| Arc::new(VerifyToken::new(token))),
            window,
            max_body: self.max_body,
            body_timeout: self.body_timeout,
            lease,
            renewed_for: self.renewed_for,
            retention,
            forgets,
            counts_attempts,
            parking: self.parking,
            store_timeout,
            retry_after: self.retry_after,
            clock: self.clock,
            statuses: self.statuses.into(),
            mismatches: Arc::default(),
            metrics: Arc::default(),
        };
        let replaced = Replaced::default();
        let inner = Inner { settings, secrets, key_hasher, tenant: None, replaced, resolved };
        Ok(Endpoint(Arc::new(inner)))
    }

    #[cfg(feature = "resolver")]
    fn lookups(&self) -> Result<Option<Arc<Lookups>>, ConfigError> {
        let Some(settings) = &self.resolve else { return Ok(None) };
        if !self.secrets.is_empty() {
            return Err(ConfigError::SetTwice { first: "secret", second: "resolve" });
        }
        Ok(Some(Arc::new(Lookups::new(settings.clone())?)))
    }

    #[cfg(not(feature = "resolver"))]
    fn lookups(&self) -> Result<Option<Arc<Lookups>>, ConfigError> {
        Ok(None)
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

    fn checked_methods(&self) -> Result<Vec<Box<str>>, ConfigError> {
        let Some(methods) = &self.methods else { return Ok(vec!["POST".into()]) };
        if methods.is_empty() {
            return Err(ConfigError::NoMethod);
        }
        match methods.iter().find(|method| !is_method(method)) {
            Some(method) => {
                Err(ConfigError::InvalidMethod { method: method.clone().into_string() })
            }
            None => Ok(methods.clone()),
        }
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
