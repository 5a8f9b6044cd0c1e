//! Which secrets an endpoint asks for, and for how long it keeps them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::name::NameFrom;
use super::{Erased, SecretResolver};
use crate::error::ConfigError;
use crate::request_head::RequestHead;

/// Secrets that are looked up for each delivery, by a name in its head: a tenant's. For
/// [`EndpointBuilder::resolve`](crate::EndpointBuilder::resolve) (feature `resolver`).
///
/// ```
/// use countersign::{Endpoint, ResolveError, ResolvedSecrets, Secret, TenantSecrets, catalogue};
///
/// # async fn ask_the_database(_: &str) -> Result<Vec<Secret>, ResolveError> { Ok(Vec::new()) }
/// let secrets = ResolvedSecrets::by_path("/webhooks/{tenant}/github", async |tenant: String| {
///     let secrets = ask_the_database(&tenant).await?;
///     Ok((!secrets.is_empty()).then(|| TenantSecrets::new(secrets)))
/// });
/// let endpoint = Endpoint::builder("github", catalogue::provider("github")?).resolve(secrets).build()?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
///
/// # What a sender sees
///
/// The head is judged first: a delivery without a signature is refused, and nothing is
/// looked up. A name that is not known is answered as a wrong signature is, after the same work: the body is
/// read and held against a key that nobody has. If the resolver fails, the answer is 503
/// [`secrets_unavailable`](crate::RejectionKind::SecretsUnavailable), and the provider retries.
///
/// The answer does not say which names exist, but time can: a name that was looked up lately is answered
/// sooner than one that was not, whether or not it exists; and a large body takes longer for a tenant with
/// two secrets. If the names of your tenants must stay unknown, put something into the path that cannot be guessed.
///
/// # What is looked up, and when
///
/// - One look-up at a time for each name, however many deliveries wait for it, and at most
///   [`concurrent`](Self::concurrent) for names that are new, and as many for those that were found before.
/// - What was found is used for [`fresh_for`](Self::fresh_for). After that, one delivery looks it up again while
///   the others use what is there. If the resolver fails, it is used for
///   [`usable_for`](Self::usable_for).
/// - Names that are not known are remembered for [`unknown_for`](Self::unknown_for), apart from the others: a flood
///   of them drives no tenant out of the cache.
/// - A delivery that matches none of the secrets looks them up once more, at most every
///   [`look_again_after`](Self::look_again_after) for each tenant: a secret that was changed in the database, and as
///   much later at the provider, is accepted from its first delivery on.
#[derive(Clone)]
#[must_use = "give it to `EndpointBuilder::resolve`"]
pub struct ResolvedSecrets {
    pub(super) resolver: Arc<dyn Erased>,
    pub(super) from: Result<NameFrom, ConfigError>,
    pub(super) key_id: Result<Option<NameFrom>, ConfigError>,
    pub(super) fresh_for: Duration,
    pub(super) usable_for: Duration,
    pub(super) unknown_for: Duration,
    pub(super) again_after: Duration,
    pub(super) timeout: Duration,
    pub(super) concurrent: usize,
    pub(super) capacity: usize,
}

impl ResolvedSecrets {
    /// By a segment of the path: `{tenant}` in a pattern such as `/webhooks/{tenant}/github`. It is held
    /// against the path as the layer sees it: where a router cuts something off (`nest` of axum does),
    /// leave that out.
    pub fn by_path(pattern: &str, resolver: impl SecretResolver) -> Self {
        Self::of(NameFrom::path(pattern), resolver)
    }

    /// By a header, which must be there once.
    pub fn by_header(name: &str, resolver: impl SecretResolver) -> Self {
        Self::of(NameFrom::header("by_header", name), resolver)
    }

    /// By the host that the request is for, in small letters and without the port.
    pub fn by_host(resolver: impl SecretResolver) -> Self {
        Self::of(Ok(NameFrom::Host), resolver)
    }

    /// By what this function finds in the head. It is called for each delivery that is signed, so it must
    /// be quick. A name may have up to 128 visible characters of ASCII.
    pub fn by<F>(name: F, resolver: impl SecretResolver) -> Self
    where
        F: Fn(&dyn RequestHead) -> Option<String> + Send + Sync + 'static,
    {
        Self::of(Ok(NameFrom::Head(Arc::new(name))), resolver)
    }

    /// The same secrets for all deliveries, without a tenant: keys that a provider publishes and changes, or
    /// a secret in a vault.
    pub fn for_all(resolver: impl SecretResolver) -> Self {
        Self { again_after: Duration::from_secs(60), ..Self::of(Ok(NameFrom::All), resolver) }
    }

    fn of(from: Result<NameFrom, ConfigError>, resolver: impl SecretResolver) -> Self {
        Self {
            resolver: Arc::new(resolver),
            from,
            key_id: Ok(None),
            fresh_for: Duration::from_secs(60),
            usable_for: Duration::from_secs(60 * 60),
            unknown_for: Duration::from_secs(30),
            again_after: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            concurrent: 16,
            capacity: 10_000,
        }
    }

    /// The header in which a delivery names the key that it is signed with, for providers that publish
    /// several: the secret with this [`key_id`](crate::Secret::key_id) is tried, with those that have
    /// none, and no other. Deliveries without the header are held against all of them.
    ///
    /// The name chooses among the keys that the resolver found, and proves nothing. A key that is not among
    /// them causes a look-up, if the last one was [`look_again_after`](Self::look_again_after) ago. If it
    /// was not, the sender is answered 503, because the key may be new; its retry is held against the keys
    /// of then. A wrong signature under a known name looks nothing up.
    pub fn key_id_header(mut self, name: &str) -> Self {
        self.key_id = NameFrom::header("key_id_header", name).map(Some);
        self
    }

    /// As [`key_id_header`](Self::key_id_header), for a name that is somewhere else in the head. The function
    /// is called for each delivery that is signed, so it must be quick.
    pub fn key_id_by<F>(mut self, key_id: F) -> Self
    where
        F: Fn(&dyn RequestHead) -> Option<String> + Send + Sync + 'static,
    {
        self.key_id = Ok(Some(NameFrom::Head(Arc::new(key_id))));
        self
    }

    /// How long secrets are used before they are looked up again. A secret that is taken away is still
    /// accepted for as long. Defaults to a minute.
    pub fn fresh_for(mut self, time: Duration) -> Self {
        self.fresh_for = time;
        self
    }

    /// How long secrets are used while the resolver fails; at least
    /// [`fresh_for`](Self::fresh_for). Defaults to an hour.
    pub fn usable_for(mut self, time: Duration) -> Self {
        self.usable_for = time;
        self
    }

    /// How long it is remembered that a name is not known. A new tenant whose name was asked for
    /// before is refused for as long. Defaults to 30 s.
    pub fn unknown_for(mut self, time: Duration) -> Self {
        self.unknown_for = time;
        self
    }

    /// How long after a look-up a delivery that matches none of a tenant's secrets may look them up
    /// again. Defaults to 5 s, and to a minute for [`for_all`](Self::for_all).
    pub fn look_again_after(mut self, time: Duration) -> Self {
        self.again_after = time;
        self
    }

    /// How long a delivery waits for a look-up. Then its old secrets are used, or it is answered 503.
    /// Defaults to 2 s. Without a
    /// [runtime](crate::ReceiverBuilder::runtime), which the adapters bring, there is no limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many look-ups run at once; more wait. There are as many again for tenants that were found before, so
    /// that a flood of unknown names does not hold theirs up. Defaults to 16.
    pub fn concurrent(mut self, lookups: usize) -> Self {
        self.concurrent = lookups;
        self
    }

    /// How many tenants' secrets are kept, and as many names that are not known. Defaults to 10 000.
    pub fn capacity(mut self, tenants: usize) -> Self {
        self.capacity = tenants;
        self
    }

    /// With where the names of tenants and of keys are.
    pub(super) fn checked(self) -> Result<(NameFrom, Option<NameFrom>, Self), ConfigError> {
        let zeros = [
            ("fresh_for", self.fresh_for.is_zero()),
            ("unknown_for", self.unknown_for.is_zero()),
            ("look_again_after", self.again_after.is_zero()),
            ("timeout", self.timeout.is_zero()),
            ("concurrent", self.concurrent == 0),
            ("capacity", self.capacity == 0),
        ];
        if let Some((field, _)) = zeros.into_iter().find(|(_, zero)| *zero) {
            return Err(ConfigError::Zero { field });
        }
        let (from, key_id) = (self.from.clone()?, self.key_id.clone()?);
        Ok((from, key_id, self))
    }
}

impl fmt::Debug for ResolvedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedSecrets")
            .field("fresh_for", &self.fresh_for)
            .field("usable_for", &self.usable_for)
            .finish_non_exhaustive()
    }
}
