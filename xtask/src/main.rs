//! The chores of this workspace: `cargo xtask` lists them.

mod instructions;
mod interop;
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
                     plant mistakes, in the core and around it, and tell in how many of 200 000 seeds
                     each is found
  interop [--only ID] [--seed SEED]
                     official SDKs and countersign judge each other's deliveries; needs Node 20, and
                     installs the SDKs from the npm registry
  instructions [--record]
                     count the instructions of a delivery with Valgrind; fails if one takes 3 % more
                     than recorded
  providers          write PROVIDERS.md from the catalogue; `test` checks that it is up to date";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test(arguments.collect()),
        Some("simulate") => simulate::run(arguments.collect()),
        Some("interop") => interop::run(arguments.collect()),
        Some("instructions") => instructions::run(arguments.collect()),
        Some("providers") => providers(),
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
    all.extend(arguments.iter().cloned());
    let services = match services::find() {
        Ok(services) => services,
        Err(problem) => {
            eprintln!("> {problem}");
            return ExitCode::FAILURE;
        }
    };
    let variables = services.variables;
    let mut passed = cargo(&all, &variables);
    if arguments.is_empty() {
        // Features are united over a workspace, so what runs with others is outside of it.
        let features = "test --locked --manifest-path tests/features/Cargo.toml --target-dir \
                        target/features";
        let features: Vec<String> = features.split_whitespace().map(String::from).collect();
        passed &= cargo(&features, &variables);
    }
    if !passed {
        return ExitCode::FAILURE;
    }
    println!("> every test passed");
    ExitCode::SUCCESS
}

/// Writes the list of providers that people read.
fn providers() -> ExitCode {
    let write = "test --package countersign-tests --test core -- catalogue::the_list_of_providers";
    let arguments: Vec<String> = write.split_whitespace().map(String::from).collect();
    match cargo(&arguments, &[("COUNTERSIGN_WRITE", "1".to_owned())]) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn cargo(arguments: &[String], variables: &[(&'static str, String)]) -> bool {
    println!("> cargo {}", arguments.join(" "));
    // Cargo names itself to what it runs, so this is the toolchain that was asked for.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    match Command::new(cargo).args(arguments).envs(variables.iter().cloned()).status() {
        Ok(status) if status.success() => true,
        Ok(status) => {
            eprintln!("> cargo test: {status}");
            false
        }
        Err(error) => {
            eprintln!("> cannot run cargo: {error}");
            false
        }
    }
}
