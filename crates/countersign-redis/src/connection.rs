//! The way to the server: how long a call may take, and what mends a connection.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
#[cfg(feature = "cluster")]
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::{Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind};
#[cfg(feature = "cluster")]
use redis::{IntoConnectionInfo, cluster_async::ClusterConnection};

use crate::error::says;

/// A connection that a [`RedisStore`](crate::RedisStore) can work with: one that many tasks share by
/// cloning it.
///
/// [`ConnectionManager`] is one; so are redis' `ClusterConnection` and every other type that fits.
pub trait Connection: ConnectionLike + Clone + Send + Sync + 'static {}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Connection for C {}

/// How long nothing but silence makes a connection a lost one.
///
/// It is not given up at the first call that runs out of time: what a frozen server has not read
/// yet it reads in order, so a release that follows an unanswered claim on the same connection is
/// also carried out after it.
const SILENCE: Duration = Duration::from_secs(5);

/// The least time between two connections that replace one another.
const PAUSE: Duration = Duration::from_millis(100);

/// The same for connections to a cluster. There, silence is one node's, while others answer: the first
/// call that runs out of time asks the cluster anew who has its key, and not more often than this.
#[cfg(feature = "cluster")]
const CLUSTER_PAUSE: Duration = SILENCE;

/// A connection with a time limit that is made anew when it is of no use any more.
pub(crate) struct Link<C> {
    current: RwLock<Current<C>>,
    renew: Option<Renew<C>>,
    timeout: Duration,
    /// How long calls run out of time before the connection is replaced.
    silence: Duration,
    pause: Duration,
    start: Instant,
    /// When calls began to run out of time, in ms since `start`; 0: they do not.
    silent_since: AtomicU64,
    /// How many commands were sent a second time.
    resent: AtomicU64,
}

struct Current<C> {
    connection: C,
    generation: u64,
    since: Instant,
}

type Renew<C> = Box<dyn Fn() -> RedisResult<C> + Send + Sync>;

impl Link<ConnectionManager> {
    /// A link with connections of its own. Connects with the first call.
    pub(crate) fn to(client: Client, timeout: Duration) -> RedisResult<Self> {
        // The manager connects again when it finds its connection closed. It tries once for each
        // call that needs it: no pause grows while a server is down, so the first call after an
        // outage finds it up again. Calls are limited here, for all that they wait for.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(1024);
        let renew = move || ConnectionManager::new_lazy_with_config(client.clone(), config.clone());
        let mut link = Self::over(renew()?, timeout);
        link.renew = Some(Box::new(renew));
        Ok(link)
    }
}

#[cfg(feature = "cluster")]
impl Link<ClusterConnection> {
    /// A link to a cluster. Connects with the first call.
    pub(crate) fn to_cluster<T: IntoConnectionInfo>(
        nodes: impl IntoIterator<Item = T>,
        timeout: Duration,
    ) -> RedisResult<Self> {
        // It repeats by itself what a node sends elsewhere, or will answer in a moment. It must not
        // repeat what is only late: then nobody would know that a claim is twice on its way.
        let client = ClusterClient::builder(nodes)
            .connection_timeout(timeout / 2)
            .overall_response_timeout(None)
            .min_retry_wait(10)
            .max_retry_wait(100)
            .build()?;
        let renew =
            move || Ok(client.get_pending_async_connection_with_config(ClusterConfig::new()));
        let mut link = Self::over(renew()?, timeout);
        link.renew = Some(Box::new(renew));
        (link.silence, link.pause) = (Duration::ZERO, CLUSTER_PAUSE);
        Ok(link)
    }
}

impl<C: Connection> Link<C> {
    /// A link over a connection of the user's, which reconnects by itself or does not.
    pub(crate) fn over(connection: C, timeout: Duration) -> Self {
        let start = Instant::now();
        Self {
            current: RwLock::new(Current { connection, generation: 0, since: start }),
            renew: None,
            timeout,
            silence: SILENCE,
            pause: PAUSE,
            start,
            silent_since: AtomicU64::new(0),
            resent: AtomicU64::new(0),
        }
    }

    /// Gives a step the time that a call may take.
    pub(crate) async fn within_time<T>(
        &self,
        step: impl Future<Output = RedisResult<T>>,
    ) -> RedisResult<T> {
        let (_, generation) = self.current();
        match tokio::time::timeout(self.timeout, step).await {
            Ok(answer) => answer,
            Err(_) => {
                self.heard_nothing(generation);
                let limit = format!("the server has not answered within {:?}", self.timeout);
                Err(io::Error::new(io::ErrorKind::TimedOut, limit).into())
            }
        }
    }

    /// Sends a command that may be sent twice: once more if the connection was the problem.
    pub(crate) async fn send<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let (mut connection, generation) = self.current();
        let answer = match command.query_async(&mut connection).await {
            Err(error) if self.mend(&error, generation) => {
                self.resent.fetch_add(1, Ordering::Relaxed);
                let (mut connection, _) = self.current();
                command.query_async(&mut connection).await
            }
            answer => answer,
        };
        self.silent_since.store(0, Ordering::Relaxed);
        answer
    }

    /// How many commands were sent a second time so far. While this stays the same, what was sent
    /// meanwhile and has been answered is not on its way any more.
    pub(crate) fn resent(&self) -> u64 {
        self.resent.load(Ordering::Relaxed)
    }

    /// Whether trying once more makes sense after this error.
    fn mend(&self, error: &RedisError, generation: u64) -> bool {
        match error.kind() {
            // The manager is connecting already: it does so when it meets a closed connection, or a
            // failed attempt from the time of the outage.
            ErrorKind::Io => true,
            // What the manager does not connect again for. A refused login or another error during
            // the greeting would stay with it for ever, and a server that has become a replica would
            // keep the connection.
            ErrorKind::AuthenticationFailed
            | ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::ResponseError) => {
                self.renew(generation)
            }
            _ if says(error, "NOAUTH") => self.renew(generation),
            _ => false,
        }
    }

    fn heard_nothing(&self, generation: u64) {
        let now = self.start.elapsed().as_millis().try_into().unwrap_or(u64::MAX).max(1);
        let first =
            self.silent_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        let since = first.map_or_else(|since| since, |_| now);
        if u128::from(now.saturating_sub(since)) >= self.silence.as_millis()
            && self.renew(generation)
        {
            self.silent_since.store(0, Ordering::Relaxed);
        }
    }

    /// Replaces the connection, unless somebody has. Tells whether there is a newer one.
    fn renew(&self, generation: u64) -> bool {
        let Some(renew) = &self.renew else { return false };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.generation != generation {
            return true;
        }
        if current.since.elapsed() < self.pause {
            return false;
        }
        let Ok(connection) = renew() else { return false };
        let generation = generation.wrapping_add(1);
        *current = Current { connection, generation, since: Instant::now() };
        true
    }

    fn current(&self) -> (C, u64) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        (current.connection.clone(), current.generation)
    }
}
