//! The command line of `countersign store`.

use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Look into a store, accept a handled event again, purge and migrate.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub(crate) struct StoreArgs {
    /// The store that your receiver uses: sqlite:PATH, postgres://…, redis://…, or env:VARIABLE with
    /// one of these in it, so that a password is not on the command line.
    #[arg(value_name = "STORE")]
    pub(crate) store: String,

    /// The table in Postgres or SQLite, with its schema if it has one (app.webhooks)
    /// [default: countersign].
    #[arg(long, value_name = "TABLE", global = true)]
    pub(crate) table: Option<String>,

    /// What every key in Redis starts with [default: countersign:].
    #[arg(long, value_name = "PREFIX", global = true)]
    pub(crate) prefix: Option<String>,

    /// A file with variables for env:VARIABLE, in lines NAME=VALUE. They go before the environment.
    #[arg(long = "env-file", value_name = "FILE", global = true)]
    pub(crate) env_files: Vec<PathBuf>,

    /// Print JSON lines.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Count the events that are in flight, handled and parked, and what else takes room.
    ///
    /// It looks at everything, and holds up no delivery. With millions of events it takes seconds.
    Stats,
    /// Say what the store knows of an event.
    Show {
        /// The event's key as `listen` prints it, 32 hex digits.
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// List the events that are parked: those that failed too often, or that their handler gave up.
    ///
    /// They are not handled and do not come again by themselves. Remove the cause, `forget` the event, and
    /// have the provider send it again.
    Parked {
        /// At most so many, those that were parked first.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZero<u32>,
    },
    /// Accept handled and parked events again: the next delivery of each is handled.
    ///
    /// An event that is being handled is not forgotten. The provider knows nothing of this: have it
    /// send the events again.
    Forget {
        /// The events' keys as `listen` prints them, 32 hex digits; or - for stdin, which has a key in
        /// each line, or the JSON lines of `listen` or of `parked`.
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,

        /// Of JSON lines, only those of this endpoint: the NAME of a --provider, or an endpoint's id in
        /// the file.
        #[arg(long, value_name = "NAME")]
        endpoint: Option<String>,
    },
    /// Drop what has run out. `listen` does so by itself.
    Purge,
    /// Make the table, or bring an older one to this program's version.
    Migrate {
        /// Only say what would be done, and which rights the role lacks: exit code 1 if there is something
        /// to do.
        #[arg(long)]
        check: bool,
    },
}

const AFTER: &str = r#"Examples:
  countersign store env:DATABASE_URL stats
  countersign store sqlite:events.db show 4516429cf007aae5bcadde7a4ace7897
  countersign store env:DATABASE_URL parked --limit 20
  grep '"outcome":"accepted"' listen.log | countersign store env:REDIS_URL forget - --endpoint piora

Exit codes:
  0 done
  1 forget: an event is being handled, and was not forgotten; migrate --check: a migration is due, or rights are
    missing
  2 wrong command line, or the store cannot be used"#;
