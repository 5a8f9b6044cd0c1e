//! A listener: a server with endpoints, and what handles their events.

mod builder;
mod check;
pub(crate) mod command;
mod endpoint;
mod exposed;
mod handling;
mod mount;
mod plan;
mod reread;
mod routes;
mod server;

pub(crate) use builder::Settings;
pub use builder::{Listener, Listening, StartError};
pub use endpoint::ListenEndpoint;
pub(crate) use exposed::Exposed;
pub(crate) use handling::{By, OUTPUT_GRACE, Work};
pub(crate) use mount::{Current, Mount};
pub(crate) use routes::{ReplayOf, Routes};
pub(crate) use server::bind;
