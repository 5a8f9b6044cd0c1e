//! A set of secrets, prepared for an endpoint.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Endpoint, mismatches};
use crate::error::ConfigError;
use crate::provider::Provider;
use crate::report::metrics::SecretMetrics;
use crate::scheme::{BadSecret, Keyed};
use crate::secret::Secret;
use crate::trace;

/// How many secrets a look-up may find. Without the name of a key, a delivery is held against each of them, also
/// a forged one: under a public key, with 8 signatures, that is a verification for each pair. A secret that
/// changes is one of two or three; the limit leaves room for sets of published keys.
const MOST_RESOLVED: usize = 64;

/// The secrets that are valid at one time, the current one first. It never changes: other secrets are
/// another set, so a delivery is proven with the set that it began with.
pub(crate) struct SecretSet {
    /// In the form that the provider's scheme works with.
    pub(crate) keys: Keyed,
    pub(crate) labels: Arc<[Option<Arc<str>>]>,
    /// Why a delivery may match none of them.
    pub(super) likely: Arc<str>,
    metrics: Arc<SecretMetrics>,
    /// Which have proven a delivery since the set was made. Empty if they were looked up.
    used: Box<[AtomicBool]>,
    pub(crate) is_looked_up: bool,
    is_of_tenant: bool,
}

impl SecretSet {
    pub(super) fn of(
        endpoint: &str,
        provider: &Provider,
        secrets: &[Secret],
    ) -> Result<Self, ConfigError> {
        if secrets.is_empty() {
            return Err(ConfigError::NoSecret { endpoint: endpoint.to_owned() });
        }
        let scheme = &provider.spec().scheme;
        let keys = scheme.key(secrets).map_err(|bad| bad_secret(endpoint, bad))?;
        Ok(Self::new(keys, secrets, mismatches::likely(scheme, secrets)))
    }

    /// Secrets that were looked up. What a head shows is read before they are known.
    pub(super) fn resolved(
        endpoint: &str,
        provider: &Provider,
        secrets: &[Secret],
        is_of_tenant: bool,
    ) -> Result<Self, ConfigError> {
        if secrets.is_empty() {
            return Err(ConfigError::NoSecret { endpoint: endpoint.to_owned() });
        }
        if secrets.len() > MOST_RESOLVED {
            let (endpoint, given) = (endpoint.to_owned(), secrets.len());
            return Err(ConfigError::TooManySecrets { endpoint, given, most: MOST_RESOLVED });
        }
        let scheme = &provider.spec().scheme;
        let keys = scheme.key_all(secrets).map_err(|bad| bad_secret(endpoint, bad))?;
        let set = Self::new(keys, secrets, mismatches::likely(scheme, secrets));
        Ok(Self { used: Box::default(), is_looked_up: true, is_of_tenant, ..set })
    }

    /// Some of these, each with its place among all. The rest is shared: there may be such a set for each secret.
    #[cfg(feature = "resolver")]
    pub(super) fn some(
        &self,
        endpoint: &str,
        provider: &Provider,
        secrets: &[(usize, &Secret)],
    ) -> Result<Self, ConfigError> {
        let keys = provider.spec().scheme.key_some(secrets);
        Ok(Self {
            keys: keys.map_err(|bad| bad_secret(endpoint, bad))?,
            labels: Arc::clone(&self.labels),
            likely: Arc::clone(&self.likely),
            metrics: Arc::clone(&self.metrics),
            used: Box::default(),
            ..*self
        })
    }

    /// None, for an endpoint that looks its secrets up.
    pub(super) fn to_be_resolved(endpoint: &str, provider: &Provider) -> Result<Self, ConfigError> {
        let keys = provider.spec().scheme.key_all(&[]).map_err(|bad| bad_secret(endpoint, bad))?;
        Ok(Self { is_looked_up: true, ..Self::new(keys, &[], Arc::default()) })
    }

    /// A secret that nobody has.
    #[cfg(feature = "resolver")]
    pub(super) fn of_nobody(provider: &Provider, random: &[u8; 32]) -> Self {
        let keys = provider.spec().scheme.unknown_keys(random);
        let likely = "the resolver knows no tenant or no key of the name in the request, or the request \
                      has no name where it is looked for";
        Self { is_looked_up: true, ..Self::new(keys, &[], likely.into()) }
    }

    fn new(keys: Keyed, secrets: &[Secret], likely: Arc<str>) -> Self {
        Self {
            keys,
            labels: secrets.iter().map(Secret::shared_label).collect(),
            likely,
            metrics: Arc::default(),
            used: secrets.iter().map(|_| AtomicBool::new(false)).collect(),
            is_looked_up: false,
            is_of_tenant: false,
        }
    }

    /// Makes the series of its metrics, each with a zero.
    pub(crate) fn show(&self, endpoint: &Endpoint) {
        self.metrics.begin(endpoint);
    }

    /// A secret as it is shown: its label, else its index. Labels of tenants are theirs: they would make as
    /// many series of a metric as there are tenants.
    pub(crate) fn shown(&self, secret: usize) -> Cow<'_, str> {
        match self.labels.get(secret) {
            Some(Some(label)) if !self.is_of_tenant => Cow::Borrowed(label),
            _ => Cow::Owned(secret.to_string()),
        }
    }
}

fn bad_secret(endpoint: &str, bad: BadSecret) -> ConfigError {
    let endpoint = endpoint.to_owned();
    match bad {
        BadSecret::Unusable { index, expected } => {
            ConfigError::UnusableSecret { endpoint, position: index + 1, expected }
        }
        BadSecret::Ambiguous { index } => {
            ConfigError::AmbiguousSecret { endpoint, position: index + 1 }
        }
    }
}

impl Endpoint {
    pub(crate) fn secrets(&self) -> &SecretSet {
        &self.inner().secrets
    }

    /// Says that this secret has proven a delivery, so that an old one can be retired.
    pub(crate) fn note_secret(&self, secret: usize) {
        let set = self.secrets();
        set.metrics.matched(self, secret);
        if !set.is_looked_up
            && let Some(used) = set.used.get(secret)
            && !used.load(Ordering::Relaxed)
            && !used.swap(true, Ordering::Relaxed)
        {
            trace::secret_in_use(self, &set.shown(secret));
        }
    }
}
