//! The chores of this workspace: `cargo xtask` lists them.

mod api;
mod command;
mod instructions;
mod interop;
mod msrv;
mod observability;
mod package;
#[path = "../../tests/ports.rs"]
mod ports;
mod probe;
mod programs;
mod published;
mod services;
mod simulate;

use std::env;
use std::process::{Command, ExitCode};

const COMMANDS: &str = "\
usage: cargo xtask <command>

commands:
  test [--install] [arguments]
                     run every test of the workspace, doctests and examples included;
                     arguments go to `cargo test`, such as the name of a test.
                     Uses the Redis and Postgres at REDIS_URL and DATABASE_URL, or at their
                     standard ports; otherwise starts throw-away ones. --install installs the
                     programs that are missing, with apt; without it they are named
  simulate [--seeds N] [--from S] [--seed S]
                     run the core in simulated worlds: 100 000 seeds by default. A seed
                     that breaks a promise is made simple and printed; --seed S runs that one
  simulate --faults [names]
                     plant mistakes, in the core and around it, and say in how many of 200 000 seeds
                     each is found
  simulate --check-faults [names]
                     plant the mistakes in the core, and only see that each still compiles
  interop [--only ID] [--seed SEED]
                     official SDKs and countersign judge each other's deliveries; needs Node 20, and
                     installs the SDKs from the npm registry
  instructions [--record]
                     count the instructions of a delivery with Valgrind; fails if a case takes 3 %
                     more than recorded
  observability [--install]
                     check the alert rules and the dashboard of examples/observability against a
                     real Prometheus; --install installs it, with apt
  providers          write PROVIDERS.md from the catalogue; `test` checks that it is up to date
  package            package each published crate, and check its licences, links and metadata
  msrv [--install]   check each published crate with the oldest Rust that it states; --install
                     installs that one, with rustup
  api [--base COMMIT]
                     show what the public API lost and gained since `main`";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next();
    let arguments: Vec<String> = arguments.collect();
    let outcome = match command.as_deref() {
        Some("test") => test(arguments),
        Some("simulate") => simulate::run(&arguments),
        Some("interop") => interop::run(&arguments),
        Some("instructions") => instructions::run(&arguments),
        Some("observability") => observability::run(&arguments),
        Some("providers") => providers(),
        Some("package") => package::run(),
        Some("msrv") => msrv::run(&arguments),
        Some("api") => api::run(&arguments),
        Some("help" | "--help" | "-h") => {
            println!("{COMMANDS}");
            Ok(())
        }
        Some(unknown) => {
            eprintln!("no such command: {unknown}\n\n{COMMANDS}");
            return ExitCode::from(2);
        }
        None => {
            eprintln!("{COMMANDS}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("> {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Workspaces of their own with tests, and where they are built. Features are united over a workspace, and
/// what nobody else needs would be built by everybody.
const OUTSIDE: [(&str, &str); 3] = [
    ("tests/features", "features"),
    ("examples/jetstream", "examples"),
    ("examples/lambda", "examples"),
];

fn test(mut arguments: Vec<String>) -> Result<(), String> {
    // What follows `--` is for the tests.
    let ours = arguments.iter().take_while(|argument| *argument != "--");
    let install = ours.into_iter().position(|argument| argument == "--install");
    if let Some(install) = install {
        arguments.remove(install);
    }
    let services = services::find(install.is_some())?;
    let mut variables = services.variables.clone();
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        // Most tests wait: for a server, or for time to pass.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        variables.push(("RUST_TEST_THREADS", (4 * cores).to_string()));
    }
    let variables = &variables;
    // One failure must not hide another.
    let all = ["test", "--workspace", "--all-features", "--no-fail-fast"].map(String::from);
    let mut all = Vec::from(all);
    all.extend(arguments.iter().cloned());
    let mut passed = cargo(&all, variables);
    if arguments.is_empty() {
        for (folder, target) in OUTSIDE {
            let outside = format!(
                "test --locked --manifest-path {folder}/Cargo.toml --target-dir target/{target}"
            );
            let outside: Vec<String> = outside.split_whitespace().map(String::from).collect();
            passed = passed.and(cargo(&outside, variables));
        }
    }
    passed?;
    println!("> every test passed");
    Ok(())
}

/// Writes the list of providers that people read.
fn providers() -> Result<(), String> {
    // Of the whole workspace, as `test` does: other features would build everything once more.
    let write = "test --workspace --all-features --test core -- catalogue::the_list_of_providers";
    let arguments: Vec<String> = write.split_whitespace().map(String::from).collect();
    cargo(&arguments, &[("COUNTERSIGN_WRITE", "1".to_owned())])
}

fn cargo(arguments: &[String], variables: &[(&'static str, String)]) -> Result<(), String> {
    println!("> cargo {}", arguments.join(" "));
    let variables = variables.iter().cloned();
    command::step(Command::new(command::cargo()).args(arguments).envs(variables))
}
