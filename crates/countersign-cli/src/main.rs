//! `countersign`: receive, verify and forward webhooks from the command line.
//!
//! The way of a delivery: [`listen`] has one layer of `countersign-tower` for each `--provider`
//! ([`endpoint`]) behind the server ([`serve`]); what the layer accepts is printed ([`output`])
//! or given to the user's own program ([`forward`]). What there is to say goes into the [`log`].
//! [`trigger`] is the other side: it sends as a provider would. [`verify`] says of a captured request
//! ([`capture`]) why it is not genuine.

mod args;
mod capture;
mod endpoint;
mod files;
mod forward;
mod listen;
mod log;
mod manual;
mod output;
mod providers;
mod serve;
mod signals;
mod stdio;
mod store;
mod trigger;
mod verify;

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
    let (done, code_of_problem) = match command {
        Command::Listen(args) => (listen::run(&args, &log).map(|()| ExitCode::SUCCESS), 1),
        Command::Providers(args) => (providers::run(&args).map(|()| ExitCode::SUCCESS), 1),
        // 1 is an answer here.
        Command::Verify(args) => (verify::run(&args), 2),
        Command::Trigger(args) => return trigger::run(&args),
        Command::Completions(args) => (manual::completions(&args).map(|()| ExitCode::SUCCESS), 1),
        Command::Man(args) => (manual::man(&args).map(|()| ExitCode::SUCCESS), 2),
    };
    let code = done.unwrap_or_else(|problem| {
        log.say(&format!("countersign: {problem}"));
        ExitCode::from(code_of_problem)
    });
    log.finish(LOG_GRACE);
    code
}

/// How long the end waits for the reader of stderr.
const LOG_GRACE: Duration = Duration::from_secs(2);

/// A line on stderr, before there is a log. `eprintln!` would panic if nobody reads it.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
