//! `countersign`: receive, verify and forward webhooks from the command line.
//!
//! The way of a delivery: [`listen`] has one layer of `countersign-tower` for each `--provider`
//! ([`endpoint`]) behind the server ([`serve`]); what the layer lets through is printed ([`output`])
//! or given to the user's own program ([`forward`]).

mod args;
mod endpoint;
mod forward;
mod listen;
mod output;
mod serve;
mod signals;
mod store;

use std::io::Write as _;
use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let command = match args::parse() {
        Ok(command) => command,
        Err(code) => return code,
    };
    let done = match command {
        Command::Listen(args) => listen::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("countersign: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// A line on stderr. `eprintln!` would panic if nobody reads it.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
