//! Secrets that are replaced while the endpoint is in use.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::{Endpoint, Inner, SecretSet};
use crate::error::ConfigError;
use crate::key::KeyHasher;
use crate::secret::Secret;
use crate::trace;

/// The endpoint with the secrets that are valid now, once they were replaced. Until then it is empty, and
/// costs a delivery one look.
#[derive(Default)]
pub(super) struct Replaced(OnceLock<RwLock<Endpoint>>);

impl Endpoint {
    /// Replaces the secrets while deliveries come in, the current one first: for this endpoint, all its
    /// clones and the receivers that were made of it. It is one step: each delivery is proven with
    /// the set that was valid when its head was read, and none is refused because of the change.
    ///
    /// To change a secret without refusing a delivery: set the new one and the old one, change it
    /// at the provider, and when [`secret_label`](crate::Delivery::secret_label), the log or the metric
    /// `countersign_secret_matches_total` show that the old one is out of use, set the new one alone.
    ///
    /// ```
    /// use countersign::{Endpoint, Secret, providers::piora};
    ///
    /// let old = Secret::new("the old secret")?.labeled("2025");
    /// let endpoint = Endpoint::builder("piora", piora::provider()).secret(old.clone()).build()?;
    ///
    /// let new = Secret::new("the new secret")?.labeled("2026");
    /// endpoint.replace_secrets([new, old])?;
    ///
    /// // A bad set changes nothing: the last good one stays.
    /// assert!(endpoint.replace_secrets([]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The [`ConfigError`] that [`EndpointBuilder::build`](crate::EndpointBuilder::build) would give for
    /// these secrets, or one that says that they are looked up (`resolve`). Nothing has changed then.
    pub fn replace_secrets(
        &self,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Result<(), ConfigError> {
        if self.0.resolved.is_some() {
            return Err(ConfigError::SetTwice { first: "resolve", second: "replace_secrets" });
        }
        let secrets: Vec<Secret> = secrets.into_iter().collect();
        if let Some(token) = &self.inner().verify_token
            && let Some(index) = secrets.iter().position(|secret| token.is_secret(secret))
        {
            let (endpoint, position) = (self.name().to_owned(), index + 1);
            return Err(ConfigError::VerifyTokenIsSecret { endpoint, position });
        }
        let set = SecretSet::of(self.name(), self.provider(), &secrets)?;
        let next = self.with(set, self.0.key_hasher.clone(), self.0.tenant.clone());
        next.secrets().show(&next);
        let mut first = Some(next);
        let place = self
            .0
            .replaced
            .0
            .get_or_init(|| RwLock::new(first.take().unwrap_or_else(|| self.clone())));
        if let Some(next) = first {
            *place.write().unwrap_or_else(PoisonError::into_inner) = next;
        }
        trace::secrets_replaced(self, secrets.len());
        Ok(())
    }

    /// The endpoint with the secrets that are valid now, if they were replaced.
    #[inline]
    pub(crate) fn replaced(&self) -> Option<Endpoint> {
        let place = self.0.replaced.0.get()?;
        Some(place.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// This endpoint with other secrets, and other keys of events where these are of a tenant.
    pub(super) fn with(
        &self,
        secrets: SecretSet,
        key_hasher: KeyHasher,
        tenant: Option<Arc<str>>,
    ) -> Self {
        Self(Arc::new(Inner {
            settings: self.0.settings.clone(),
            secrets,
            key_hasher,
            tenant,
            replaced: Replaced::default(),
            resolved: None,
        }))
    }
}
