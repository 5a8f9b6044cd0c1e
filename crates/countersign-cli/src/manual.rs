//! `countersign completions` and `countersign man`: what shells and readers of manual pages need.

use std::io::{ErrorKind, Write as _};

use crate::args::{self, CompletionsArgs, ManArgs};

/// The name of the program, whatever its file is called.
const NAME: &str = "countersign";

pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), String> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), NAME, &mut out);
    print(&out)
}

pub(crate) fn man(args: &ManArgs) -> Result<(), String> {
    let mut program = args::command();
    // So that each command knows its whole name.
    program.build();
    let command = match &args.command {
        None => program,
        Some(name) => program
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| format!("there is no command `{name}`: see `countersign --help`"))?,
    };
    let mut out = Vec::new();
    let written = clap_mangen::Man::new(command).render(&mut out);
    written.map_err(|error| format!("cannot make the page: {error}"))?;
    print(&out)
}

/// A reader may have read enough.
fn print(text: &[u8]) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write it: {error}"))
        }
        _ => Ok(()),
    }
}
