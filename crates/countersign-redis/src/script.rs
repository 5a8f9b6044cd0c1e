//! The scripts: each is one step on one key.

use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind};

use crate::connection::{Connection, Link};
use crate::encoding::Mark;

/// All of a store's scripts.
pub(crate) struct Scripts {
    pub(crate) claim: Script,
    pub(crate) complete: Script,
    pub(crate) release: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            claim: Script::new(include_str!("scripts/claim.lua")),
            complete: Script::new(include_str!("scripts/complete.lua")),
            release: Script::new(include_str!("scripts/release.lua")),
        }
    }
}

/// A script, and the digest that the server knows it by.
pub(crate) struct Script {
    code: &'static str,
    digest: String,
}

/// What a script works on: `KEYS[1]`, then `ARGV` in this order.
pub(crate) struct Arguments<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) marks: &'a [&'a Mark],
    pub(crate) millis: Option<u64>,
}

impl Script {
    fn new(code: &'static str) -> Self {
        Self { code, digest: redis::Script::new(code).get_hash().to_owned() }
    }

    /// Runs the script by its digest. A server that does not know it (restarted, failed over,
    /// flushed) gets the code, which is the same step, and knows it from then on.
    pub(crate) async fn run<C: Connection>(
        &self,
        link: &Link<C>,
        arguments: &Arguments<'_>,
    ) -> RedisResult<i64> {
        match link.send(&command("EVALSHA", &self.digest, arguments)).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.run_whole(link, arguments).await
            }
            answer => answer,
        }
    }

    /// Runs the script by its code, which no server has to know. For what must be carried out even
    /// if nobody waits any longer to be told that the server does not know it.
    pub(crate) async fn run_whole<C: Connection>(
        &self,
        link: &Link<C>,
        arguments: &Arguments<'_>,
    ) -> RedisResult<i64> {
        link.send(&command("EVAL", self.code, arguments)).await
    }
}

fn command(name: &str, script: &str, arguments: &Arguments<'_>) -> Cmd {
    // A guess that saves growing: marks, number and name are short.
    let mut command = Cmd::with_capacity(7, script.len() + arguments.key.len() + 112);
    command.arg(name).arg(script).arg(1).arg(arguments.key);
    for mark in arguments.marks {
        command.arg(mark.as_bytes());
    }
    if let Some(millis) = arguments.millis {
        command.arg(millis);
    }
    command
}
