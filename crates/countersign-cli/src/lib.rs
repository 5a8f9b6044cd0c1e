//! The library under the program `countersign`: a listener for webhooks that a test suite can run in its
//! own process.
//!
//! It receives on a socket, accepts what is genuine, fresh and not handled before, and gives it to a
//! program over HTTP or to a closure. Of every request it says what became of it.
//!
//! ```
//! use countersign::signing::{Outgoing, Sender};
//! use countersign::{Endpoint, MemoryStore, Secret, catalogue};
//! use countersign_cli::{Listener, Verdict};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = Endpoint::builder("github", catalogue::provider("github")?)
//!     .secret(Secret::new("It's a Secret")?)
//!     .build()?;
//! let (seen, mut records) = tokio::sync::mpsc::unbounded_channel();
//! let listening = Listener::builder("127.0.0.1:0", MemoryStore::new())
//!     .endpoint(endpoint)
//!     .handler(async |delivery| if delivery.body().is_empty() { 422 } else { 200 })
//!     .on_record(move |record| drop(seen.send(record.clone())))
//!     .start()
//!     .await?;
//!
//! // Send it something, here by hand.
//! let url = listening.url("github").unwrap_or_default();
//! assert!(url.ends_with("/webhooks/github"));
//! # let mut stream = tokio::net::TcpStream::connect(listening.addr()).await?;
//! # use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//! # stream.write_all(b"POST /webhooks/github HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await?;
//! # stream.read_to_end(&mut Vec::new()).await?;
//! if let Some(record) = records.recv().await {
//!     assert_eq!(record.verdict, Verdict::Rejected);
//!     assert_eq!(record.reason, Some("signature_missing"));
//! }
//! listening.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # How it is made
//!
//! The way of a request: `serve` takes connections; `listen` finds the endpoint and puts one layer of
//! `countersign-tower` around the handler; what the layer accepts is printed (`output`) or given to the
//! user's own program (`forward`). `config` reads the file of endpoints. `record` is what is known of
//! a request, for everything that shows it; `metrics` are the same in numbers. What there is to say goes
//! into the `log`. `trigger` is the other side: it sends as a provider would. `verify` says of a captured
//! request (`capture`) why it is not genuine. `operate` looks into the `store` that remembers handled
//! events, and has them accepted again.

mod args;
mod capture;
mod config;
mod endpoint;
mod env_files;
mod files;
mod forward;
mod inspect;
mod json_line;
mod known;
mod listen;
mod log;
mod manual;
mod metrics;
mod operate;
mod output;
mod program;
mod providers;
mod record;
mod serve;
mod shell;
mod signals;
mod stdio;
mod store;
mod times;
mod trigger;
mod verify;
mod why;

pub use inspect::Inspect;
pub use listen::{ListenEndpoint, Listener, Listening, StartError};
#[doc(hidden)]
pub use program::main;
pub use record::{Facts, Forwarded, ProgramAnswer, Record, Verdict};

pub(crate) use program::{LOG_GRACE, say};
