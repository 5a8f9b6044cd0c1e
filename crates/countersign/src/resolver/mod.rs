//! Secrets that live outside of the process: of many tenants behind one endpoint, or keys that a provider
//! publishes and changes.

mod error;
mod flights;
mod known;
mod lookups;
mod name;
mod resolving;
mod settings;

use std::future::Future;
use std::pin::Pin;

pub use error::ResolveError;
pub(crate) use lookups::Lookups;
pub(crate) use resolving::Resolving;
pub use settings::ResolvedSecrets;

use crate::secret::Secret;

/// Finds the secrets of a tenant: in a database, a vault, a file, or at an address where a provider
/// publishes its keys. Give it to [`ResolvedSecrets`].
///
/// A closure or a function that takes a `String` is one, too:
///
/// ```
/// use countersign::{ResolveError, ResolvedSecrets, Secret, TenantSecrets};
///
/// async fn of_tenant(tenant: String) -> Result<Option<TenantSecrets>, ResolveError> {
///     // … ask a database; here there is one tenant.
///     Ok(match tenant.as_str() {
///         "acme" => Some(TenantSecrets::new([Secret::new("the secret of acme")?])),
///         _ => None,
///     })
/// }
///
/// let secrets = ResolvedSecrets::by_path("/webhooks/{tenant}/github", of_tenant);
/// ```
pub trait SecretResolver: Send + Sync + 'static {
    /// The secrets of this tenant; `None` if there is no such tenant. For
    /// [`ResolvedSecrets::for_all`] the name is empty.
    ///
    /// The name comes from the request of somebody who is not known yet: it is at most 128 visible
    /// characters of ASCII, and may be anything within that. Take it as data, never as a part of a query's
    /// text, of a path or of a URL.
    ///
    /// The future runs in a task of its own, beside those of requests, and is dropped when it has taken longer than
    /// [`timeout`](ResolvedSecrets::timeout); it must be right to ask again then. Without a
    /// [runtime](crate::ReceiverBuilder::runtime), which the adapters bring, it runs in the delivery that asked
    /// first, and is dropped with it.
    ///
    /// # Errors
    ///
    /// If it cannot be said whether there is such a tenant, or what its secrets are. The sender is
    /// answered 503 then and retries, unless there are secrets from before. The error is in the log, so it
    /// must not contain a secret.
    fn resolve(
        &self,
        tenant: &str,
    ) -> impl Future<Output = Result<Option<TenantSecrets>, ResolveError>> + Send;
}

impl<F, Fut> SecretResolver for F
where
    F: Fn(String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<TenantSecrets>, ResolveError>> + Send,
{
    async fn resolve(&self, tenant: &str) -> Result<Option<TenantSecrets>, ResolveError> {
        self(tenant.to_owned()).await
    }
}

/// The secrets that a tenant has now, and the tenant's name.
#[derive(Clone, Debug)]
pub struct TenantSecrets {
    secrets: Vec<Secret>,
    name: Option<Box<str>>,
}

impl TenantSecrets {
    /// These secrets, the current one first. A tenant without a secret is answered as one that is not
    /// known. More than 64 are an error of the look-up
    /// ([`TooManySecrets`](crate::ConfigError::TooManySecrets)): whoever sends a forged delivery that names no
    /// key has it held against each of them.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        Self { secrets: secrets.into_iter().collect(), name: None }
    }

    /// The name by which the tenant is known to your program, where the request may write it in several
    /// ways: `acme` for a look-up that ignores case and was asked for `ACME`. It is what handlers see and
    /// what keeps the events of tenants apart. Without it, that is the name in the request.
    ///
    /// **This is needed wherever two names find the same secrets.** The name is not signed: a captured
    /// delivery could be sent again under the other name, and would be a new event.
    #[must_use]
    pub fn named(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// A resolver of any type.
pub(crate) trait Erased: Send + Sync {
    fn resolve<'a>(&'a self, tenant: &'a str) -> BoxAnswer<'a>;
}

pub(crate) type BoxAnswer<'a> =
    Pin<Box<dyn Future<Output = Result<Option<TenantSecrets>, ResolveError>> + Send + 'a>>;

impl<R: SecretResolver> Erased for R {
    fn resolve<'a>(&'a self, tenant: &'a str) -> BoxAnswer<'a> {
        Box::pin(SecretResolver::resolve(self, tenant))
    }
}
