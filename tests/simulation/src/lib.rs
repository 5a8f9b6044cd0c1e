//! The core of countersign in simulated worlds.
//!
//! A run is a seed: processes that are killed and paused, senders that retry, copy and hang up,
//! handlers that fail in every way, a store whose calls are late, lost, doubled and out of order,
//! clocks that drift and are set. It drives the real core, through its `Runtime`, `Clock` and
//! `Store`, on one thread and in virtual time, and checks the promises P1 to P5 and the memory
//! after every step. `cargo xtask simulate` runs it.
//!
//! - [`tape`]: chance that can be played again;
//! - [`executor`]: tasks, processes, time;
//! - [`model`]: the store; [`network`]: the way to it;
//! - [`process`], [`handler`], [`sender`], [`operator`], [`forger`]: who takes part;
//! - [`parking`]: attempts that are counted and events that are parked;
//! - [`secrets`]: where a process has its secrets from; [`tenants`]: whose they are;
//! - [`run`]: a run from beginning to end; [`shrink`]: a failing one made simple;
//! - [`faults`]: mistakes that are planted, to see that they are found.

pub mod executor;
pub mod faults;
pub mod forger;
pub mod handler;
pub mod model;
pub mod network;
pub mod operator;
pub mod parking;
pub mod process;
pub mod run;
pub mod secrets;
pub mod sender;
pub mod shrink;
pub mod tape;
pub mod tenants;
pub mod world;
