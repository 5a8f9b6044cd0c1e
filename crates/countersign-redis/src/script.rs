//! The scripts: each is one step on the keys of one event.

use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind};

use crate::connection::{Connection, Link};
use crate::encoding::Mark;

const STATE: &str = include_str!("scripts/state.lua");

/// All of a store's scripts.
pub(crate) struct Scripts {
    pub(crate) claim: Script,
    pub(crate) complete: Script,
    pub(crate) release: Script,
    pub(crate) forget: Script,
    pub(crate) look: Script,
    pub(crate) attempt: Script,
    pub(crate) uncount: Script,
    pub(crate) park: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            claim: Script::new(&[STATE, include_str!("scripts/claim.lua")]),
            complete: Script::new(&[
                include_str!("scripts/complete_plain.lua"),
                STATE,
                include_str!("scripts/complete.lua"),
            ]),
            release: Script::new(&[STATE, include_str!("scripts/release.lua")]),
            forget: Script::new(&[STATE, include_str!("scripts/forget.lua")]),
            look: Script::new(&[STATE, include_str!("scripts/look.lua")]),
            attempt: Script::new(&[STATE, include_str!("scripts/attempt.lua")]),
            uncount: Script::new(&[include_str!("scripts/uncount.lua")]),
            park: Script::new(&[STATE, include_str!("scripts/park.lua")]),
        }
    }
}

/// A script, and the digest that the server knows it by.
pub(crate) struct Script {
    code: String,
    digest: String,
}

/// What a script works on: `KEYS`, then `ARGV` in this order.
pub(crate) struct Arguments<'a> {
    pub(crate) keys: &'a [&'a [u8]],
    pub(crate) marks: &'a [&'a Mark],
    pub(crate) millis: Option<u64>,
    pub(crate) text: Option<&'a str>,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        // A release is sent in full each time: without what is for people.
        let lines = parts.iter().flat_map(|part| part.lines()).map(str::trim);
        let code: Vec<_> = lines.filter(|line| !line.starts_with("--")).collect();
        let code = code.join("\n");
        Self { digest: redis::Script::new(&code).get_hash().to_owned(), code }
    }

    /// Runs the script by its digest. A server that does not know it (restarted, failed over,
    /// flushed) gets the code, which is the same step, and knows it from then on.
    pub(crate) async fn run<C: Connection, T: FromRedisValue>(
        &self,
        link: &Link<C>,
        arguments: &Arguments<'_>,
    ) -> RedisResult<T> {
        match link.send(&command("EVALSHA", &self.digest, arguments)).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.run_whole(link, arguments).await
            }
            answer => answer,
        }
    }

    /// Runs the script by its code, which no server has to know. For what must be carried out even
    /// if nobody waits any longer for the answer that the server does not know it.
    pub(crate) async fn run_whole<C: Connection, T: FromRedisValue>(
        &self,
        link: &Link<C>,
        arguments: &Arguments<'_>,
    ) -> RedisResult<T> {
        link.send(&command("EVAL", &self.code, arguments)).await
    }
}

fn command(name: &str, script: &str, arguments: &Arguments<'_>) -> Cmd {
    // A guess that saves growing: marks, number and name are short.
    let keys = arguments.keys.iter().map(|key| key.len()).sum::<usize>();
    let mut command = Cmd::with_capacity(8, script.len() + keys + 112);
    command.arg(name).arg(script).arg(arguments.keys.len());
    for key in arguments.keys {
        command.arg(*key);
    }
    for mark in arguments.marks {
        command.arg(mark.as_bytes());
    }
    if let Some(millis) = arguments.millis {
        command.arg(millis);
    }
    if let Some(text) = arguments.text {
        command.arg(text);
    }
    command
}
