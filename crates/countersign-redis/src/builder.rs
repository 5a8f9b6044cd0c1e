//! Making a store.

use std::time::Duration;

use redis::aio::ConnectionManager;
#[cfg(feature = "cluster")]
use redis::cluster_async::ClusterConnection;
use redis::{Client, IntoConnectionInfo};

use crate::connection::{Connection, Link};
use crate::encoding::Prefix;
use crate::error::{ConfigError, ConnectError, store_error};
use crate::report::{Eviction, ServerReport};
use crate::store::RedisStore;

/// Makes a [`RedisStore`]; start with [`RedisStore::builder`].
///
/// ```no_run
/// # async fn example() -> Result<(), countersign_redis::ConnectError> {
/// use countersign_redis::RedisStore;
///
/// let store = RedisStore::builder()
///     .prefix("shop:webhooks:")
///     .refuse_eviction()
///     .connect("redis://127.0.0.1/")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "call `connect` or `build`"]
pub struct RedisStoreBuilder {
    prefix: String,
    pub(crate) timeout: Duration,
    refuse_eviction: bool,
}

impl RedisStoreBuilder {
    pub(crate) fn new() -> Self {
        Self {
            prefix: Prefix::DEFAULT.to_owned(),
            timeout: Duration::from_millis(1_500),
            refuse_eviction: false,
        }
    }

    /// What every key starts with: 1 to 64 ASCII letters, digits and `: . _ - /`. Defaults to
    /// `countersign:`.
    ///
    /// Deployments that share a server, such as staging and production, need a prefix each. Braces
    /// are refused because they would put all keys on one node of a cluster.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a call may take, with whatever connecting it needs. Defaults to 1.5 s.
    ///
    /// Keep it below the two seconds that the core waits for a store: a store that runs out of time
    /// by itself notices when its connection is dead and makes a new one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Refuses to connect to a server that may drop keys when its memory is full. Defaults to an
    /// event at `error` level.
    pub fn refuse_eviction(mut self) -> Self {
        self.refuse_eviction = true;
        self
    }

    /// Connects to a server and checks its settings and permissions: see [`RedisStore::check`].
    ///
    /// An address is a URL, `redis://[user][:password@]host[:port][/database]`, `rediss://…` for TLS
    /// (feature `tls-rustls`), `unix://…` for a socket, or a [`redis::ConnectionInfo`].
    ///
    /// # Errors
    ///
    /// If the prefix or the address is malformed, the server does not answer, it does not allow or
    /// know a command that the store needs, or it may evict keys and that is to be refused.
    pub async fn connect(
        self,
        server: impl IntoConnectionInfo,
    ) -> Result<RedisStore, ConnectError> {
        let prefix = Prefix::new(&self.prefix)?;
        let client = Client::open(server).map_err(ConnectError::Address)?;
        let link = Link::<ConnectionManager>::to(client, self.timeout);
        let link = link.map_err(|error| ConnectError::Server(store_error(error)))?;
        checked(RedisStore::over(link, prefix), self.refuse_eviction).await
    }

    /// Connects to a Redis Cluster, of which at least one of these nodes must answer, and checks the
    /// settings of all of its primaries and the permissions on one: see [`RedisStore::check`].
    ///
    /// Addresses are as for [`connect`](Self::connect). What a cluster promises, and what it does not, is
    /// on the [crate's page](crate#a-cluster).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), countersign_redis::ConnectError> {
    /// use countersign_redis::RedisStore;
    ///
    /// let nodes = ["redis://10.0.0.1/", "redis://10.0.0.2/", "redis://10.0.0.3/"];
    /// let store = RedisStore::builder().connect_cluster(nodes).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    #[cfg(feature = "cluster")]
    pub async fn connect_cluster<T: IntoConnectionInfo>(
        self,
        nodes: impl IntoIterator<Item = T>,
    ) -> Result<RedisStore<ClusterConnection>, ConnectError> {
        let prefix = Prefix::new(&self.prefix)?;
        let link = Link::<ClusterConnection>::to_cluster(nodes, self.timeout);
        let link = link.map_err(ConnectError::Address)?;
        checked(RedisStore::over(link, prefix), self.refuse_eviction).await
    }

    /// Makes a store over a connection of your own: a [`ConnectionManager`] with your settings, or
    /// redis' `ClusterConnection`. Asks the server nothing; call [`RedisStore::check`] yourself.
    ///
    /// It is the connection's to reconnect. A [`ConnectionManager`] does not when the server behind
    /// it has become a replica, has refused a login once, or is silent; a store that
    /// [connects](Self::connect) by itself then takes a new one.
    ///
    /// # Errors
    ///
    /// If the prefix is malformed.
    pub fn build<C: Connection>(self, connection: C) -> Result<RedisStore<C>, ConfigError> {
        let prefix = Prefix::new(&self.prefix)?;
        Ok(RedisStore::over(Link::over(connection, self.timeout), prefix))
    }
}

/// The store, if its server is fit for it.
async fn checked<C: Connection>(
    store: RedisStore<C>,
    refuse_eviction: bool,
) -> Result<RedisStore<C>, ConnectError> {
    let report = store.check().await.map_err(ConnectError::Server)?;
    log_settings(&report);
    match report.eviction {
        Eviction::Possible { policy } if refuse_eviction => Err(ConnectError::Eviction { policy }),
        _ => Ok(store),
    }
}

/// Logs what the operator must know, at the start, where it is read.
fn log_settings(report: &ServerReport) {
    match &report.eviction {
        Eviction::Never => {}
        Eviction::Possible { policy } => tracing::error!(
            maxmemory_policy = policy,
            "this Redis server drops keys when its memory is full: handled events will be handled \
             again. Set maxmemory-policy to noeviction"
        ),
        Eviction::Unknown => tracing::warn!(
            "this Redis server does not show its maxmemory-policy. Make sure that it is noeviction, \
             or handled events will be handled again when its memory is full"
        ),
    }
    if report.replica == Some(true) {
        tracing::error!("this Redis server is a replica: it will refuse every claim");
    }
    if report.append_only == Some(false) {
        tracing::warn!(
            "this Redis server writes no append-only file: after a restart, events that it handled \
             last, or all, will be handled again"
        );
    }
}
