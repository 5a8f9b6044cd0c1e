//! `countersign`: receive, verify and forward webhooks from the command line.
//!
//! The way of a delivery: [`listen`] has one layer of `countersign-tower` for each `--provider`
//! ([`endpoint`]) behind the server ([`serve`]); what the layer accepts is printed ([`output`])
//! or given to the user's own program ([`forward`]). What there is to say goes into the [`log`].
//! [`trigger`] is the other side: it sends as a provider would.

mod args;
mod endpoint;
mod files;
mod forward;
mod listen;
mod log;
mod output;
mod providers;
mod serve;
mod signals;
mod stdio;
mod store;
mod trigger;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use args::Command;
use log::Log;

fn main() -> ExitCode {
    let command = match args::parse() {
        Ok(command) => command,
        Err(code) => return code,
    };
    let log = match Log::start() {
        Ok(log) => log,
        Err(error) => {
            say(&format!("countersign: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    log.take_panics();
    let done = match command {
        Command::Listen(args) => listen::run(&args, &log),
        Command::Providers(args) => providers::run(&args),
        Command::Trigger(args) => return trigger::run(&args),
    };
    if let Err(problem) = &done {
        log.say(&format!("countersign: {problem}"));
    }
    log.finish(LOG_GRACE);
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How long the end waits for the reader of stderr.
const LOG_GRACE: Duration = Duration::from_secs(2);

/// A line on stderr, before there is a log. `eprintln!` would panic if nobody reads it.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
