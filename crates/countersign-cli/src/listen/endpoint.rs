//! An endpoint of a listener, with what the inspector may know of it.

use std::fmt;

use countersign::{Endpoint, Secret};

use super::{Current, Mount};

/// An endpoint at its path. Whoever looks at deliveries in the [inspector](crate::Listener::inspect) needs its
/// secrets: an [`Endpoint`] shows them to nobody.
///
/// ```
/// use countersign::{Endpoint, Secret, catalogue};
/// use countersign_cli::ListenEndpoint;
///
/// let secret = Secret::new("It's a Secret")?;
/// let endpoint = Endpoint::builder("github", catalogue::provider("github")?)
///     .secret(secret.clone())
///     .build()?;
/// let endpoint = ListenEndpoint::new(endpoint).path("/hooks").secrets([secret]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "it is given to `Listener::endpoint`"]
pub struct ListenEndpoint {
    current: Current,
    path: Option<String>,
}

impl ListenEndpoint {
    /// An endpoint at `/webhooks/` and its name.
    pub fn new(endpoint: Endpoint) -> Self {
        let current = Current::new(endpoint, Vec::new(), None);
        Self { current, path: None }
    }

    /// A path of your choice.
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The endpoint's secrets, the current one first. The inspector then says why a delivery is refused,
    /// and signs replays.
    pub fn secrets(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.current.secrets = secrets.into_iter().collect();
        self
    }

    /// The private key that signs replays, for a provider whose secret is a public key.
    pub fn signing_key(mut self, key: Secret) -> Self {
        self.current.signing_key = Some(key);
        self
    }

    pub(super) fn mount(self) -> Mount {
        Mount::fixed(self.current, self.path)
    }
}

impl From<Endpoint> for ListenEndpoint {
    fn from(endpoint: Endpoint) -> Self {
        Self::new(endpoint)
    }
}

impl fmt::Debug for ListenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenEndpoint")
            .field("name", &self.current.endpoint.name())
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
