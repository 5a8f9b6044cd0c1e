//! The program. All of it is in the library, so that a test suite can run it in its own process.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign_cli::main()
}
