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
//! | `maxmemory` | events per second × retention in seconds × 200 bytes | see the first line |
//!
//! [`RedisStore::connect`] asks for the first two and says what is wrong: an event at `error` level for
//! eviction (`warn` for a missing append-only file), or an error where [`refuse_eviction`](RedisStoreBuilder::refuse_eviction) is set.
//! [`RedisStore::check`] asks again at any time. With a [connection of your own](RedisStore::new),
//! call it yourself.
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
//! No event is swallowed by any of these: it may be handled twice. The store does not use `WAIT`,
//! which makes such a loss rarer and does not rule it out, nor Redlock, which needs several
//! independent servers and depends on their clocks agreeing on how fast time passes. Where an effect must
//! not happen twice, make it idempotent, or use a store in the database that the effect is in.
//!
//! # How it is kept
//!
//! Under the prefix and 32 hex digits of the event's key stands a string: `c` (claimed) or `d` (done),
//! and the owner's token in hex. It expires by the server's clock; a lease or retention is rounded
//! up to whole milliseconds and cut at a hundred years. A new event's claim is one
//! `SET … NX PX`; every other step is one script. Each touches one key, so that it works on a cluster.
//! A script that the server does not know (`NOSCRIPT`: it was restarted, or failed over) is sent in
//! full, which is the same step.
//!
//! A claim whose lease has run out is gone, so its owner learns
//! [`Lost`](countersign::Settled::Lost), whether somebody else has claimed the event since or nobody has.
//! A value that is none of the store's is never overwritten: it is an error.
//!
//! A user with few rights needs
//! `~countersign:* +ping +set +get +del +pexpire +pttl +eval +evalsha`; with `+info` as well, the
//! settings can be checked.
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
//! [`Lost`](countersign::Settled::Lost).
//!
//! Calls can be dropped at any time. The server may carry out what a dropped call asked for; other
//! calls on the connection are not disturbed.
//!
//! # Clusters, sentinels, proxies
//!
//! [`RedisStore::new`] takes every connection of the `redis` crate that tasks share by cloning it:
//! `ClusterConnection` with its feature `cluster-async` too. It is re-exported as [`redis`]. Behind
//! Sentinel or a managed service, use an address that always leads to the primary.
//!
//! # Requirements
//!
//! Redis 6.0 or later, or Valkey (nothing newer than Redis 2.6.12 is asked of the server; the tests run
//! on Redis 7.0). A tokio runtime with its timer and I/O enabled.
//!
//! # Feature flags
//!
//! | flag | default | |
//! |---|---|---|
//! | `tls-rustls` | off | `rediss://` addresses, with the system's certificates. rustls needs a `CryptoProvider`: one of its features `ring` and `aws_lc_rs` in your tree, or an installed default |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod connection;
mod encoding;
mod error;
mod report;
mod script;
mod store;

pub use builder::RedisStoreBuilder;
pub use connection::Connection;
pub use error::ConnectError;
pub use redis;
pub use report::{Eviction, ServerReport};
pub use store::RedisStore;
