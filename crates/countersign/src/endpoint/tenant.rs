//! An endpoint for one tenant of several.

use std::sync::Arc;

use super::{Endpoint, SecretSet};
use crate::error::ConfigError;
use crate::resolver::Lookups;
use crate::secret::Secret;

impl Endpoint {
    /// This endpoint for one tenant, with the tenant's secrets, the current one first: for a program that
    /// finds them itself. Its events are kept apart from those of other tenants. With a
    /// [`Receiver`](crate::Receiver), `EndpointBuilder::resolve` (feature `resolver`) does all of that.
    ///
    /// # Errors
    ///
    /// The [`ConfigError`] that [`EndpointBuilder::build`](crate::EndpointBuilder::build) would give for
    /// these secrets, or [`ConfigError::TooManySecrets`] for more than 64.
    pub fn for_tenant(
        &self,
        tenant: &str,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Result<Self, ConfigError> {
        let secrets: Vec<Secret> = secrets.into_iter().collect();
        self.with_resolved(Some(tenant), &secrets)
    }

    /// With secrets that were looked up.
    pub(crate) fn with_resolved(
        &self,
        tenant: Option<&str>,
        secrets: &[Secret],
    ) -> Result<Self, ConfigError> {
        let of_tenant = tenant.is_some();
        let set = SecretSet::resolved(self.name(), self.provider(), secrets, of_tenant)?;
        let key_hasher = self.0.key_hasher.clone();
        let key_hasher = match tenant {
            Some(tenant) => key_hasher.tenant(tenant),
            None => key_hasher,
        };
        Ok(self.with(set, key_hasher, tenant.map(Into::into)))
    }

    /// The same for deliveries that are held against some of these secrets alone.
    #[cfg(feature = "resolver")]
    pub(crate) fn with_some(&self, secrets: &[(usize, &Secret)]) -> Result<Self, ConfigError> {
        let set = self.secrets().some(self.name(), self.provider(), secrets)?;
        Ok(self.with(set, self.0.key_hasher.clone(), self.0.tenant.clone()))
    }

    /// The endpoint of those that are not known: nobody has its key.
    #[cfg(feature = "resolver")]
    pub(crate) fn of_nobody(&self, random: &[u8; 32]) -> Self {
        let set = SecretSet::of_nobody(self.provider(), random);
        self.with(set, self.0.key_hasher.clone(), None)
    }

    /// Where its secrets are looked up.
    #[inline]
    pub(crate) fn lookups(&self) -> Option<&Arc<Lookups>> {
        self.0.resolved.as_ref()
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// Forgets what was looked up for a tenant, for a program that knows that its secrets have changed: the
    /// next delivery looks them up. The name is the one in requests. Where several processes receive, each
    /// has to be asked.
    #[cfg(feature = "resolver")]
    pub fn forget_secrets_of(&self, name: &str) {
        if let Some(lookups) = self.lookups() {
            lookups.forget(name);
        }
    }
}
