//! Whether the server allows what a store does.

use std::time::Duration;

use countersign::{ClaimToken, ErrorChain, EventKey, StoreError, StoreErrorKind};
use redis::{Cmd, ErrorKind, RedisError, RedisResult, Value, cmd};

use crate::attempts::places;
use crate::connection::{Connection, Link};
use crate::encoding::{Mark, Prefix, millis, released_key};
use crate::error::{says, store_error};
use crate::script::{Arguments, Scripts};

/// How long what a probe writes stays where it cannot remove it.
const SHORT: Duration = Duration::from_secs(10);

/// What the crate's page says that a user needs.
const RIGHTS: &str = "+ping +set +get +del +exists +pexpire +pttl +time +eval +evalsha";

/// What a probe works on: keys that are its own.
pub(crate) struct Probe {
    key: Vec<u8>,
    released: [Vec<u8>; 2],
    marks: [Mark; 3],
}

impl Probe {
    pub(crate) fn new(prefix: &Prefix) -> Result<Self, StoreError> {
        let (event, owner, other) =
            (ClaimToken::random()?, ClaimToken::random()?, ClaimToken::random()?);
        let key = prefix.key(EventKey::from_bytes(*event.as_bytes()));
        let released = [other, owner].map(|token| released_key(&key, token));
        let marks = [Mark::claimed(owner), Mark::claimed(other), Mark::done(owner)];
        Ok(Self { key, released, marks })
    }

    /// Does whatever a store does, once, and removes what that leaves.
    pub(crate) async fn run<C: Connection>(
        &self,
        link: &Link<C>,
        scripts: &Scripts,
    ) -> RedisResult<()> {
        let tried = match self.steps(link, scripts).await {
            // What a script met names no command.
            Err(error) if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) => {
                Err(self.culprit(link).await.unwrap_or(error))
            }
            tried => tried,
        };
        let removed = self.plain(link, cmd("DEL").arg(&self.key).arg(&self.released[..])).await;
        tried.and(removed)
    }

    async fn steps<C: Connection>(&self, link: &Link<C>, scripts: &Scripts) -> RedisResult<()> {
        let Self { key, released: [released, handled], marks: [claimed, other, done] } = self;
        let (count, record) = places(key);
        let (keys, millis) = ([&**key, &**released], Some(millis(SHORT)));
        self.plain(
            link,
            cmd("SET").arg(key).arg(claimed.as_bytes()).arg("NX").arg("PX").arg(millis),
        )
        .await?;
        let arguments = Arguments { keys: &keys, marks: &[claimed], millis, text: None };
        passed(scripts.claim.run::<_, Value>(link, &arguments).await)?;
        let arguments = Arguments { keys: &keys, marks: &[other], millis, text: None };
        passed(scripts.release.run_whole::<_, Value>(link, &arguments).await)?;
        let arguments = Arguments { keys: &[key], marks: &[claimed, done], millis, text: None };
        passed(scripts.complete.run::<_, Value>(link, &arguments).await)?;
        let arguments = Arguments {
            keys: &[key, handled, &count, &record],
            marks: &[done],
            millis,
            text: None,
        };
        passed(scripts.forget.run::<_, Value>(link, &arguments).await)?;
        let arguments = Arguments { keys: &[key], marks: &[], millis: None, text: None };
        passed(scripts.look.run::<_, Value>(link, &arguments).await)
    }

    /// The first command of the scripts that the server refuses by itself.
    async fn culprit<C: Connection>(&self, link: &Link<C>) -> Option<RedisError> {
        let key = &self.key;
        for command in [
            cmd("GET").arg(key),
            cmd("PTTL").arg(key),
            cmd("PEXPIRE").arg(key).arg(millis(SHORT)),
            cmd("EXISTS").arg(key),
            &mut cmd("TIME"),
            cmd("DEL").arg(key),
        ] {
            if let Err(error) = self.plain(link, command).await {
                return Some(error);
            }
        }
        None
    }

    async fn plain<C: Connection>(&self, link: &Link<C>, command: &Cmd) -> RedisResult<()> {
        passed(link.send::<Value>(command).await)
    }
}

/// A server that accepts no writes for now does not fail the probe: the report says so of a replica, and
/// each call of a full one.
fn passed<T>(answer: RedisResult<T>) -> RedisResult<()> {
    match answer {
        Err(error) if !["READONLY", "OOM", "NOREPLICAS"].iter().any(|code| says(&error, code)) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// What a probe failed with, and how to fix it.
pub(crate) fn refusal(error: RedisError, prefix: &Prefix) -> StoreError {
    if !says(&error, "NOPERM") {
        return store_error(error);
    }
    let prefix = prefix.as_str();
    let error = ErrorChain::of(&error);
    let what = format!(
        "the server's user may not do what the store needs ({error}). Give it the ACL rule \
         `~{prefix}* ~{{{prefix}* {RIGHTS}`"
    );
    StoreError::new(StoreErrorKind::Unavailable, what)
}
