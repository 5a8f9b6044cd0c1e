//! What a server says about itself, as far as it matters here.

use redis::{RedisResult, Value, cmd};

use crate::connection::{Connection, Link};

/// What a server says about itself, as far as a store's promises depend on it.
///
/// Made by [`RedisStore::check`](crate::RedisStore::check). Of several nodes of a cluster, each
/// answer is the worst one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerReport {
    /// `redis_version`, or `valkey_version` where the server is a Valkey.
    pub version: Option<String>,
    /// Whether the server may drop keys before their retention ends.
    pub eviction: Eviction,
    /// Whether the server writes an append-only file. Without one, a restart forgets whatever came
    /// after the last snapshot, or everything.
    pub append_only: Option<bool>,
    /// Whether the server is a replica, which refuses every claim.
    pub replica: Option<bool>,
}

/// Whether a server may drop keys when its memory is full.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Eviction {
    /// It does not: its `maxmemory-policy` is `noeviction`, or its memory has no limit.
    Never,
    /// It does. Every policy but `noeviction` may take this store's keys, because they have an expiry.
    Possible {
        /// The server's `maxmemory-policy`.
        policy: String,
    },
    /// It does not say. Managed servers may forbid the question.
    Unknown,
}

impl ServerReport {
    /// Asks the server, in the way that it allows.
    pub(crate) async fn ask<C: Connection>(link: &Link<C>) -> RedisResult<Self> {
        // What does not need a permission tells whether the server can be reached at all.
        link.send::<Value>(&cmd("PING")).await?;
        let mut report = Self::read(&link.send(&cmd("INFO")).await.unwrap_or(Value::Nil));
        if report.eviction == Eviction::Unknown {
            let question = cmd("CONFIG").arg("GET").arg("maxmemory-policy").take();
            let answer = link.send::<Vec<String>>(&question).await.unwrap_or_default();
            report.eviction = eviction(answer.get(1).map(String::as_str), None);
        }
        Ok(report)
    }

    fn read(info: &Value) -> Self {
        let mut texts = Vec::new();
        collect(info, &mut texts);
        let nodes: Vec<Self> = texts.iter().map(|text| Self::of_node(text)).collect();
        let worst = |question: fn(&Self) -> Option<bool>, bad: bool| {
            let answers: Vec<_> = nodes.iter().filter_map(question).collect();
            answers.first().map(|first| if answers.contains(&bad) { bad } else { *first })
        };
        Self {
            version: nodes.first().and_then(|node| node.version.clone()),
            eviction: worst_eviction(&nodes),
            append_only: worst(|node| node.append_only, false),
            // In a cluster some nodes always are, and none of them is asked to write.
            replica: if nodes.len() > 1 { None } else { worst(|node| node.replica, true) },
        }
    }

    fn of_node(info: &str) -> Self {
        let field = |name: &str| {
            let mut fields = info.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
        };
        let limit = field("maxmemory").and_then(|bytes| bytes.parse().ok());
        Self {
            version: field("valkey_version").or_else(|| field("redis_version")).map(str::to_owned),
            eviction: eviction(field("maxmemory_policy"), limit),
            append_only: field("aof_enabled").map(|enabled| enabled == "1"),
            replica: field("role").map(|role| role == "slave"),
        }
    }
}

fn eviction(policy: Option<&str>, limit: Option<u64>) -> Eviction {
    match (policy, limit) {
        (Some("noeviction"), _) | (Some(_), Some(0)) => Eviction::Never,
        (Some(policy), _) => Eviction::Possible { policy: policy.to_owned() },
        (None, _) => Eviction::Unknown,
    }
}

fn worst_eviction(nodes: &[ServerReport]) -> Eviction {
    let badness = |eviction: &Eviction| match eviction {
        Eviction::Never => 0,
        Eviction::Unknown => 1,
        Eviction::Possible { .. } => 2,
    };
    let worst = nodes.iter().map(|node| &node.eviction).max_by_key(|eviction| badness(eviction));
    worst.cloned().unwrap_or(Eviction::Unknown)
}

/// One text from a server, several from the nodes of a cluster.
fn collect(info: &Value, texts: &mut Vec<String>) {
    match info {
        Value::BulkString(text) => texts.push(String::from_utf8_lossy(text).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => texts.push(text.clone()),
        Value::Array(nodes) => nodes.iter().for_each(|node| collect(node, texts)),
        Value::Map(nodes) => nodes.iter().for_each(|(_, node)| collect(node, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(policy: &str, limit: u64) -> Value {
        let info = format!(
            "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory:{limit}\r\n\
             maxmemory_human:x\r\nmaxmemory_policy:{policy}\r\naof_enabled:1\r\nrole:master\r\n"
        );
        Value::BulkString(info.into_bytes())
    }

    #[test]
    fn only_a_limit_with_another_policy_than_noeviction_can_evict() {
        let eviction = |policy, limit| ServerReport::read(&node(policy, limit)).eviction;
        assert_eq!(eviction("noeviction", 1_000), Eviction::Never);
        assert_eq!(eviction("volatile-lru", 0), Eviction::Never);
        for policy in ["volatile-lru", "allkeys-lfu", "volatile-ttl"] {
            assert_eq!(eviction(policy, 1), Eviction::Possible { policy: policy.into() });
        }
    }

    #[test]
    fn one_bad_node_makes_a_bad_cluster() {
        let name = || Value::SimpleString("node".into());
        let nodes = vec![(Value::Nil, node("noeviction", 1)), (name(), node("allkeys-lru", 1))];
        let report = ServerReport::read(&Value::Map(nodes));
        assert_eq!(report.eviction, Eviction::Possible { policy: "allkeys-lru".into() });
        assert_eq!(report.replica, None);
    }

    #[test]
    fn a_silent_server_is_unknown() {
        let report = ServerReport::read(&Value::Nil);
        assert_eq!(report.eviction, Eviction::Unknown);
        assert_eq!((report.version, report.append_only, report.replica), (None, None, None));
    }
}
