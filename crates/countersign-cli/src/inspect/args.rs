//! The inspector's part of the command line of `countersign listen`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Clone, Debug)]
pub(crate) struct InspectArgs {
    /// Show a page with the deliveries as they come, at http://HOST:PORT, such as 127.0.0.1:4040.
    ///
    /// It says why one was refused, and sends one again with a fresh signature. Other machines can reach
    /// it only where HOST is not a loopback address; --inspect-token is then needed.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) inspect: Option<String>,

    /// The token that the inspector asks for, of at least 16 characters. SOURCE: env:VARIABLE, or
    /// file:PATH.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) inspect_token: Option<String>,

    /// Keep the deliveries in this SQLite file too, so that they are still there after a restart. Tokens
    /// are not written to it; bodies are.
    #[arg(long, value_name = "FILE")]
    pub(crate) inspect_file: Option<PathBuf>,

    /// How many deliveries the inspector keeps, of together at most 64 MiB [default: 1000].
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000)
    )]
    pub(crate) inspect_keep: Option<usize>,
}

impl InspectArgs {
    /// An option that says something of an inspector, where there may be none.
    pub(crate) fn unused(&self) -> Option<&'static str> {
        let given = [
            ("--inspect-token", self.inspect_token.is_some()),
            ("--inspect-file", self.inspect_file.is_some()),
            ("--inspect-keep", self.inspect_keep.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}
