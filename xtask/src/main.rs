//! The chores of this workspace: `cargo xtask` lists them.

mod probe;
mod services;
mod simulate;

use std::env;
use std::process::{Command, ExitCode};

const COMMANDS: &str = "\
usage: cargo xtask <command>

commands:
  test [arguments]   run every test of the workspace, doctests and examples included;
                     arguments go to `cargo test`, such as the name of a test.
                     Uses the Redis and Postgres at REDIS_URL and DATABASE_URL, or at their
                     standard ports; otherwise starts throw-away ones, installs them, or says
                     what to install
  simulate [--seeds N] [--from S] [--seed S]
                     run the core in simulated worlds: 100 000 seeds unless told otherwise. A seed
                     that breaks a promise is made simple and printed; --seed S runs that one
  simulate --faults [names]
                     plant mistakes, in the core and around it, and tell in how many of 60 000 seeds
                     each is found";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test(arguments.collect()),
        Some("simulate") => simulate::run(arguments.collect()),
        Some("help" | "--help" | "-h") => {
            println!("{COMMANDS}");
            ExitCode::SUCCESS
        }
        Some(unknown) => {
            eprintln!("no such command: {unknown}\n\n{COMMANDS}");
            ExitCode::from(2)
        }
        None => {
            eprintln!("{COMMANDS}");
            ExitCode::from(2)
        }
    }
}

fn test(arguments: Vec<String>) -> ExitCode {
    // One failure must not hide another.
    let all = ["test", "--workspace", "--all-features", "--no-fail-fast"].map(String::from);
    let mut all = Vec::from(all);
    all.extend(arguments);
    let services = match services::find() {
        Ok(services) => services,
        Err(problem) => {
            eprintln!("> {problem}");
            return ExitCode::FAILURE;
        }
    };
    println!("> cargo {}", all.join(" "));

    // Cargo names itself to what it runs, so this is the toolchain that was asked for.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let variables = services.variables.iter().cloned();
    match Command::new(cargo).args(all).envs(variables).status() {
        Ok(status) if status.success() => {
            println!("> every test passed");
            ExitCode::SUCCESS
        }
        Ok(status) => {
            eprintln!("> cargo test: {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("> cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}
