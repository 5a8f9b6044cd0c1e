//! The deduplication store of [`countersign`] in Redis or Valkey: many processes, one memory.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use countersign::{Endpoint, Receiver, Secret, providers::hostwares};
//! use countersign_redis::RedisStore;
//!
//! let endpoint = Endpoint::builder("hostwares", hostwares::provider())
//!     .secret(Secret::from_env("HOSTWARES_WEBHOOK_SECRET")?)
//!     .build()?;
//! let store = RedisStore::connect("redis://127.0.0.1/").await?;
//! let receiver = Receiver::new(endpoint, store); // or `WebhookLayer::new(endpoint, store)`
//! # Ok(())
//! # }
//! ```
//!
//! # The server's settings
//!
//! The store keeps the promises of [`countersign::Store`] as far as the server keeps its data.
//!
//! | setting | set it to | or else |
//! |---|---|---|
//! | `maxmemory-policy` | `noeviction` | a server whose memory is full drops keys of this store, whatever other policy it has, and handled events are handled again. With `noeviction` it refuses new events (503 to the sender), and still completes and releases those that it has |
//! | `appendonly` | `yes` | a restart forgets what came after the last snapshot, or everything |
//! | `appendfsync` | `everysec`, or `always` | a crash or power failure forgets up to the last two seconds; with `always`, nothing |
//! | `maxmemory` | events per second × retention in seconds × 200 bytes, and failed attempts per second × 300 s × 400 bytes | see the first line |
//!
//! [`RedisStore::connect`] asks for the first two and says what is wrong: an event at `error` level for
//! eviction (`warn` for a missing append-only file), or an error where
//! [`refuse_eviction`](RedisStoreBuilder::refuse_eviction) is set. It also runs every script once, on a key that no event has, and fails with the permission or the
//! command that is missing. [`RedisStore::check`] does the same again at any time. With a
//! [connection of your own](RedisStore::new), call it yourself.
//!
//! # Failover
//!
//! Redis answers before its replicas have the data. When a primary fails and a replica takes over, the
//! last moments before may be missing from it:
//!
//! - A lost claim: a second handler may start while the first still runs. The first one's
//!   `complete` then answers [`Lost`](countersign::Settled::Lost).
//! - A lost `complete`: the event is in flight until its lease ends, and is then handled again if its
//!   provider sends it again.
//! - A primary that is cut off from its replicas goes on answering until it notices
//!   (`min-replicas-to-write` and `min-replicas-max-lag` bound that). What it granted meanwhile is lost.
//!
//! None of these loses an event: it may be handled twice. The store does not use `WAIT`,
//! which makes such a loss rarer and does not rule it out, nor Redlock, which needs several
//! independent servers and depends on their clocks agreeing on how fast time passes. Where an effect must
//! not happen twice, make it idempotent, or use a store in the database that the effect is in.
//!
//! # How it is kept
//!
//! Under the prefix and 32 hex digits of the event's key stands a string:
//!
//! | value | meaning |
//! |---|---|
//! | `c`, token | claimed by this token, as long as the key lives |
//! | `d`, token | handled by this token, as long as the key lives |
//! | `r` | not claimed, and a token was released within the last 5 minutes |
//! | `c` or `d`, token, time | the same as without the time until then (in ms since 1970), from then on the same as `r` |
//!
//! A token is 32 hex digits. Keys expire by the server's clock; a lease or retention is rounded up to
//! whole milliseconds and cut at a hundred years. A new event's claim is one `SET … NX PX`; every
//! other step is one script. A script that the server does not know (`NOSCRIPT`: it was restarted, or
//! failed over) is sent in full, which is the same step.
//!
//! A released token is remembered for 5 minutes ([`RELEASED_FOR`](countersign::RELEASED_FOR)) under a
//! second key, `{the event's key}r` and the token. So a claim that arrives after the release of its
//! own token changes nothing: the `SET … NX` finds what the release has left under the event's key,
//! and the script finds the token. The braces make a cluster place both keys in one slot. A handler
//! that fails costs the server about 400 bytes for 5 minutes, and about 200 for each further attempt
//! at the same event; one that succeeds costs nothing more than its mark.
//!
//! Endpoints that count attempts, and handlers that park events, have two more keys beside an event's, in the same
//! slot of a cluster:
//!
//! | key | value | lives |
//! |---|---|---|
//! | `{the event's key}a` | the token that was counted last (`0` if it was taken back), the number, and the time of the first attempt (in ms since 1970) | for the endpoint's retention after the last attempt |
//! | `{the event's key}p` | of a parked event: the token that has parked it, the number of attempts, when it was parked (in ms since 1970), and [`ParkedNote`](countersign::ParkedNote) as JSON | as long as the event is parked; it counts as long as the event's own key has that token |
//!
//! Parking removes the first one. The event's own key says `d` then, as of a handled event.
//!
//! Forgetting a handled event leaves the same behind as a release: `r`, and the token that had completed it
//! under its second key. It first reads which token that is, and then changes the event's key only if it
//! still has that one. The count and the record of a parked event go in the same step.
//!
//! This is the format of the first version too: programs of all versions work together. A value of another
//! format would be an error, as every value that is none of the store's.
//!
//! A claim whose lease has run out is gone, so its owner learns
//! [`Lost`](countersign::Settled::Lost), whether the event was claimed again or not.
//! A value that is none of the store's is never overwritten: it is an error.
//!
//! # Permissions
//!
//! A user with few rights needs this ACL rule, with your own prefix in both patterns:
//!
//! ```text
//! ~countersign:* ~{countersign:* +ping +set +get +del +exists +pexpire +pttl +time +eval +evalsha
//! ```
//!
//! With `+info` as well, the settings can be checked; with `+scan +mget`, the events be counted
//! ([`stats`](countersign::Store::stats)) and the parked ones listed ([`parked`](countersign::Store::parked)). None of these commands may be renamed.
//!
//! # When the server is away
//!
//! Every call ends within [1.5 s](RedisStoreBuilder::timeout), connecting included. A closed connection
//! is made anew by the call that finds it closed, without pauses that grow: while the server is down,
//! calls fail at once, and the first call after that works. The connection is also replaced when the
//! server has become a replica (behind an address that moves to the new primary), when it refused the
//! login, and when nothing but silence has come for 5 s.
//!
//! A command whose connection broke is sent a second time. Claiming and completing twice with one
//! token is doing it once; a release that was carried out, and whose answer was lost, answers
//! [`Lost`](countersign::Settled::Lost). A claim that was sent twice and not granted is released,
//! because what was sent first may still arrive.
//!
//! Calls can be dropped at any time. The server may carry out what a dropped call asked for; other
//! calls on the connection are not disturbed.
//!
//! # A cluster
//!
//! [`connect_cluster`](RedisStoreBuilder::connect_cluster) (feature `cluster`) connects to a Redis
//! Cluster: events are spread over its nodes by their keys, and all that one event needs is in one
//! slot. What is said above of a server holds for each node.
//!
//! - **Replication is asynchronous.** A primary that dies, and whose replica takes over, takes with it
//!   what it answered last and had not sent yet. Of those events, a claim or a mark "handled" is
//!   gone, and the event may be handled twice: see [Failover](#failover). A failover that is asked for
//!   (`CLUSTER FAILOVER`) loses nothing.
//! - **While a slot moves** (a reshard), new events are claimed and completed as ever. What needs two keys
//!   (a release, and the answer to a duplicate) is tried again until the slot has moved or the
//!   [time](RedisStoreBuilder::timeout) is over: then the store cannot answer, and the
//!   sender gets a 503. Nothing is lost, and nothing happens twice.
//! - **A node that is down or silent** costs the calls of its keys until a replica has taken over
//!   (`cluster-node-timeout`, 15 s unless set) and the store has heard of it: at a refused or closed
//!   connection at once, after mere silence within 5 s. Other keys are not concerned.
//! - **A connection that breaks** while a claim is on its way: the `redis` crate sends the claim again, and
//!   the store is not told. If the second is answered "in flight", the first may still arrive, and hold the
//!   event for one lease.
//!
//! # Connections of your own, sentinels, proxies
//!
//! [`RedisStore::new`] takes every connection of the `redis` crate that tasks share by cloning it. The
//! crate is re-exported as [`redis`]. Behind Sentinel or a managed service, use an address that always
//! leads to the primary. A proxy that spreads keys over servers must go by what is between braces, as
//! clusters do.
//!
//! A connection that repeats commands that are late can hold an event for one lease in the same way. A
//! `ClusterConnection` with a `response_timeout` is one: leave it out.
//!
//! # Requirements
//!
//! Redis 6.0 or later with `lua-replicate-commands` as it is by default, or Valkey (the tests run on
//! Redis 7.0). A tokio runtime with its timer and I/O enabled.
//!
//! # Feature flags
//!
//! | flag | default | |
//! |---|---|---|
//! | `cluster` | off | [`RedisStoreBuilder::connect_cluster`] |
//! | `tls-rustls` | off | `rediss://` addresses, with the system's certificates. rustls needs a `CryptoProvider`: one of its features `ring` and `aws_lc_rs` in your tree, or an installed default |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempts;
mod builder;
mod connection;
mod encoding;
mod error;
mod operate;
mod probe;
mod report;
mod script;
mod store;

pub use builder::RedisStoreBuilder;
pub use connection::Connection;
pub use error::{ConfigError, ConnectError};
pub use redis;
pub use report::{Eviction, ServerReport};
pub use store::RedisStore;
