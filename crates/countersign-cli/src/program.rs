//! The program: its commands, and its end.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use time::UtcOffset;

use crate::args::Command;
use crate::listen::command as listen;
use crate::log::Log;
use crate::{args, manual, operate, providers, trigger, verify};

/// Runs the program `countersign` with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    // It can only be found out while the process has one thread.
    let offset = UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC);
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
        Command::Listen(args) => {
            let code_of_problem = if args.check { 2 } else { 1 };
            (listen::run(&args, &log, offset).map(|()| ExitCode::SUCCESS), code_of_problem)
        }
        Command::Providers(args) => (providers::run(&args).map(|()| ExitCode::SUCCESS), 1),
        // 1 is an answer here.
        Command::Verify(args) => (verify::run(&args), 2),
        Command::Store(args) => (operate::run(&args), 2),
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
pub(crate) const LOG_GRACE: Duration = Duration::from_secs(2);

/// A line on stderr, before there is a log. `eprintln!` would panic if nobody reads it.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
