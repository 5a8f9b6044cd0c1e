//! The program as its users meet it: started, sent to over sockets, read, stopped.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

mod browser;
mod browser_itself;
mod config;
mod config_check;
mod connections;
mod env_files;
mod forward;
mod in_process;
mod inspect;
mod known;
mod listen;
mod log;
mod manual;
mod metrics;
mod output;
mod parking;
mod program;
mod providers;
mod sender;
mod sighup;
mod start;
mod stdout;
mod stop;
mod store;
mod store_command;
mod store_migrate;
mod target;
mod targets;
mod terminal;
mod trigger;
mod trigger_answers;
mod verify;
