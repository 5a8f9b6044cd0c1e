//! Makes a number of deliveries and takes them, for a tool that counts instructions: `CASE TIMES`. With
//! `CASE TIMES --only-make` it stops in between: `cargo xtask instructions` subtracts the one count from
//! the other. Without arguments it lists the cases.

mod cases;
#[path = "../../src/headers.rs"]
mod headers;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((case, rest)) = arguments.split_first() else {
        cases::ALL.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let found = cases::ALL.iter().find(|(name, _)| name == case);
    let times = rest.first().and_then(|times| times.parse().ok());
    match (found, times, rest.get(1).map(String::as_str)) {
        (Some((_, case)), Some(times), None) => case(times, true),
        (Some((_, case)), Some(times), Some("--only-make")) => case(times, false),
        _ => {
            eprintln!("usage: countersign-instructions [CASE TIMES [--only-make]]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
