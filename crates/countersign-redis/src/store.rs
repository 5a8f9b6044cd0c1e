//! The store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign::{
    Attempt, ClaimToken, Claimed, EventKey, EventState, Forgotten, Parked, ParkedNote,
    RELEASED_FOR, Settled, Store, StoreError, StoreStats,
};
use redis::aio::ConnectionManager;
use redis::{Cmd, IntoConnectionInfo, RedisResult};

use crate::builder::RedisStoreBuilder;
use crate::connection::{Connection, Link};
use crate::encoding::{Mark, Prefix, millis, released_key};
use crate::error::{ConnectError, says, store_error};
use crate::probe::{Probe, refusal};
use crate::report::ServerReport;
use crate::script::{Arguments, Scripts};

/// A store in Redis or Valkey. Clones share it and its connection.
///
/// What it promises and what a server's settings take away from that is on the
/// [crate's page](crate).
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use countersign::{Endpoint, Receiver, Secret, providers::hostwares};
/// use countersign_redis::RedisStore;
///
/// let endpoint = Endpoint::builder("hostwares", hostwares::provider())
///     .secret(Secret::from_env("HOSTWARES_WEBHOOK_SECRET")?)
///     .build()?;
/// let store = RedisStore::connect("redis://127.0.0.1/").await?;
/// let receiver = Receiver::new(endpoint, store);
/// # Ok(())
/// # }
/// ```
pub struct RedisStore<C = ConnectionManager>(Arc<Inner<C>>);

pub(crate) struct Inner<C> {
    pub(crate) link: Link<C>,
    pub(crate) prefix: Prefix,
    pub(crate) scripts: Scripts,
}

impl RedisStore {
    /// Connects to a server and checks its settings and permissions: see
    /// [`RedisStoreBuilder::connect`].
    ///
    /// # Errors
    ///
    /// If the address is malformed, the server does not answer, or it does not allow or know a
    /// command that the store needs.
    pub async fn connect(server: impl IntoConnectionInfo) -> Result<Self, ConnectError> {
        Self::builder().connect(server).await
    }

    /// A store with settings of your own.
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }
}

impl<C: Connection> RedisStore<C> {
    /// A store over a connection of your own, such as a [`ConnectionManager`] or redis'
    /// `ClusterConnection`: see [`RedisStoreBuilder::build`].
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), redis::RedisError> {
    /// use countersign_redis::{RedisStore, redis};
    ///
    /// let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let store = RedisStore::new(client.get_connection_manager().await?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(connection: C) -> Self {
        let RedisStoreBuilder { timeout, .. } = RedisStoreBuilder::new();
        Self::over(Link::over(connection, timeout), Prefix::default())
    }

    pub(crate) fn over(link: Link<C>, prefix: Prefix) -> Self {
        Self(Arc::new(Inner { link, prefix, scripts: Scripts::new() }))
    }

    /// Asks the server for the settings that the store's promises depend on, and runs every script
    /// once, for a start-up check or a health page. What a server forbids to ask is left unknown.
    ///
    /// The scripts work on a key of the store's prefix that no event has, which is removed again. A
    /// server that takes no writes now (a replica, or one without room) passes. The questions and
    /// the scripts may each take as long as a [call](RedisStoreBuilder::timeout).
    ///
    /// # Errors
    ///
    /// If the server does not answer, or refuses or does not know a command that the store needs.
    /// The error names the command, and the ACL rule that the user needs.
    pub async fn check(&self) -> Result<ServerReport, StoreError> {
        let Inner { link, prefix, scripts } = &*self.0;
        let report = link.within_time(ServerReport::ask(link)).await.map_err(store_error)?;
        let probe = Probe::new(prefix)?;
        let probed = link.within_time(probe.run(link, scripts)).await;
        probed.map_err(|error| refusal(error, prefix))?;
        Ok(report)
    }
}

impl<C: Connection> Inner<C> {
    async fn claim(&self, key: &[u8], token: ClaimToken, lease: u64) -> RedisResult<Claimed> {
        // Most claims are of an event that nobody has seen: one plain command. If that changed
        // nothing, the script decides, all over again and in one step. A token that was released
        // cannot pass here: its release leaves something under the event's key.
        let mark = &Mark::claimed(token);
        let resent = self.link.resent();
        let mut set = Cmd::with_capacity(6, key.len() + 64);
        set.arg("SET").arg(key).arg(mark.as_bytes()).arg("NX").arg("PX").arg(lease);
        match self.link.send::<Option<()>>(&set).await {
            Ok(Some(())) => return Ok(Claimed::Fresh),
            Ok(None) => {}
            // A server without room still knows what it holds.
            Err(error) if says(&error, "OOM") => {}
            Err(error) => return Err(error),
        }
        let released = released_key(key, token);
        let keys: &[&[u8]] = &[key, &released];
        let arguments = Arguments { keys, marks: &[mark], millis: Some(lease), text: None };
        let claimed = match self.scripts.claim.run::<_, i64>(&self.link, &arguments).await {
            Ok(-1) => return Ok(Claimed::Fresh),
            Ok(-2) => Ok(Claimed::Done),
            Ok(left) => Ok(Claimed::InFlight {
                retry_after: Duration::from_millis(left.try_into().unwrap_or(0)),
            }),
            Err(error) if says(&error, "OOM") => Err(error),
            Err(error) => return Err(error),
        };
        if self.link.resent() != resent {
            // What was sent first may arrive when the event is free, and nobody would settle it.
            self.release(keys, mark).await?;
        }
        claimed
    }

    async fn release(&self, keys: &[&[u8]], mark: &Mark) -> RedisResult<i64> {
        let arguments =
            Arguments { keys, marks: &[mark], millis: Some(millis(RELEASED_FOR)), text: None };
        // A release often follows a claim that was not answered. A server that was frozen then reads
        // both when it wakes up, and must not find a script that it does not know.
        self.scripts.release.run_whole(&self.link, &arguments).await
    }
}

impl<C: Connection> Store for RedisStore<C> {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        let Inner { link, prefix, .. } = &*self.0;
        let key = prefix.key(key);
        let step = self.0.claim(&key, token, millis(lease));
        link.within_time(step).await.map_err(store_error)
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        let Inner { link, prefix, scripts } = &*self.0;
        let (key, claimed, done) = (prefix.key(key), Mark::claimed(token), Mark::done(token));
        let millis = Some(millis(retention));
        let arguments = Arguments { keys: &[&key], marks: &[&claimed, &done], millis, text: None };
        settled(link.within_time(scripts.complete.run(link, &arguments)).await)
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        let Inner { link, prefix, .. } = &*self.0;
        let (key, claimed) = (prefix.key(key), Mark::claimed(token));
        let released = released_key(&key, token);
        settled(link.within_time(self.0.release(&[&key, &released], &claimed)).await)
    }

    async fn forget(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        self.0.link.within_time(self.0.forget(key)).await.map_err(store_error)
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        let attempt = self.0.attempt(key, token, keep);
        self.0.link.within_time(attempt).await.map_err(store_error)
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        self.0.link.within_time(self.0.uncount(key, token)).await.map_err(store_error)
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        settled(self.0.link.within_time(self.0.park(key, token, keep, note)).await)
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        self.0.parked(limit).await
    }

    async fn parked_event(&self, key: EventKey) -> Result<Option<Parked>, StoreError> {
        self.0.link.within_time(self.0.parked_event(key)).await.map_err(store_error)
    }

    async fn state(&self, key: EventKey) -> Result<EventState, StoreError> {
        self.0.link.within_time(self.0.state(key)).await.map_err(store_error)
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.0.stats().await
    }

    fn name(&self) -> &'static str {
        "redis"
    }
}

fn settled(answer: RedisResult<i64>) -> Result<Settled, StoreError> {
    match answer {
        Ok(0) => Ok(Settled::Lost),
        Ok(_) => Ok(Settled::Settled),
        Err(error) => Err(store_error(error)),
    }
}

impl<C> Clone for RedisStore<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the connection: it knows the password.
        f.debug_struct("RedisStore")
            .field("prefix", &self.0.prefix.as_str())
            .finish_non_exhaustive()
    }
}
